# SPDX-License-Identifier: MIT
"""Rewrites test files in a second process, last first, while the collection imports them, first first.

Most of a first collection is compiling, and the machine's other processors have nothing to do then. All that the second process does is to put code into the
store (tgraph_pycode), where the first finds it or does not. It begins when two files were missing: after an edit of one there is
nothing to help with. It is gone when the collection is done, or the first process ended in some other way.
"""
import os
import signal
from fnmatch import fnmatch

WANTED = 2  # files that were missing in the store


class Ahead:
    def __init__(self, store, config):
        self._store = store
        self._config = config
        self._missed = 0
        self._pid = None
        if hasattr(os, "fork") and hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1:
            store.missed = self._one_missed

    def _one_missed(self):
        self._missed += 1
        if self._missed < WANTED:
            return
        self._store.missed = None
        try:
            if len(os.listdir("/proc/self/task")) != 1:
                return  # a fork would leave its threads behind, in the middle of something
            parent = os.getpid()
            self._pid = os.fork()
        except OSError:
            return
        if self._pid == 0:
            try:
                self._compile(parent)
            finally:
                os._exit(0)

    def _compile(self, parent):
        null = os.open(os.devnull, os.O_RDWR)
        for fd in range(3):
            os.dup2(null, fd)
        os.closerange(3, 1024)  # an answer that is waited for ends with the first process
        self._store.after_fork()
        for path in reversed(list(self._files())):
            if os.getppid() != parent:
                return
            self._store.rewritten(path, self._config)

    def _files(self):
        """About those that will be collected, and about in their order."""
        config = self._config
        names = config.getini("python_files")
        skipped = config.getini("norecursedirs")
        given = list(getattr(config.known_args_namespace, "file_or_dir", ())) or config.getini("testpaths") or ["."]
        for top in given:
            top = os.path.abspath(top.split("::")[0])
            if os.path.isfile(top):
                yield top
            for folder, folders, files in os.walk(top):
                folders[:] = sorted(
                    f for f in folders
                    if not any(fnmatch(f, p) for p in skipped) and not os.path.exists(os.path.join(folder, f, "pyvenv.cfg"))
                )
                for name in sorted(files):
                    if any(fnmatch(name, p) for p in names):
                        yield os.path.join(folder, name)

    def end(self):
        self._store.missed = None
        if self._pid:
            try:
                os.kill(self._pid, signal.SIGKILL)
                os.waitpid(self._pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass  # the project has waited for it
            self._pid = None
