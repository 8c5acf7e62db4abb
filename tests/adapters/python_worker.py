# SPDX-License-Identifier: MIT
"""rules/pytest as discover step and worker: mistakes, a worker's life, hooks; and the library of rules/python."""
import os
import signal
import subprocess
import sys
import time

from python_engine import Engine, serve_all
from python_project import ENV, LIBRARY, PYTHON, Project, equal, finish, ok, version

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

finish()
