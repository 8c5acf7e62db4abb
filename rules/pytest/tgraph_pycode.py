# SPDX-License-Identifier: MIT
"""Compiled code that is kept by content.

Python takes a .pyc file for its source's when the time (whole seconds) and the size agree, so after an edit within a second old
code may run: a false pass. Tests therefore run with PYTHONDONTWRITEBYTECODE, and would compile everything in each process. Here a
code object has the name of all that it was made from: the bytes of the source, its path (which is in tracebacks), the interpreter, its
flags, and for what pytest rewrites also pytest's rewriting. No time is looked at.

    store = install()                      before the first import that should profit
    install_rewrite(store)                 for pytest's assertion rewriting; pytest has been imported
    ... store.trim()                       at the end

It lies in $TGRAPH_CACHE_DIR/pycode-v1, one file a module: shared by runs, workers and clones, bounded (trim), made by rename,
and ignored where it is damaged. Whatever goes wrong, the code is compiled as it would be without this.

A file of the repository is never loaded from a .pyc. One that is installed is if it has one, as always: nobody edits those.

What a compilation would warn of is compiled each time, so that the warning comes each time.
"""
import hashlib
import importlib.machinery
import importlib.util
import marshal
import os
import sys
import threading
import time
import types
import warnings

LIMIT_BYTES = 256 << 20
DAY_S, HOUR_S = 86400, 3600
DIGEST_BYTES = 16

# Tracebacks and warnings leave out frames of importlib: this one must not be seen either.
WRAPPER = """
def wrap(original, cached):
    def get_code(self, fullname):
        __tracebackhide__ = True
        code = cached(self, fullname)
        return original(self, fullname) if code is None else code
    return get_code
"""


def digest(*parts):
    h = hashlib.blake2b(digest_size=DIGEST_BYTES)
    for part in parts:
        h.update(b"%d:" % len(part))
        h.update(part)
    return h.digest()


def folder_of(environ):
    cache, root = environ.get("TGRAPH_CACHE_DIR"), environ.get("TGRAPH_ROOT")
    if cache and os.path.isabs(cache):
        return os.path.join(cache, "pycode-v1")
    if root and os.path.isdir(os.path.join(root, ".tgraph")):
        return os.path.join(root, ".tgraph", "pycode-v1")
    return None


class Store:
    def __init__(self, folder, root):
        self.folder = folder  # None: nothing is kept, and no .pyc of the repository is believed all the same
        self.rewritten = None  # what install_rewrite made: (path, config) -> code
        self.missed = None  # called when something has to be compiled
        self.quiet = None  # an object whose `_busy` is set while files of the store are opened: they are not the test's doing
        self._pid = os.getpid()
        self._writable = folder is not None
        self._saved = set()
        facts = (sys.version, sys.implementation.cache_tag, tuple(sys.flags), sorted(sys._xoptions.items()), os.environ.get("PYTHONNODEBUGRANGES"))
        self._salt = digest(b"tgraph pycode 1", importlib.util.MAGIC_NUMBER, repr(facts).encode("utf-8", "surrogateescape"))
        self._roots = tuple({os.path.abspath(root) + os.sep, os.path.realpath(root) + os.sep}) if root else ()
        self._installed = tuple({os.path.realpath(p) + os.sep for p in (sys.prefix, sys.base_prefix)} | {p + os.sep for p in (sys.prefix, sys.base_prefix)})
        self._folders = {}

    # ---- whose file is it ------------------------------------------------------------------------------------------
    def by_content(self, path):
        """Whether a .pyc of PATH must not be believed."""
        folder = os.path.dirname(os.path.abspath(path))
        try:
            return self._folders[folder]
        except KeyError:
            pass
        inside = folder + os.sep
        of_root = max((r for r in self._roots if inside.startswith(r)), key=len, default="")
        of_prefix = max((p for p in self._installed if inside.startswith(p)), key=len, default="")
        # The longer one decides: a virtual environment in the repository, a repository in /usr/src.
        self._folders[folder] = found = not of_prefix or len(of_root) >= len(of_prefix)
        return found

    # ---- files -----------------------------------------------------------------------------------------------------
    def key(self, path, source, *more):
        return digest(self._salt, path.encode("utf-8", "surrogateescape"), source, *more)

    def _file(self, key):
        return os.path.join(self.folder, key.hex())

    def load(self, key, path):
        """The code with this key, or None."""
        if self.folder is None:
            return None
        before = self._hush()
        try:
            with open(self._file(key), "rb") as f:
                data = f.read()
                used_s = os.fstat(f.fileno()).st_mtime
        except OSError:
            return None
        finally:
            self._unhush(before)
        told, payload = data[:DIGEST_BYTES], data[DIGEST_BYTES:]
        if told != digest(key, payload):  # marshal believes what it is given
            return None
        try:
            code = marshal.loads(payload)
        except (EOFError, ValueError, TypeError):
            return None
        if not isinstance(code, types.CodeType) or code.co_filename != path:
            return None

        if abs(time.time() - used_s) > DAY_S:
            try:
                os.utime(self._file(key))  # trim() takes the least recently used
            except OSError:
                pass
        return code

    def save(self, key, code):
        if not self._writable:
            return
        before = self._hush()
        try:
            payload = marshal.dumps(code)
            final = self._file(key)
            temporary = "%s.%d.tmp" % (final, os.getpid())
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
            try:
                fd = os.open(temporary, flags, 0o600)
            except FileNotFoundError:
                os.makedirs(self.folder, 0o700, exist_ok=True)
                fd = os.open(temporary, flags, 0o600)
            try:
                with open(fd, "wb") as f:
                    f.write(digest(key, payload) + payload)
                os.replace(temporary, final)
            except OSError:
                os.unlink(temporary)
                raise
            self._saved.add(key)
        except (OSError, ValueError):
            self._writable = False  # a read-only folder, a full disk: it stays as it is
        finally:
            self._unhush(before)

    def _hush(self):
        if self.quiet is None:
            return None
        before, self.quiet._busy = self.quiet._busy, True
        return before

    def _unhush(self, before):
        if self.quiet is not None:
            self.quiet._busy = before

    def after_fork(self):
        """In a child that goes on compiling."""
        self._pid, self.missed = os.getpid(), None

    def trim(self, limit_bytes=None):
        """Removes what was not used for the longest time. Looks at the folder once in a while only."""
        if os.getpid() != self._pid or (limit_bytes is None and not any(key[0] < 16 for key in self._saved)):
            return

        limit_bytes = LIMIT_BYTES if limit_bytes is None else limit_bytes
        found, total = [], 0
        try:
            with os.scandir(self.folder) as entries:
                for e in entries:
                    s = e.stat(follow_symlinks=False)
                    if e.name.endswith(".tmp"):
                        if time.time() - s.st_mtime > HOUR_S:
                            os.unlink(e.path)
                        continue
                    found.append((s.st_mtime_ns, s.st_size, e.path))
                    total += s.st_size
            if total > limit_bytes:
                for _, size, path in sorted(found):
                    os.unlink(path)
                    total -= size
                    if total <= limit_bytes * 3 // 4:
                        break
        except OSError:
            pass  # somebody else does the same

    # ---- compiling -------------------------------------------------------------------------------------------------
    def get(self, key, path, make):
        """The code of this key, from the store or from make(). None: it has to be made in the usual way."""
        code = self.load(key, path)
        if code is not None:
            return code
        if self.missed is not None:
            self.missed()
        # Filters of warnings belong to all threads.
        if threading.active_count() > 1 or os.getpid() != self._pid:
            return None
        try:
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                code = make()
        except Exception:
            return None  # the usual way tells it as usual
        if said:
            return None
        self.save(key, code)
        return code

    def ordinary(self, loader, fullname):
        """Code for an import of a source file; None: not from here."""
        try:
            if not sys.dont_write_bytecode or type(loader) is not importlib.machinery.SourceFileLoader:
                return None
            if any(getattr(type(loader), n) is not f for n, f in self.untouched):
                return None  # somebody compiles in a way of his own
            path = loader.get_filename(fullname)
            if not self.by_content(path) and os.path.exists(importlib.util.cache_from_source(path)):
                return None
            source = loader.get_data(path)
            return self.get(self.key(path, source), path, lambda: compile(source, path, "exec", dont_inherit=True, optimize=-1))
        except Exception:
            return None


def install(environ=os.environ):
    """For imports. None: .pyc files are wanted, or Python is another one than what is known here."""
    folder = folder_of(environ)
    loader = importlib.machinery.SourceFileLoader
    if sys.implementation.name != "cpython" or not sys.dont_write_bytecode:
        return None
    store = Store(folder, environ.get("TGRAPH_ROOT"))
    original = loader.get_code
    made = {}
    exec(compile(WRAPPER, "<frozen importlib._bootstrap_external>", "exec"), made)
    loader.get_code = made["wrap"](original, store.ordinary)
    names = ("get_code", "get_data", "get_filename", "source_to_code", "path_stats")
    store.untouched = [(n, getattr(loader, n)) for n in names]
    return store


# All that _rewrite_test of pytest 6.2 to 9 names; another one is not known, and left alone.
NAMES = frozenset(
    "os fspath stat open read read_bytes str ast parse rewrite_asserts compile importlib util source_hash".split()
)


def install_rewrite(store):
    """For modules whose assertions pytest rewrites."""
    import ast

    from _pytest.assertion import rewrite

    try:
        rewrite_test, read_pyc, rewriter = rewrite._rewrite_test, rewrite._read_pyc, rewrite.AssertionRewriter
        code = rewrite_test.__code__
        known = (
            code.co_varnames[: code.co_argcount] == ("fn", "config")
            and NAMES.issuperset(code.co_names)
            and {"_rewrite_test", "_read_pyc"}.issubset(rewrite.AssertionRewritingHook.exec_module.__code__.co_names)
            and read_pyc.__code__.co_varnames[: read_pyc.__code__.co_argcount] == ("source", "pyc", "trace")
        )
        with open(rewrite.__file__, "rb") as f:
            kind = digest(b"rewritten", f.read())
        parts = [(rewrite, "rewrite_asserts", rewrite.rewrite_asserts), (rewrite, "AssertionRewriter", rewriter)]
        parts += [(rewriter, n, getattr(rewriter, n)) for n in ("run", "visit_Assert", "generic_visit")]
    except (AttributeError, OSError):
        return False
    if not known:
        return False

    def cached(fn, config):
        try:
            if not sys.dont_write_bytecode or any(getattr(o, n) is not was for o, n, was in parts):
                return None
            path = os.fspath(fn)
            with open(path, "rb") as f:
                source = f.read()
            hook = b"%d" % bool(config.getini("enable_assertion_pass_hook"))

            def make():
                tree = ast.parse(source, filename=path)
                rewrite.rewrite_asserts(tree, source, path, config)
                return compile(tree, path, "exec", dont_inherit=True)

            return store.get(store.key(path, source, kind, hook), path, make)
        except Exception:
            return None

    def _rewrite_test(fn, config):
        __tracebackhide__ = True
        found = cached(fn, config)
        # The first one is written beside the code, and nothing is written.
        return rewrite_test(fn, config) if found is None else (None, found)

    def _read_pyc(source, pyc, trace=lambda x: None):
        return None if store.by_content(os.fspath(source)) else read_pyc(source, pyc, trace)

    rewrite._rewrite_test, rewrite._read_pyc = _rewrite_test, _read_pyc
    store.rewritten = cached
    return True
