#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""rules/pytest and rules/python against plain pytest and against the worker protocol.

The oracle runs the same project with plain pytest and a plugin that notes what the terminal reporter counts. TAP output.
PYTHON=path names another interpreter (with another pytest) for the adapter and the oracle.
"""
import atexit
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from python_engine import Engine, serve_all  # noqa: E402

TOP = os.path.dirname(os.path.dirname(HERE))
ADAPTER = os.path.join(TOP, "rules", "pytest", "tgraph_pytest.py")
LIBRARY = os.path.join(TOP, "rules", "python")
PYTHON = os.environ.get("PYTHON", sys.executable)
CACHE = tempfile.mkdtemp(prefix="tgraph-adapter-cache-")
atexit.register(shutil.rmtree, CACHE, True)
ENV = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0", TGRAPH_CACHE_DIR=CACHE)
for name in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS", "PYTHONPATH", "TGRAPH"):
    ENV.pop(name, None)

ORACLE = """
import json, os
import pytest

seen = {}

def pytest_runtest_logreport(report):
    seen.setdefault(report.nodeid, []).append(report)

@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter):
    # What the terminal reporter has put under which heading: the phases of a test, and its sub-tests.
    found = {}
    for category, reports in terminalreporter.stats.items():
        for r in reports:
            if hasattr(r, "nodeid") and hasattr(r, "when") and category:
                found.setdefault(r.nodeid, []).append(category)
    rank = ["failed", "error", "skipped", "xfailed", "xpassed", "passed"]
    with open(os.environ["ORACLE_OUT"], "w") as f:
        json.dump({n: min((c for c in cs if c in rank), key=rank.index) for n, cs in found.items() if n in seen}, f)
"""

count = failures = 0


def ok(condition, name, why=""):
    global count, failures
    count += 1
    failures += not condition
    print("%sok %d - %s" % ("" if condition else "not ", count, name))
    if not condition:
        for line in str(why).splitlines():
            print("#   " + line)
    sys.stdout.flush()


def equal(got, want, name):
    ok(got == want, name, "got:    %r\nwanted: %r" % (got, want))


class Project:
    def __init__(self, **files):
        self.dir = os.path.realpath(tempfile.mkdtemp(prefix="tgraph-adapter-"))
        self.write(files)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, files):
        for path, content in files.items():
            full = os.path.join(self.dir, path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(textwrap.dedent(content).lstrip("\n"))

    def discover(self, *args, env=None):
        p = subprocess.run(
            [PYTHON, ADAPTER, "discover", "--", *args],
            cwd=self.dir, env=dict(ENV, **(env or {})), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        self.stderr = p.stderr.decode()
        self.stdout = p.stdout.decode()
        self.status = p.returncode
        if p.returncode and "-v" in sys.argv:
            sys.stderr.write(self.stderr)
        return [json.loads(line) for line in p.stdout.splitlines()]

    def start(self, *args, own=(), env=None):
        return Engine([PYTHON, ADAPTER, "serve", *own, "--", *args], self.dir, dict(ENV, **(env or {})))

    def outcomes(self, *args, own=(), cases=None):
        done, self.errors = serve_all(lambda: self.start(*args, own=own), cases or self.discover(*args))
        self.done = done
        return {k: v["outcome"] for k, v in done.items()}

    def oracle(self, *args):
        with tempfile.TemporaryDirectory() as d:
            with open(os.path.join(d, "tgraph_oracle.py"), "w") as f:
                f.write(ORACLE)
            out = os.path.join(d, "out.json")
            env = dict(ENV, ORACLE_OUT=out, PYTHONPATH=d)
            p = subprocess.run(
                [PYTHON, "-m", "pytest", "-p", "no:cacheprovider", "-p", "tgraph_oracle", *args],
                cwd=self.dir, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            )
            with open(out) as f:
                self.plain = p.stdout.decode()
                return json.load(f)

    def tree(self):
        return {os.path.relpath(os.path.join(a, x), self.dir) for a, _, c in os.walk(self.dir) for x in c}

    def same(self, name, *args, own=()):
        """Served case by case, the outcomes are those of plain pytest, and nothing is left in the tree."""
        before = self.tree()
        served = self.outcomes(*args, own=own)
        equal(self.tree() - before, set(), name + ": leaves nothing behind")
        plain = self.oracle(*args)
        # Names that are too long for a case end in a digest.
        plain = {next((i for i in served if len(k) > 4096 and i[:3000] == k[:3000]), k): v for k, v in plain.items()}
        ids = {k.split(" (")[0] if k not in plain else k: v for k, v in served.items()}
        different = {k: (ids.get(k), plain.get(k)) for k in {*ids, *plain} if ids.get(k) != plain.get(k)}
        ok(not different and served, name + ": outcomes as under pytest (%d)" % len(served), "case: (served, plain): %r" % different)
        return served


def installed(module):
    return subprocess.run([PYTHON, "-c", "import " + module], stderr=subprocess.DEVNULL).returncode == 0


def version():
    p = subprocess.run([PYTHON, "-c", "import pytest; print(pytest.__version__)"], stdout=subprocess.PIPE, check=True)
    return tuple(int(x) for x in p.stdout.decode().split(".")[:2])


# ---- outcomes ------------------------------------------------------------------------------------------------------
ODD = {
    "pytest.ini": """
        [pytest]
        addopts = -x --doctest-modules -p no:cacheprovider
        markers =
            slow: takes long
            focus
        python_files = test_*.py
    """,
    "conftest.py": """
        import pytest

        def pytest_addoption(parser):
            parser.addoption("--focus", action="store_true")

        @pytest.fixture(scope="session")
        def log(request):
            return []

        if int(pytest.__version__.split(".")[0]) >= 7:
            def pytest_collect_file(parent, file_path):
                if file_path.suffix == ".yaml":
                    return Yaml.from_parent(parent, path=file_path)
        else:
            def pytest_collect_file(parent, path):
                if path.ext == ".yaml":
                    return Yaml.from_parent(parent, fspath=path)

        class Yaml(pytest.File):
            def collect(self):
                for name in ("good", "bad", "same", "same"):
                    yield YamlItem.from_parent(self, name=name)

        class YamlItem(pytest.Item):
            def runtest(self):
                assert self.name != "bad"
    """,
    "src_doc.py": '''
        def double(x):
            """
            >>> double(2)
            4
            >>> double(3)
            7
            """
            return 2 * x
    ''',
    "data.yaml": "a: 1\n",
    "test_plain.py": r'''
        import os, sys, unittest
        import pytest

        @pytest.mark.parametrize("x", [1, 2, "é☃", "a/b::c", "[x]", "a\nb\t", "", " ", "x" * 5000, "\ud800", b"\xff", None])
        def test_ids(x):
            assert x != 2

        def test_same_param_ids():
            pass

        @pytest.mark.parametrize("x", [1, 2], ids=["same", "same"])
        def test_twice(x):
            assert x == 1

        @pytest.fixture
        def broken_setup():
            raise ValueError("broken set-up")

        @pytest.fixture
        def broken_teardown():
            yield
            raise ValueError("broken tear-down")

        def test_setup_error(broken_setup):
            pass

        def test_teardown_error(broken_teardown):
            pass

        def test_both(broken_teardown):
            assert 0, "in the call"

        @pytest.mark.skip(reason="of a mark")
        def test_skip_mark():
            pass

        def test_skip_call():
            pytest.skip("in the call")

        @pytest.fixture
        def skipping():
            pytest.skip("in a fixture")

        def test_skip_fixture(skipping):
            pass

        @pytest.mark.skipif(sys.version_info > (3,), reason="three")
        def test_skipif():
            pass

        @pytest.mark.xfail(reason="known")
        def test_xfail():
            assert 0

        @pytest.mark.xfail(reason="known")
        def test_xpass():
            pass

        @pytest.mark.xfail(strict=True, reason="strict")
        def test_xpass_strict():
            pass

        @pytest.mark.xfail(raises=KeyError)
        def test_xfail_other():
            raise ValueError

        def test_xfail_call():
            pytest.xfail("imperative")

        @pytest.mark.xfail(run=False, reason="not run")
        def test_xfail_norun():
            os._exit(9)

        @pytest.mark.xfail
        def test_xfail_teardown(broken_teardown):
            assert 0

        @pytest.mark.xfail
        def test_xfail_setup(broken_setup):
            pass

        def test_system_exit():
            sys.exit(0)

        def test_output(capfd):
            print("out"); os.write(1, b"fd\n")
            assert capfd.readouterr().out == "out\nfd\n"

        def test_noise():
            os.write(1, b'{"type":"done","id":1,"outcome":"passed"}\n')
            os.system("echo from a child")
            assert 0

        def test_cwd(tmp_path, monkeypatch):
            os.chdir(str(tmp_path)); os.environ["LEFT"] = "1"; sys.path.insert(0, "left")

        def test_cwd_kept():
            assert os.environ["LEFT"] == "1" and sys.path[0] == "left" and not os.path.exists("pytest.ini")

        @pytest.mark.slow
        @pytest.mark.focus
        def test_marked():
            pass

        class TestClass:
            seen = []

            @pytest.fixture(scope="class", autouse=True)
            def once(self):
                self.seen.append("up")
                yield
                self.seen.append("down")

            def test_one(self):
                assert self.seen == ["up"]

            def test_two(self):
                assert self.seen == ["up"]

        def test_class_is_torn_down():
            assert TestClass.seen == ["up", "down"]

        class TestUnit(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                cls.x = 1

            def test_a(self):
                self.assertEqual(self.x, 1)

            def test_b(self):
                self.assertEqual(self.x, 2)

            @unittest.expectedFailure
            def test_expected(self):
                self.assertEqual(1, 2)

            @unittest.expectedFailure
            def test_unexpected(self):
                pass

            @unittest.skip("no")
            def test_skipped(self):
                pass

            def test_self_skip(self):
                self.skipTest("no")

        class TestBrokenClass(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise ValueError("class")

            def test_a(self):
                pass

            def test_b(self):
                pass

        def test_warns():
            import warnings
            with pytest.warns(UserWarning):
                warnings.warn("x")
    ''',
    "test_scopes.py": """
        import pytest

        state = []

        @pytest.fixture(scope="module", autouse=True)
        def module():
            state.append("up")
            yield
            assert 0, "module tear-down"

        @pytest.fixture(scope="module", params=["a", "b"])
        def param(request):
            state.append(request.param)
            return request.param

        def test_one(param):
            assert state.count(param) == 1

        def test_two(param):
            assert state.count(param) == 1

        def test_session(log):
            log.append(1)
            assert len(log) == 1
    """,
    "test_last.py": """
        def test_session_lives_on(log):
            log.append(2)
            assert log in ([1, 2], [2])
    """,
    "pkg/__init__.py": "",
    "pkg/conftest.py": """
        import pytest

        @pytest.fixture
        def where():
            return "pkg"

        def pytest_runtest_setup(item):
            item.seen_by_pkg = True
    """,
    "pkg/test_a.py": """
        def test_where(where, request):
            assert where == "pkg" and request.node.seen_by_pkg
    """,
    "pkg/test_b.py": """
        def test_where(where):
            assert where != "pkg"
    """,
    "other/test_alone.py": """
        def test_where(request):
            assert not hasattr(request.node, "seen_by_pkg")

        def test_no_fixture(where):
            pass
    """,
}

with Project(**ODD) as p:
    served = p.same("an odd project", "-o", "addopts=--doctest-modules")
    bad = p.done["data.yaml::bad"]
    ok("data.yaml::same (2)" in served, "two items of one name are two cases", sorted(served))
    ok(all(len(k.encode()) <= 4096 and k.isprintable() for k in served), "names are printable and at most 4,096 bytes")
    d = p.done["test_plain.py::test_noise"]
    ok("from a child" in d["details"] and "Captured stdout call" in d["details"], "captured output is in the details", d)
    equal(p.done["test_plain.py::test_skip_call"]["message"], "in the call", "a skip's reason is its message")
    equal(p.done["test_plain.py::test_xfail"]["message"], "known", "an xfail's too")
    ok("assert 2 != 2" in p.done["test_plain.py::test_ids[2]"]["message"], "assertions are rewritten", p.done["test_plain.py::test_ids[2]"])
    ok(
        "ERROR at teardown of test_both" in p.done["test_plain.py::test_both"]["details"]
        and "in the call" in p.done["test_plain.py::test_both"]["details"],
        "a failed call and a failed tear-down are both shown",
    )
    by_id = {c["id"]: c for c in p.discover("-o", "addopts=--doctest-modules")}
    c = by_id["test_plain.py::test_marked"]
    equal((c["tags"], c["group"], c["inputs"]), (["focus", "slow"], "test_plain.py", ["test_plain.py"]), "marks are tags; a file is a group and an input")
    again = p.discover("-o", "addopts=--doctest-modules")
    equal(again, list(by_id.values()), "the same list every time")
    bare = p.discover("-o", "addopts=--doctest-modules", "-p", "no:asyncio")
    ok(bare and all("data" not in c for c in bare), "without hooks on the list, cases have no data")
    equal(
        [c["id"] for c in p.discover("-o", "addopts=", "-m", "slow", "--focus")], ["test_plain.py::test_marked"], "-m and options of the project select"
    )
    equal((p.discover("-o", "addopts=", "-k", "nothing_of_this_name"), p.status), ([], 0), "nothing selected: no cases, and no error")
    # addopts has -x: the first failure must not stop the others
    plain = p.outcomes()
    ok(list(plain.values()).count("failed") > 3, "-x stops nothing", plain)
    served = p.outcomes("-o", "addopts=--doctest-modules", "-s", own=["--collect=all"])
    ok(served["pkg/test_a.py::test_where"] == "passed" and served["pkg/test_b.py::test_where"] == "failed", "--collect=all, -s", served)

with Project(**{k: v for k, v in ODD.items() if k in ("pkg/test_a.py", "pkg/conftest.py", "other/test_alone.py")}) as p:
    p.write({"other/test_a.py": "from . import x\n" if False else "def test_same_basename(): pass\n"})
    p.same("rootdir/conftest, one base name twice", "--import-mode=importlib")

if version() >= (9, 0) or installed("pytest_subtests"):
    with Project(
        **{
            "test_sub.py": """
                import unittest

                def test_subs(subtests):
                    for i in range(3):
                        with subtests.test("m", i=i):
                            assert i != 1

                def test_good(subtests):
                    with subtests.test(i=0):
                        pass

                class TestU(unittest.TestCase):
                    def test_sub(self):
                        for i in range(3):
                            with self.subTest(i=i):
                                self.assertNotEqual(i, 1)

                    def test_ok(self):
                        with self.subTest(i=1):
                            pass
            """
        }
    ) as p:
        p.same("sub-tests")
        got = [(s["name"], s["outcome"]) for s in p.done["test_sub.py::test_subs"]["subtests"]]
        equal(got, [("[m] (i=0)", "passed"), ("[m] (i=1)", "failed"), ("[m] (i=2)", "passed")], "sub-tests are named")
        ok("assert 1 != 1" in p.done["test_sub.py::test_subs"]["details"], "a failed sub-test is shown", p.done["test_sub.py::test_subs"])
else:
    print("# skipped: sub-tests need pytest 9 or pytest-subtests")

if installed("xdist"):
    with Project(**{"pytest.ini": "[pytest]\naddopts = -n 2\n", "test_a.py": "def test(worker_id): assert worker_id == 'master'\n"}) as p:
        equal(p.outcomes(), {"test_a.py::test": "passed"}, "pytest-xdist does not take over")
else:
    print("# skipped: pytest-xdist is not installed")

if installed("pytest_asyncio"):
    with Project(
        **{
            "pytest.ini": "[pytest]\nasyncio_mode = auto\n",
            "test_a.py": "import asyncio\nasync def test_good(): await asyncio.sleep(0)\nasync def test_bad(): assert await asyncio.sleep(0, 1) == 2\n",
        }
    ) as p:
        p.same("pytest-asyncio")
else:
    print("# skipped: pytest-asyncio is not installed")

# ---- what discover says when it cannot ---------------------------------------------------------------------------------
with Project(**{"test_good.py": "def test(): pass\n", "test_bad.py": "import no_such_module\n"}) as p:
    for args in ((), ("--continue-on-collection-errors",), ("-x",)):
        got = p.discover(*args)
        ok(got == [] and p.stdout == "" and p.status not in (0, 5), "a file that cannot be collected: no list %r" % (args,), p.stdout)
    ok("no_such_module" in p.stderr and "test_bad.py" in p.stderr, "... and pytest's report", p.stderr)
    done, _ = serve_all(lambda: p.start(), [{"id": "test_bad.py::test"}, {"id": "test_good.py::test"}, {"id": "test_good.py::no"}])
    equal([d["outcome"] for d in done.values()], ["error", "passed", "error"], "a worker goes on after a file that cannot be collected")
    ok("no_such_module" in done["test_bad.py::test"]["details"], "... and says why", done)
with Project(**{"test_good.py": "def test(): pass\n"}) as p:
    ok(p.discover("--no-such-option") == [] and p.status != 0 and "no-such-option" in p.stderr, "an unknown option: no list", p.stderr)
    ok(p.discover("no_such_file.py") == [] and p.status != 0, "a file that is not there: no list", p.stderr)
    e = p.start("--no-such-option")
    m = e.ready()
    ok(m is not None and m["type"] == "error" and "could not start" in m["message"], "an unknown option: error before ready", m)
    ok(e.end()[0] != 0 and "no-such-option" in e.text(), "... with pytest's words in the log", e.text())
with Project(**{"conftest.py": "print('noise')\nimport os; os.write(1, b'noise')\n", "test_good.py": "print('noise')\ndef test(): pass\n"}) as p:
    equal([c["id"] for c in p.discover("-s")], ["test_good.py::test"], "what a project prints does not get into the list")
with Project(**{"conftest.py": "def pytest_collection_modifyitems(items): raise ValueError('hook')\n", "test_good.py": "def test(): pass\n"}) as p:
    ok(p.discover() == [] and p.status != 0 and "ValueError: hook" in p.stderr, "an error in a hook: no list", p.stderr)
with Project(**{"conftest.py": "1/0\n", "test_good.py": "def test(): pass\n"}) as p:
    ok(p.discover() == [] and p.status != 0 and "ZeroDivisionError" in p.stderr, "an error in a conftest.py: no list", p.stderr)
    e = p.start()
    m = e.ready()
    equal(m and m["type"], "error", "... error before ready")
    e.end()
with Project(**{"conftest.py": "import pytest\ndef pytest_sessionstart(): pytest.exit('no schema', 3)\n", "test_good.py": "def test(): pass\n"}) as p:
    ok(p.discover() == [] and p.status != 0 and "no schema" in p.stderr, "pytest.exit at the start: no list", p.stderr)
    e = p.start()
    m = e.ready()
    ok(m and m["type"] == "error" and "no schema" in m["message"], "... error before ready", m)
    e.end()

# ---- a worker's life -----------------------------------------------------------------------------------------------------
with Project(
    **{
        "conftest.py": """
            import pytest

            @pytest.fixture(scope="session")
            def base():
                import time
                end = time.monotonic() + 0.06
                while time.monotonic() < end:  # a costly set-up
                    pass
                yield
                print("base is torn down")
                raise ValueError("at the end")

            def pytest_unconfigure():
                print("unconfigured")
        """,
        "test_a.py": """
            import os, signal, sys, subprocess
            import pytest

            @pytest.fixture(scope="module")
            def mod():
                print("up")
                yield
                assert "bad" not in os.environ
                print("down")

            def test_1(mod): pass
            def test_2(mod): pass
            def test_3(): pass
            def test_base(base): pass
            def test_exit(): pytest.exit("enough")
            def test_crash(): os._exit(7)
            def test_kill(): os.kill(os.getpid(), signal.SIGKILL)
            def test_interrupt(): raise KeyboardInterrupt
            def test_stop(request): request.session.shouldstop = "no more"
            def test_bad(mod): os.environ["bad"] = "1"
            def test_fds():
                assert not [v for v in os.environ if v.startswith("TGRAPH_WORKER")]
                code = "import os; print(len([f for f in map(int, os.listdir('/proc/self/fd')) if f > 100]))"
                assert subprocess.check_output([sys.executable, "-c", code], close_fds=False) == b"0\\n"
            def test_fork():
                pid = os.fork()
                if pid:
                    assert os.waitpid(pid, 0)[1] >> 8 == 70
                # the child comes back to the worker's loop, and must not answer for it
            def test_long(): assert 0, "x" * (20 << 20)
        """,
    }
) as p:
    up_down = [("test_a.py::test_1", "test_a.py::test_2"), ("test_a.py::test_2", None), ("test_a.py::test_1", "test_a.py::test_3"), ("test_a.py::test_3", None)]
    e = p.start("-s")
    equal(e.ready()["name"].split(",")[0].split()[0], "pytest", "a worker says what it is")
    for case, following in up_down:
        e.case(case, next=following)
    status, errors = e.end()
    equal((status, errors), (0, []), "a worker ends with 0 when asked to")
    said = [s for s in e.text().splitlines() if s in ("up", "down")]
    equal(said, ["up", "down", "up", "down"], "a module's fixture lives as long as it is needed")
    ok("unconfigured" in e.text(), "pytest_unconfigure runs")
    equal(e.left, [], "its private folder is empty at the end")

    # wrong hints
    e = p.start("-s")
    e.ready()
    e.case("test_a.py::test_1", next="test_a.py::test_2")
    m = [e.case("test_a.py::test_3", next="test_a.py::no_such"), e.case("test_a.py::test_1", next=None), e.case("test_a.py::test_1", attempt=2)]
    equal([x["outcome"] for x in m], ["passed"] * 3, "another case than the one that was announced; a case tried again")
    equal(e.end(), (0, []), "... and a clean end")

    e = p.start()
    e.ready()
    e.case("test_a.py::test_bad", next="test_a.py::test_2")
    e.case("test_a.py::test_2", next="test_a.py::test_1")
    status, errors = e.end()
    ok(status == 1 and len(errors) == 1, "a fixture left by a wrong hint that cannot be torn down at the end fails the run", errors)

    e = p.start()
    e.ready()
    equal(e.case("test_a.py::test_base")["outcome"], "passed", "a session's fixture is set up")
    equal(e.started, 1, "started is said after a long set-up")
    status, errors = e.end()
    ok(status == 1 and "at the end" in errors[0]["message"] and "ValueError" in errors[0]["details"], "its tear-down's error is told after exit", errors)

    for case, outcome in (("test_exit", "error"), ("test_interrupt", "error"), ("test_stop", "error")):
        e = p.start()
        e.ready()
        m = e.case("test_a.py::" + case)
        equal((m["outcome"], m.get("recycle")), (outcome, True), case + " does not pass, and the worker is spent")
        e.end()
    for case, code in (("test_crash", 7), ("test_kill", -signal.SIGKILL)):
        e = p.start()
        e.ready()
        equal((e.case("test_a.py::" + case), e.process.wait(60)), (None, code), case + " ends the worker without an answer")
    for case in ("test_fds", "test_fork"):
        e = p.start()
        e.ready()
        m = e.case("test_a.py::" + case)
        ok(m["outcome"] == "passed", case, m)
        equal(e.end(), (0, []), "... and a clean end")
    e = p.start()
    e.ready()
    m = e.case("test_a.py::test_long")
    ok(m["outcome"] == "failed" and len(m["details"]) < 4 << 20, "a huge message is cut", len(m["details"]))
    e.end()

# ---- hooks that see the whole list --------------------------------------------------------------------------------------
HOOK = """
    import pytest

    def pytest_collection_modifyitems(items):
        print("hook", len(items))
        if len(items) > 2:
            items[0].add_marker(pytest.mark.skip(reason="one of many"))
        del items[1:2]
"""
with Project(**{"conftest.py": HOOK, "test_a.py": "def test_1(): assert 0\ndef test_2(): pass\n", "test_b.py": "def test_1(): pass\ndef test_2(): pass\n"}) as p:
    p.same("a hook that needs the whole list")
    equal(sorted(p.done), ["test_a.py::test_1", "test_b.py::test_1", "test_b.py::test_2"], "... and takes an item out of it")
with Project(
    **{
        "conftest.py": """
            import pytest

            def pytest_collection_modifyitems(items):
                for i in items:
                    if "slow" in i.name:
                        i.add_marker(pytest.mark.skip(reason="slow"))
        """,
        "test_a.py": "def test_1(): pass\ndef test_slow(): assert 0\n",
        "test_b.py": "raise ImportError('not needed')\n" if False else "import os\nopen(os.environ['MARK'], 'a').close()\ndef test(): pass\n",
    }
) as p:
    mark = os.path.join(p.dir, "imported")
    os.environ["MARK"] = ENV["MARK"] = mark
    cases = [c for c in p.discover() if c["group"] == "test_a.py"]
    os.unlink(mark)
    done, _ = serve_all(lambda: p.start(), cases)
    equal({k: v["outcome"] for k, v in done.items()}, {"test_a.py::test_1": "passed", "test_a.py::test_slow": "skipped"}, "a hook on single items")
    ok(not os.path.exists(mark), "only the files of the cases are imported")

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

# ---- the library -----------------------------------------------------------------------------------------------------------
with Project(
    **{
        "worker.py": """
            import os, sys
            import tgraph

            def handler(case, data, run):
                run.started()
                if case == "pass": return None
                if case == "data": assert data == {"n": 12345678901234567890, "s": "é"} and run.attempt == 1 and run.next == "x"
                if case == "false": return False
                if case == "skip": raise tgraph.Skip("because")
                if case == "gone": raise tgraph.Error("no such case")
                if case == "fail": raise ValueError("wrong\\nsecond line")
                if case == "exit": sys.exit(0)
                if case == "outcome": return "xfailed"
                if case == "subs":
                    run.subtest("one"); run.subtest("two", "failed", "why", 2.5); run.reads("a.txt", "b.txt"); run.recycle()
                if case == "odd": raise ValueError("\\ud800 \\0 " + "x" * 5000000)
                if case == "fork":
                    if os.fork() == 0: return None
                    os.wait()

            def close():
                if "BAD_CLOSE" in os.environ: raise ValueError("cannot close")

            tgraph.serve(handler, name="mine", close=close)
        """
    }
) as p:
    env = dict(ENV, PYTHONPATH=LIBRARY)
    e = Engine([PYTHON, "worker.py"], p.dir, env)
    equal(e.ready()["name"], "mine", "the library says the name")
    e.send({"type": "of a later version"})
    big = {"n": 12345678901234567890, "s": "é"}
    got = {c: e.case(c, data=big, next="x") for c in ("pass", "data", "false", "skip", "gone", "fail", "exit", "outcome", "subs", "odd", "fork")}
    equal(
        [m["outcome"] for m in got.values()],
        ["passed", "passed", "error", "skipped", "error", "failed", "failed", "xfailed", "passed", "failed", "passed"],
        "the library's outcomes",
    )
    equal((got["skip"]["message"], got["fail"]["message"]), ("because", "ValueError: wrong"), "... messages")
    ok("worker.py" in got["fail"]["details"] and "_serve_one" not in got["fail"]["details"], "... tracebacks, without the library", got["fail"])
    equal([s["name"] for s in got["subs"]["subtests"]] + got["subs"]["reads"] + [got["subs"]["recycle"]], ["one", "two", "a.txt", "b.txt", True], "... the rest")
    equal(e.end(), (0, []), "... exit")
    e = Engine([PYTHON, "worker.py"], p.dir, dict(env, BAD_CLOSE="1"))
    e.ready()
    status, errors = e.end()
    equal((status, [m["message"] for m in errors]), (1, ["ValueError: cannot close"]), "... an error in close")
    e = Engine([PYTHON, "worker.py"], p.dir, dict(env, TGRAPH_WORKER="2"))
    m = e.ready()
    ok(m["type"] == "error" and "version" in m["message"], "... another version of the protocol", m)
    e.end()
    q = subprocess.run([PYTHON, "worker.py"], cwd=p.dir, env=env, stderr=subprocess.PIPE)
    ok(q.returncode == 1 and b"worker" in q.stderr and b"Traceback" not in q.stderr, "... started by hand", q.stderr)
    os.makedirs(os.path.join(p.dir, "bin"))
    fake = os.path.join(p.dir, "bin", "tgraph")
    with open(fake, "w") as f:
        f.write('#!/bin/sh\nprintf "%s\\n" "$@" >args\n[ "$2" != bad ] || { echo "it failed" >&2; exit 3; }\n')
    os.chmod(fake, 0o755)
    code = "import tgraph; print(tgraph.once(%r, ['cp', 'a', '{out}'], out='o', inputs=['a'], env=['E']))"
    for how in (dict(env, TGRAPH=fake), dict(env, PATH=os.path.dirname(fake) + os.pathsep + ENV["PATH"])):
        q = subprocess.run([PYTHON, "-c", code % "k"], cwd=p.dir, env=how, stdout=subprocess.PIPE)
        with open(os.path.join(p.dir, "args")) as f:
            equal((q.stdout, f.read().split()), (b"o\n", "once k --in a --env E --out o -- cp a {out}".split()), "once calls tgraph")
    q = subprocess.run([PYTHON, "-c", code % "bad"], cwd=p.dir, env=dict(env, TGRAPH=fake), stderr=subprocess.PIPE)
    ok(q.returncode == 1 and b"exit status 3" in q.stderr and b"it failed" in q.stderr, "once tells why it failed", q.stderr)
    q = subprocess.run([PYTHON, "-c", code % "k"], cwd=p.dir, env=dict(env, TGRAPH="/nowhere/tgraph"), stderr=subprocess.PIPE)
    ok(b"$TGRAPH" in q.stderr, "once without tgraph says what to do", q.stderr)
    p.write({"test_once.py": "def test(tgraph_once): assert tgraph_once('k', ['cp', 'a', '{out}'], out='o') == 'o'\ndef test_import():\n    import tgraph\n    assert tgraph.once\n"})
    os.environ["TGRAPH"] = ENV["TGRAPH"] = fake
    equal(p.outcomes("test_once.py", own=["--test-files=test_*.py"]), {"test_once.py::test": "passed", "test_once.py::test_import": "passed"}, "the fixture tgraph_once")
    equal([m["reads"] for m in p.done.values()], [[], []], "once is no process that may read anything")

print("1..%d" % count)
sys.exit(1 if failures else 0)
