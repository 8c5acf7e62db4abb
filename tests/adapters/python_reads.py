# SPDX-License-Identifier: MIT
"""rules/pytest: which test files a case reads, and the code that is kept."""
import os
import shutil
import subprocess
import sys
import tempfile
import time

from python_project import ADAPTER, ENV, PYTHON, Project, equal, finish, ok

# ---- reads --------------------------------------------------------------------------------------------------------------
def reads(p, cases, *args, patterns=("test_*.py", "*_test.py")):
    e = p.start(*args, own=["--test-files=" + x for x in patterns])
    e.ready()
    out = []
    for c in cases:
        m = e.case(c)
        assert m["outcome"] == "passed", m
        out.append(m["reads"])
    e.end()
    return out


FILES = {
    "test_base.py": "class Base:\n    x = 1\ndef test(): pass\n",
    "test_deep.py": "from test_base import Base\ndef test(): assert Base.x\n",
    "test_user.py": "import test_deep\ndef test(): assert test_deep\n",
    "test_alone.py": "def test(): pass\n",
    "test_open.py": "def test():\n    with open('test_alone.py') as f: assert f.read()\n",
    "test_lazy.py": "def test_1(): pass\ndef test_2():\n    import test_base\ndef test_3(): pass\n",
    "test_dyn.py": "import importlib\ndef test(): importlib.import_module('test_' + 'base')\n",
    "test_sys.py": "import sys\ndef test(): sys.modules.get('test_base')\n",
    "test_sub.py": "import subprocess, sys\ndef test(): subprocess.run([sys.executable, '-c', ''])\n",
    "test_fork.py": "import os\ndef test():\n    p = os.fork()\n    if not p: os._exit(0)\n    os.waitpid(p, 0)\n",
    "test_mp.py": "import multiprocessing as m\ndef f(): pass\ndef test():\n    p = m.get_context('spawn').Process(target=f); p.start(); p.join()\n",
    "test_uname.py": "import subprocess\ndef test(): subprocess.run(['uname'])\n",
    "sub/test_rel.py": "from . import test_rel2\ndef test(): pass\n",
    "sub/test_rel2.py": "def test(): pass\n",
    "sub/__init__.py": "",
    "helper.py": "import functools\n@functools.lru_cache()\ndef text():\n    with open('test_alone.py') as f: return f.read()\n",
    "test_helper.py": "import helper\ndef test(): helper.text()\n",
    "test_helped.py": "import helper\ndef test(): helper.text()\n",
}
with Project(**FILES) as p:
    every = sorted(f for f in FILES if "test_" in f)

    def others(f):
        return [x for x in every if x != f]

    for first, want in (
        ("test_alone.py::test", []),
        ("test_deep.py::test", ["test_base.py"]),
        ("test_user.py::test", ["test_base.py", "test_deep.py"]),
        ("test_open.py::test", ["test_alone.py"]),
        ("test_dyn.py::test", ["test_base.py"]),
        ("test_sys.py::test", ["test_base.py"]),
        ("test_sub.py::test", others("test_sub.py")),
        ("test_fork.py::test", others("test_fork.py")),
        ("test_mp.py::test", others("test_mp.py")),
        ("test_uname.py::test", []),
        ("sub/test_rel.py::test", ["sub/test_rel2.py"]),
    ):
        equal(reads(p, [first]), [want], "reads of " + first)
    # in one worker: what is in sys.modules already is seen too, and what one file does is not another's
    got = reads(p, ["test_base.py::test", "test_user.py::test", "test_sub.py::test", "test_alone.py::test", "test_deep.py::test"])
    equal(got, [[], ["test_base.py", "test_deep.py"], others("test_sub.py"), [], ["test_base.py"]], "reads in one worker")
    equal(reads(p, ["test_lazy.py::" + t for t in ("test_1", "test_2", "test_3")]), [[], ["test_base.py"], ["test_base.py"]], "what a case reads, later ones of its file do")
    equal(
        reads(p, ["test_base.py::test", "test_helper.py::test", "test_helped.py::test", "test_base.py::test"]),
        [[], ["test_alone.py"], ["test_alone.py"], ["test_alone.py"]],
        "what a helper may keep, all later cases read",
    )
    e = p.start(own=["--test-files=test_*.py"])
    e.ready()
    equal(e.case("test_no.py::test")["reads"], every, "a case that is not there reads all")
    e.end()
    # compiled files are read in place of sources
    subprocess.run([PYTHON, "-m", "compileall", "-q", "."], cwd=p.dir, check=True)
    equal(reads(p, ["test_user.py::test"]), [["test_base.py", "test_deep.py"]], "reads with compiled files")
with Project(
    **{
        "conftest.py": "import pytest, test_base\n@pytest.fixture(scope='session')\ndef server():\n    import subprocess, sys\n    subprocess.run([sys.executable, '-c', ''])\n",
        "test_base.py": "def test(): pass\n",
        "test_a.py": "def test(): pass\n",
        "test_b.py": "def test(server): pass\n",
    }
) as p:
    got = reads(p, ["test_a.py::test", "test_b.py::test", "test_a.py::test"])
    equal(got, [["test_base.py"], ["test_a.py", "test_base.py"], ["test_b.py", "test_base.py"]], "what a conftest.py does counts for all from then on")
with Project(**{"test_warn.py": "import warnings\nimport loud\ndef test():\n    with warnings.catch_warnings(record=True) as w:\n        import loud2\n        warnings.simplefilter('always')\n    assert w[0].filename == __file__\n", "loud.py": "", "loud2.py": "import warnings\nwarnings.simplefilter('always')\nwarnings.warn('x', stacklevel=2)\n"}) as p:
    equal(reads(p, ["test_warn.py::test"]), [[]], "a warning's stacklevel does not end in the import wrapper")

# ---- compiled code -----------------------------------------------------------------------------------------------------
def kept(cache):
    folder = os.path.join(cache, "pycode-v1")
    return sorted(os.path.join(folder, f) for f in os.listdir(folder)) if os.path.isdir(folder) else []


def seen_by(p, cache, *cases, args=(), own=()):
    """Outcomes and messages of CASES in a new worker."""
    e = p.start(*args, own=own, env={"TGRAPH_CACHE_DIR": cache})
    e.ready()
    got = [e.case(c) for c in cases]
    e.end()
    return [(m["outcome"], m.get("message")) for m in got]


MODULES = {
    "conftest.py": "import helper\n",
    "helper.py": "VALUE = 1\n",
    "test_a.py": "import helper\ndef test_1():\n    x = helper.VALUE\n    assert x == 2\n",
    "test_b.py": "def test(): pass\n",
    "test_c.py": "def test(): pass\n",
}


def rewrite_unseen(p, path, old, new):
    """An edit that neither the size nor the time tells."""
    full = os.path.join(p.dir, path)
    s = os.stat(full)
    with open(full) as f:
        text = f.read()
    assert len(old) == len(new) and old in text
    p.write({path: text.replace(old, new)})
    os.utime(full, ns=(s.st_atime_ns, s.st_mtime_ns))


with Project(**MODULES) as p, tempfile.TemporaryDirectory() as cache:
    env = {"TGRAPH_CACHE_DIR": cache, "TGRAPH_ROOT": p.dir}
    first = p.discover(env=env)
    files = kept(cache)
    ok(len(files) >= 5 and not any(f.endswith(".tmp") for f in files), "the collection keeps compiled code", files)
    before = {f: os.stat(f).st_mtime_ns for f in files}
    equal(p.discover(env=env), first, "... and finds the same with it")
    got = seen_by(p, cache, "test_a.py::test_1")
    ok(got[0][0] == "failed" and "assert 1 == 2" in got[0][1], "a worker with kept code shows values of an assertion", got)
    equal({f: os.stat(f).st_mtime_ns for f in kept(cache) if f in before}, before, "nothing is compiled twice")

    # .pyc files that say so by time and size
    subprocess.run([PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=p.dir, env=dict(ENV, PYTHONDONTWRITEBYTECODE=""), stdout=subprocess.DEVNULL)
    ok(os.path.isdir(os.path.join(p.dir, "__pycache__")), "there are compiled files")
    rewrite_unseen(p, "helper.py", "1", "2")
    rewrite_unseen(p, "test_b.py", "test()", "tes_()")
    equal(seen_by(p, cache, "test_a.py::test_1", "test_b.py::test"), [("passed", None), ("error", "pytest collects no test of this name")], "an edit within a second is seen")
    equal([c["id"] for c in p.discover(env=env)], ["test_a.py::test_1", "test_c.py::test"], "... by the collection too")

    nowhere = dict(env, TGRAPH_CACHE_DIR="")
    equal([c["id"] for c in p.discover(env=nowhere)], ["test_a.py::test_1", "test_c.py::test"], "... and without a place to keep code in")

    for f in kept(cache):
        with open(f, "rb") as g:
            data = g.read()
        half = len(data) // 2
        with open(f, "wb") as g:
            g.write(data[:half] + bytes([data[half] ^ 1]) + data[half + 1:])
    equal([c["id"] for c in p.discover(env=env)], ["test_a.py::test_1", "test_c.py::test"], "a damaged file is not believed")
    equal(seen_by(p, cache, "test_a.py::test_1"), [("passed", None)], "... by a worker neither")
    files = kept(cache)
    contents = []
    for f in files:
        with open(f, "rb") as g:
            contents.append(g.read())
    for f, data in zip(files, contents[1:] + contents[:1]):
        with open(f, "wb") as g:
            g.write(data)
    equal([c["id"] for c in p.discover(env=env)], ["test_a.py::test_1", "test_c.py::test"], "nor one that has another's name")
    for data in (b"", b"x"):
        for f in kept(cache):
            with open(f, "wb") as g:
                g.write(data)
        equal([c["id"] for c in p.discover(env=env)], ["test_a.py::test_1", "test_c.py::test"], "nor one of %d bytes" % len(data))
    blocked = os.path.join(p.dir, "helper.py", "below a file")
    equal([c["id"] for c in p.discover(env=dict(env, TGRAPH_CACHE_DIR=blocked))], ["test_a.py::test_1", "test_c.py::test"], "a folder that cannot be made is no error")

    # another path, another file
    os.rename(os.path.join(p.dir, "test_c.py"), os.path.join(p.dir, "test_d.py"))
    p.write({"test_d.py": "def test(): assert 0\n", "test_e.py": "def test(): assert 0\n"})
    got = seen_by(p, cache, "test_d.py::test", "test_e.py::test")
    e = p.start(env={"TGRAPH_CACHE_DIR": cache})
    e.ready()
    details = [e.case(c)["details"] for c in ("test_d.py::test", "test_e.py::test")]
    e.end()
    ok("test_d.py:1" in details[0] and "test_e.py:1" in details[1], "files of one content have their own names in tracebacks", details)

with Project(**{"test_a.py": "def test(): assert '\\d'\n", "test_b.py": "import b\ndef test(): pass\n", "b.py": "x = '\\d'\n"}) as p, tempfile.TemporaryDirectory() as cache:
    env = {"TGRAPH_CACHE_DIR": cache}
    strict = ("-W", "error:invalid escape sequence")
    for args, want in (((), 2), (strict, 0), ((), 2), (strict, 0)):
        equal(len(p.discover(*args, env=env)), want, "what a compilation warns of, it does each time %r" % (args,))

with Project(
    **{
        "conftest.py": "def pytest_assertion_pass(item, lineno, orig, expl):\n    item.config.told = expl\n",
        "test_a.py": "def test():\n    assert 1 == 1\ndef test_told(request):\n    assert getattr(request.config, 'told', None) is None, 'told'\n",
    }
) as p, tempfile.TemporaryDirectory() as cache:
    two = ("test_a.py::test", "test_a.py::test_told")
    hook = ("-o", "enable_assertion_pass_hook=true")
    for args, want in (((), "passed"), (hook, "failed"), ((), "passed"), (hook, "failed")):
        equal(seen_by(p, cache, *two, args=args)[1][0], want, "enable_assertion_pass_hook is another code %r" % (args,))

with Project(
    **{
        "test_a.py": """
            import importlib.machinery as m, os, sys, traceback
            import b

            def test_own_compiler():
                original = m.SourceFileLoader.source_to_code
                def doubled(self, data, path, *, _optimization=-1):
                    return original(self, data.replace(b"1", b"2"), path)
                m.SourceFileLoader.source_to_code = doubled
                try:
                    del sys.modules["b"]
                    import b
                    assert b.x == 2
                finally:
                    m.SourceFileLoader.source_to_code = original

            def test_syntax_error():
                open("c.py", "w").write("x = = 1\\n")
                try:
                    import c
                except SyntaxError:
                    text = traceback.format_exc()
                finally:
                    os.unlink("c.py")
                assert "pycode" not in text and "importlib" not in text and text.count("File") == 2, text

            def test_error_inside():
                open("d.py", "w").write("1/0\\n")
                try:
                    import d
                except ZeroDivisionError:
                    text = traceback.format_exc()
                finally:
                    os.unlink("d.py")
                assert "pycode" not in text and "importlib" not in text, text

            def test_thread():
                import concurrent.futures as f
                open("e.py", "w").write("x = 1\\n")
                try:
                    with f.ThreadPoolExecutor(2) as pool:
                        assert [pool.submit(__import__, "e").result().x for _ in range(3)] == [1] * 3
                finally:
                    os.unlink("e.py")
        """,
        "b.py": "x = 1\n",
        "test_bad.py": "def test(: pass\n",
    }
) as p, tempfile.TemporaryDirectory() as cache:
    names = ["test_own_compiler", "test_syntax_error", "test_error_inside", "test_thread"]
    for again in ("", ", again"):
        got = seen_by(p, cache, *("test_a.py::" + n for n in names))
        equal(got, [("passed", None)] * 4, "imports behave as always" + again)
    e = p.start(env={"TGRAPH_CACHE_DIR": cache})
    e.ready()
    details = e.case("test_bad.py::test")["details"]
    e.end()
    ok("SyntaxError" in details and "pycode" not in details, "a test file with a syntax error", details)

with Project(**{"test_%d.py" % i: "def test(): assert %d\n" % i for i in range(30)}) as p, tempfile.TemporaryDirectory() as cache:
    for thread in ("", "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"):
        p.write({"conftest.py": thread})
        shutil.rmtree(cache)
        os.mkdir(cache)
        command = [PYTHON, ADAPTER, "discover", "--"]
        q = subprocess.Popen(command, cwd=p.dir, env=dict(ENV, TGRAPH_CACHE_DIR=cache), stdout=subprocess.PIPE, start_new_session=True)
        out = q.communicate()[0]
        equal((q.returncode, out.count(b"\n")), (0, 30), "many new files" + ", threads" * bool(thread))
        try:
            os.killpg(q.pid, 0)
            left = True
        except ProcessLookupError:
            left = False
        equal(left, False, "... and no process is left")

with tempfile.TemporaryDirectory() as cache:
    code = """if 1:
        import os, sys
        sys.path.insert(0, %r)
        import tgraph_pycode as t
        s = t.Store(%r, None)
        keys = [s.key("p", b"%%d" %% i) for i in range(10)]
        for i, k in enumerate(keys):
            s.save(k, compile("x = '" + "y" * 1000 + "'", "p", "exec"))
            os.utime(s._file(k), (1000 + i, 1000 + i))
        assert s.load(keys[0], "p") and s.load(keys[1], "other") is None
        s.trim(5000)
        kept = [i for i, k in enumerate(keys) if os.path.exists(s._file(k))]
        assert kept == [0, 8, 9], kept
    """ % (os.path.dirname(ADAPTER), os.path.join(cache, "x"))
    q = subprocess.run([PYTHON, "-c", code], stderr=subprocess.PIPE)
    ok(q.returncode == 0, "the folder is bounded: the least recently used go first", q.stderr.decode())

finish()
