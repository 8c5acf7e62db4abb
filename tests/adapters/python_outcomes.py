# SPDX-License-Identifier: MIT
"""rules/pytest: the outcomes of cases against those of plain pytest."""
import os
import sys

from python_project import Project, equal, finish, installed, ok, version

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

finish()
