# SPDX-License-Identifier: MIT
"""What the tests of rules/pytest and rules/python share: projects in temporary folders, plain pytest as the oracle, TAP output.

The oracle runs the same project with plain pytest and a plugin that notes what the terminal reporter counts.
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


def finish():
    print("1..%d" % count)
    sys.exit(1 if failures else 0)
