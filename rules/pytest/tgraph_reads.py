# SPDX-License-Identifier: MIT
"""Which test files a case can depend on besides its own: the `reads` of the worker protocol.

All other files are inputs of every case; of the test files (by patterns of their base name, below the root) a case names
those that its own file reaches. What is seen:

  - imports, also of what is in sys.modules already (a wrapper of __import__ and of importlib's _gcd_import), and opens
    (audit events): an edge from every test file on the stack, and from the one that is collected or run just now
  - a test file's name after a quote, a dot or a slash in the source of another: an edge (sys.modules["test_b"])
  - a new process, a fork, a shared library that somebody loads by hand: what it reads is not seen, so it is an edge to all

An edge ends at a file and not at a case: what one case reads, all of its file do. A read that comes through code that is
neither a test file nor the standard library nor pytest (a conftest.py, a helper, a plugin) may be kept there and be handed to other
files, so from then on all cases name it (`sticky`).

Not seen: stat(), and what extension modules open by themselves.
"""
import importlib._bootstrap
import os
import re
import shutil
import sys
import sysconfig
import types
from fnmatch import translate

ALL = "*"  # as a target: every test file

PROCESSES = frozenset(
    ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn")
)
EVENTS = PROCESSES | {"open", "ctypes.dlopen"}
# Asked by the standard library (platform, ctypes.util); they read no file of a project.
HARMLESS = frozenset(("uname", "ldconfig", "getconf", "locale", "lsb_release"))
NOT_LISTED = frozenset((".git", ".hg", ".tgraph", "__pycache__", "node_modules"))
PYC = re.compile(r"\.(?:cpython|pypy)[^/]*\.pyc$")

NEUTRAL, OTHER = object(), object()
# A module's own dictionary: a lazy module may have an attribute of this name that imports things.
module_dict = types.ModuleType.__dict__["__dict__"].__get__

# Warnings and tracebacks leave out frames of importlib: this one must not be seen either, or a warning's stacklevel
# would end here. So the code says that it is one of them.
WRAPPER = """
def wrap_import(original, after):
    def __import__(name, globals=None, locals=None, fromlist=(), level=0):
        __tracebackhide__ = True
        module = original(name, globals, locals, fromlist, level)
        after(name, globals, fromlist, level)
        return module
    return __import__

def wrap_gcd_import(original, after):
    def _gcd_import(name, package=None, level=0):
        __tracebackhide__ = True
        module = original(name, package, level)
        after(module)
        return module
    return _gcd_import
"""


def braces(pattern):
    """a{b,c} is ab and ac, as in a Testfile's globs."""
    m = re.match(r"(.*?)\{([^{}]*)\}(.*)\Z", pattern, re.S)
    return [q for part in m[2].split(",") for q in braces(m[1] + part + m[3])] if m else [pattern]


class Reads:
    def __init__(self, root, patterns, neutral):
        """ROOT: absolute; PATTERNS: of base names; NEUTRAL: folders of code that keeps nothing (pytest, this adapter)."""
        self.root = os.path.realpath(root)
        self._prefix = self.root + os.sep
        self._base = re.compile("|".join(translate(p) for pattern in patterns for p in braces(pattern)))
        stdlib = {os.path.realpath(sysconfig.get_path(n)) + os.sep for n in ("stdlib", "platstdlib")}
        self._stdlib = tuple(stdlib)
        self._neutral = tuple(os.path.realpath(p) + os.sep for p in neutral)
        self._kinds = {}
        self._files = {}
        self._dull = {}  # name -> module of Python or pytest: none of its parts is a test file
        self.edges = {}
        self.sticky = set()
        self.context = None  # the test file whose cases are collected or run now
        self._listed = None
        self._stems = None
        self._mentioned = set()
        self._busy = False

    # ---- what is a test file ---------------------------------------------------------------------------------------
    def test_file(self, path):
        """PATH (as somebody wrote it) as an absolute path if it is a test file, or its compiled form; else None."""
        try:
            return self._files[path]
        except KeyError:
            pass
        full = os.path.abspath(path)
        if full.endswith(".pyc"):
            folder, name = os.path.split(full)
            if os.path.basename(folder) == "__pycache__":
                folder = os.path.dirname(folder)
            full = os.path.join(folder, PYC.sub("", name) + ".py" if PYC.search(name) else name[:-1])
        found = None
        if self._base.match(os.path.basename(full)):
            real = os.path.realpath(full)
            found = real if real.startswith(self._prefix) else None
        elif os.path.islink(full) and self._base.match(os.path.basename(os.path.realpath(full))):
            found = os.path.realpath(full)
            found = found if found.startswith(self._prefix) else None
        if os.path.isabs(path):  # a relative one depends on the working folder
            self._files[path] = found
        return found

    def _kind(self, filename):
        try:
            return self._kinds[filename]
        except KeyError:
            pass
        if filename.startswith(("<frozen", "<doctest")):
            kind = NEUTRAL
        else:
            real = os.path.realpath(filename)
            kind = self.test_file(filename)
            if kind is None:
                own = real.startswith(self._neutral)
                lib = real.startswith(self._stdlib) and "site-packages" not in real and "dist-packages" not in real
                kind = NEUTRAL if own or lib else OTHER
        self._kinds[filename] = kind
        return kind

    def listed(self):
        if self._listed is None:
            self._listed = []
            for folder, folders, files in os.walk(self.root):
                folders[:] = [f for f in folders if f not in NOT_LISTED]
                self._listed += [os.path.join(folder, f) for f in files if self._base.match(f)]
            self._links = {}  # what links below the root lead to -> the links
            for path in self._listed:
                if os.path.islink(path):
                    self._links.setdefault(os.path.realpath(path), []).append(path)
        return self._listed

    # ---- edges -----------------------------------------------------------------------------------------------------
    def _note(self, target, project_only=False):
        frame = sys._getframe(1)
        through = found = False
        files = []
        while frame is not None:
            kind = self._kind(frame.f_code.co_filename)
            if kind is OTHER:
                if not found:
                    if project_only and not os.path.realpath(frame.f_code.co_filename).startswith(self._prefix):
                        return
                    # Reading one's own file through a plugin's collector is what collecting is.
                    mine = target == self.context
                    if not mine or os.path.realpath(frame.f_code.co_filename).startswith(self._prefix):
                        through = True
            elif kind is not NEUTRAL:
                found = True
                files.append(kind)
            frame = frame.f_back
        if project_only and not found and not through:
            return
        if self.context is not None:
            files.append(self.context)
        for f in files:
            if f != target:
                self.edges.setdefault(f, set()).add(target)
        if through or not files:
            self.sticky.add(target)

    def _event(self, event, args):
        if event not in EVENTS or self._busy:
            return
        self._busy = True
        try:
            if event == "open":
                if not isinstance(args[0], int):
                    target = self.test_file(os.fsdecode(args[0]))
                    if target is not None:
                        self._note(target)
            elif event == "ctypes.dlopen":
                if args[0] is not None:
                    self._note(ALL, project_only=True)
            elif event != "subprocess.Popen" or not self._harmless(args):
                self._note(ALL)
        except Exception:
            self.sticky.add(ALL)
        finally:
            self._busy = False

    def _harmless(self, args):
        program, argv = args[0], args[1]
        if isinstance(argv, (str, bytes, os.PathLike)):
            argv = [argv]
        words = [os.fsdecode(a) for a in argv]
        name = os.path.basename(words[0]) if words else ""
        if program is not None and os.path.basename(os.fsdecode(program)) != name:
            return False
        if name == "tgraph" and words[1:2] == ["once"]:
            # What it gives is a function of what it names.
            for i, word in enumerate(words[: words.index("--") if "--" in words else len(words)]):
                if word != "--in" or i + 1 >= len(words):
                    continue
                target = ALL if os.path.isdir(words[i + 1]) else self.test_file(words[i + 1])
                if target is not None:
                    self._note(target)
            return True
        if name not in HARMLESS or os.sep in words[0]:
            return False
        found = shutil.which(name)  # it may be the project's own
        return found is None or not os.path.realpath(found).startswith(self._prefix)

    def _module(self, module):
        if not isinstance(module, types.ModuleType):
            return
        path = module_dict(module).get("__file__")
        if isinstance(path, str):
            target = self.test_file(path)
            if target is not None:
                self._note(target)

    def _imported(self, name, scope, fromlist, level):
        modules = sys.modules
        if not level and self._dull.get(name, self) is modules.get(name):
            return
        try:
            if level:
                package = (scope or {}).get("__package__")
                if package is None:
                    package = scope["__name__"] if "__path__" in scope else scope["__name__"].rpartition(".")[0]
                for _ in range(level - 1):
                    package = package.rpartition(".")[0]
                name = package + "." + name if name else package
            module = modules.get(name)
            self._module(module)
            if isinstance(module, types.ModuleType):
                own = module_dict(module)
                for part in fromlist or ():
                    self._module(modules.get(name + "." + part))
                    self._module(own.get(part))
                path = own.get("__file__")
                if name in sys.builtin_module_names or isinstance(path, str) and self._kind(path) is NEUTRAL:
                    self._dull[name] = module
            else:
                for part in fromlist or ():
                    self._module(modules.get(name + "." + part))
        except Exception:
            self.sticky.add(ALL)

    def install(self):
        import builtins

        made = {}
        exec(compile(WRAPPER, "<frozen importlib._bootstrap>", "exec"), made)
        builtins.__import__ = made["wrap_import"](builtins.__import__, self._imported)
        bootstrap = importlib._bootstrap
        bootstrap._gcd_import = made["wrap_gcd_import"](bootstrap._gcd_import, self._module)
        sys.addaudithook(self._event)
        # multiprocessing starts processes with this, without an event.
        import _posixsubprocess

        fork_exec = _posixsubprocess.fork_exec

        def noted_fork_exec(*args):
            if sys._getframe(1).f_globals.get("__name__") != "subprocess":  # that one has said so already
                self._note(ALL)
            return fork_exec(*args)

        _posixsubprocess.fork_exec = noted_fork_exec

    def mentions(self, path):
        """Edges for the names of test files in the source of PATH."""
        path = self.test_file(path)
        if path is None or path in self._mentioned:
            return
        self._mentioned.add(path)
        self._busy = True  # this is not the test's doing
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                words = set(re.findall(r"""["'./]([A-Za-z_]\w*)""", f.read()))
        except OSError:
            return
        finally:
            self._busy = False
        if self._stems is None:
            self._stems = {}
            for other in self.listed():
                self._stems.setdefault(os.path.splitext(os.path.basename(other))[0], []).append(other)
        for word in words & self._stems.keys():
            for other in self._stems[word]:
                other = os.path.realpath(other)
                if other != path:
                    self.edges.setdefault(path, set()).add(other)

    # ---- the answer ------------------------------------------------------------------------------------------------
    def of(self, path):
        """Paths relative to the root of the test files that a case of PATH can depend on."""
        start = self.test_file(path) or path
        todo, seen = [start, *self.sticky], set()
        while todo:
            at = todo.pop()
            if at in seen:
                continue
            seen.add(at)
            if at != ALL:
                self.mentions(at)
                todo.extend(self.edges.get(at, ()))
        if ALL in seen:
            seen.update(os.path.realpath(p) for p in self.listed())
        seen -= {ALL, start}
        self.listed()
        for real, links in self._links.items():  # where a link leads is another matter than what is there
            if real in seen:
                seen.update(links)
        return sorted(os.path.relpath(p, self.root) for p in seen)
