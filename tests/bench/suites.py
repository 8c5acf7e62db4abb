#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What suites cost: the engine's own part for each case, Jinja2's tests against pytest, costly files made once.

    make bench-suites                                    # some minutes; the last parts get packages from PyPI
    make bench-suites SUITES_ARGS="--only scale"         # also: jinja2, once

scale: suites of 1,661, 11,389 and 100,000 cases whose worker does nothing. The engine's processor time is that of all
processes less what the workers say that they used; it and the peak memory are given for each case.

jinja2: the tests of Jinja2 3.1.2, but for one that touches its own input and so is never clean, under pytest, under pytest-xdist with two workers, and as a suite with an empty cache; then the
suite again with nothing changed, and with one test file edited. Nobody has compiled anything before a first run; plain pytest is
measured with its .pyc files there, too. They take turns; medians of whole processes.

once: 1,661 cases in six files, of which 144 want one of 24 costly files. `tgraph once` at 2, 4 and 8 workers, against a
dictionary in each worker under pytest-xdist with 8. What is counted are the times that a costly file was made.
"""
import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv

from bench import Measure, say, version_of

SIZES = (1661, 11389, 100000)
WORKER = '''
import json, os, resource
i = open(int(os.environ["TGRAPH_WORKER_IN"]), encoding="utf-8")
o = open(int(os.environ["TGRAPH_WORKER_OUT"]), "w", encoding="utf-8")
for line in i:
    m = json.loads(line)
    if m["type"] == "run":
        o.write('{"type":"done","id":%d,"outcome":"passed"}\\n' % m["id"])
    elif m["type"] == "hello":
        o.write('{"type":"ready","protocol":1}\\n')
    else:
        break
    o.flush()
u = resource.getrusage(resource.RUSAGE_SELF)
with open("used", "a") as f:
    f.write("%f\\n" % (u.ru_utime + u.ru_stime))
'''


def median(figures):
    return statistics.median(figures)


def environment(folder, **more):
    env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "PIP_INDEX_URL", "PIP_CONFIG_FILE")}
    return env | {"TGRAPH_CACHE_DIR": f"{folder}.cache"} | more


# ---- scale ---------------------------------------------------------------------------------------------------------
def scale(args, measure, work):
    say("the engine's own part for each case")
    out = []
    for n in SIZES:
        root = f"{work}/scale{n}"
        os.makedirs(f"{root}/in")
        subprocess.run(["git", "init", "-q", root], check=True)
        with open(f"{root}/worker.py", "w") as f:
            f.write(WORKER)
        for k in range(100):
            with open(f"{root}/in/{k}", "w") as f:
                f.write(f"{k}\n")
        with open(f"{root}/Testfile.lua", "w") as f:
            f.write('local cases = {}\nfor i = 1, %d do\n'
                    '  cases[i] = { id = "case " .. i, group = "g" .. i %% 50, inputs = { "in/" .. i %% 100 } }\nend\n'
                    'suite "s" { worker = { "python3", "worker.py" }, inputs = { "worker.py" }, cases = cases }\n' % n)
        env = environment(root)
        first, noop, edit = [], [], []
        for k in range(args.rounds):
            for gone in (f"{root}/.tgraph", env["TGRAPH_CACHE_DIR"], f"{root}/used"):
                subprocess.run(["rm", "-rf", gone], check=True)
            figures = measure([args.tgraph, "-q", "-j2"], root, env)
            with open(f"{root}/used") as f:
                figures["engine_ms"] = figures["cpu_ms"] - 1000 * sum(float(line) for line in f)
            first.append(figures)
            measure([args.tgraph, "-q", "-j2"], root, env)  # what was written a moment ago is looked at once more
            noop.append(measure([args.tgraph, "-q", "-j2"], root, env))
            with open(f"{root}/in/7", "a") as f:
                f.write("more\n")
            edit.append(measure([args.tgraph, "-q", "-j2"], root, env))
        row = {"cases": n,
               "first_ms": median(f["wall_ms"] for f in first),
               "engine_us_per_case": 1000 * median(f["engine_ms"] for f in first) / n,
               "peak_mb": median(f["peak_mb"] for f in first),
               "peak_kb_per_case": 1024 * median(f["peak_mb"] for f in first) / n,
               "noop_ms": median(f["wall_ms"] for f in noop),
               "one_percent_ms": median(f["wall_ms"] for f in edit)}
        out.append(row)
        print(f"{n:>8,} cases: first run {row['first_ms']:,.0f} ms; the engine {row['engine_us_per_case']:.1f} us a case; "
              f"peak {row['peak_mb']:.0f} MB, {row['peak_kb_per_case']:.2f} kB a case; no-op {row['noop_ms']:.1f} ms; "
              f"an input of 1% of them edited {row['one_percent_ms']:,.0f} ms", flush=True)
    print(f"the engine's time for a case at {SIZES[-1]:,} is "
          f"{out[-1]['engine_us_per_case'] / out[0]['engine_us_per_case']:.2f} of that at {SIZES[0]:,}")
    return out


TOUCHES = "tests/test_loader.py::TestFileSystemLoader::test_caches_template_based_on_mtime"


# ---- jinja2 --------------------------------------------------------------------------------------------------------
def python_with(work, *packages):
    folder = f"{work}/venv"
    if not os.path.isdir(folder):
        venv.create(folder, with_pip=True, symlinks=True)
        subprocess.run([f"{folder}/bin/pip", "-q", "install", "pytest", "pytest-xdist", "markupsafe", "setuptools", "wheel"], check=True)
    if packages:
        subprocess.run([f"{folder}/bin/pip", "-q", "install", *packages], check=True)
    return f"{folder}/bin/python"


def jinja2(args, measure, work):
    say("Jinja2 3.1.2: the suite against pytest")
    python = python_with(work)
    subprocess.run([f"{work}/venv/bin/pip", "-q", "download", "--no-deps", "--no-build-isolation", "--no-binary", ":all:", "jinja2==3.1.2",
                    "-d", f"{work}/dl"], check=True, stdout=subprocess.DEVNULL)
    name = os.listdir(f"{work}/dl")[0]
    subprocess.run(["tar", "xzf", f"{work}/dl/{name}", "-C", work], check=True)
    root = f"{work}/{name[:-len('.tar.gz')]}"
    subprocess.run(["git", "init", "-q", root], check=True)
    with open(f"{root}/Testfile.lua", "w") as f:
        f.write('local pytest = use "pytest"\n'
                'pytest.suite { name = "unit", python = "python", env = { PYTHONPATH = "src" }, tests = "tests/test_*.py",\n'
                '  inputs = { "src/**", "tests/**", "setup.cfg" }, select = { "--deselect", "%s" } }\n' % TOUCHES)
    env = environment(root, PYTHONPATH="src", PYTHONDONTWRITEBYTECODE="1")
    env["PATH"] = f"{os.path.dirname(python)}:{env['PATH']}"
    plain = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--deselect", TOUCHES]
    figures = {"pytest": [], "pytest -n 2": [], "pytest, with .pyc": [], "pytest -n 2, with .pyc": [], "tgraph first": [], "tgraph again": [], "tgraph one test file": []}
    test = f"{root}/tests/test_utils.py"
    for k in range(args.rounds):
        figures["pytest"].append(measure(plain, root, env)["wall_ms"])
        figures["pytest -n 2"].append(measure([*plain, "-n", "2"], root, env)["wall_ms"])
        compiled = {k: v for k, v in env.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": f"{work}/pyc"}
        if k == 0:
            measure(plain, root, compiled)
        figures["pytest, with .pyc"].append(measure(plain, root, compiled)["wall_ms"])
        figures["pytest -n 2, with .pyc"].append(measure([*plain, "-n", "2"], root, compiled)["wall_ms"])
        subprocess.run(["rm", "-rf", f"{root}/.tgraph", env["TGRAPH_CACHE_DIR"]], check=True)
        figures["tgraph first"].append(measure([args.tgraph, "-q", "-j2"], root, env)["wall_ms"])
        figures["tgraph again"].append(measure([args.tgraph, "-q", "-j2"], root, env)["wall_ms"])
        with open(test, "a") as f:
            f.write(f"# {k}\n")
        events = f"{work}/events"
        figures["tgraph one test file"].append(
            measure([args.tgraph, "-q", "-j2", "--json", events], root, env)["wall_ms"])
        with open(events) as f:
            ran = [e["target"] for e in map(json.loads, f)
                   if e["event"] == "target_finished" and e["kind"] == "case" and not e["cached"]]
        if not ran or any("tests/test_utils.py::" not in t for t in ran):
            sys.exit(f"bench: an edit of test_utils.py ran {len(ran)} cases: {ran[:5]}")
    row = {k: median(v) for k, v in figures.items()}
    best = min(row["pytest"], row["pytest -n 2"])
    for k, v in row.items():
        print(f"{k:>22}: {v:8,.0f} ms  ({v / best:.2f} of the faster plain run)", flush=True)
    return row


# ---- costly files --------------------------------------------------------------------------------------------------
FILES = (600, 600, 100, 200, 8, 3)
CASES, WANTED, COSTLY = 1661, 144, 24
MAKE = '''
import hashlib, os, sys
key, out = sys.argv[1:]
with open(os.environ["MADE"], "a") as f:
    f.write(key + "\\n")
content = hashlib.pbkdf2_hmac("sha512", key.encode(), b"salt", 400000).hex()
with open(out, "w") as f:
    f.write(content)
'''
CONFTEST = '''
import os, subprocess, sys

_made = {}


def costly(key, folder):
    here = os.path.dirname(os.path.abspath(__file__))
    out = os.path.join(str(folder), "costly")
    if os.environ["HOW"] == "once":
        import tgraph
        tgraph.once(key, [sys.executable, os.path.join(here, "make.py"), key, "{out}"], out=out,
                    inputs=[os.path.join(here, "make.py")])
    elif key not in _made:
        subprocess.run([sys.executable, os.path.join(here, "make.py"), key, out], check=True)
        with open(out) as f:
            _made[key] = f.read()
        return _made[key]
    else:
        return _made[key]
    with open(out) as f:
        return f.read()
'''


def write_costly(root):
    os.makedirs(f"{root}/tests")
    counts = list(FILES)
    for k in range(CASES - sum(FILES)):
        counts[k % 4] += 1
    step = sum(counts[:4]) // WANTED
    number = want = 0
    for i, n in enumerate(counts):
        lines = ["from conftest import costly\n\n"]
        for t in range(n):
            if i < 4 and number % step == 0 and want < WANTED:
                lines.append(f"\ndef test_{t}(tmp_path):\n    assert len(costly('k{want % COSTLY}', tmp_path)) == 128\n")
                want += 1
            else:
                lines.append(f"\ndef test_{t}():\n    assert {t} == {t}\n")
            number += 1
        with open(f"{root}/tests/test_{i}.py", "w") as f:
            f.writelines(lines)
    assert want == WANTED and number == CASES
    for name, text in (("make.py", MAKE), ("conftest.py", CONFTEST)):
        with open(f"{root}/tests/{name}", "w") as f:
            f.write(text)
    with open(f"{root}/pytest.ini", "w") as f:
        f.write("[pytest]\npythonpath = tests\n")
    with open(f"{root}/Testfile.lua", "w") as f:
        f.write('local pytest = use "pytest"\n'
                'pytest.suite { name = "unit", python = "python", tests = "tests/test_*.py", env = { "HOW", "MADE", "TGRAPH_CACHE_DIR" } }\n')


def once(args, measure, work):
    say(f"{CASES:,} cases, {WANTED} of which want one of {COSTLY} costly files")
    python = python_with(work)
    root = f"{work}/once"
    write_costly(root)
    subprocess.run(["git", "init", "-q", root], check=True)
    made = f"{work}/made"
    env = environment(root, MADE=made, PYTHONDONTWRITEBYTECODE="1")
    env["PATH"] = f"{os.path.dirname(python)}:{env['PATH']}"
    rows = []

    def one(what, argv, how):
        walls, counts = [], []
        for k in range(args.once_rounds):
            subprocess.run(["rm", "-rf", f"{root}/.tgraph", env["TGRAPH_CACHE_DIR"], made], check=True)
            walls.append(measure(argv, root, env | {"HOW": how})["wall_ms"])
            with open(made) as f:
                counts.append(len(f.readlines()))
        rows.append({"what": what, "wall_ms": median(walls), "made": counts})
        print(f"{what:>42}: {median(walls):8,.0f} ms; costly files made: {', '.join(map(str, counts))}", flush=True)

    one("a dictionary a worker, pytest -n 8", [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-n", "8"], "dictionary")
    for jobs in (2, 4, 8):
        one(f"tgraph once, -j{jobs}", [args.tgraph, "-q", f"-j{jobs}"], "once")
        if any(n != COSTLY for n in rows[-1]["made"]):
            sys.exit(f"bench: {rows[-1]['made']} computations, not {COSTLY}")
    for row in rows[1:]:
        print(f"{row['what']:>42}: {rows[0]['wall_ms'] / row['wall_ms']:.2f} times as fast as the dictionaries")
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--tgraph", default="build/tgraph")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--once-rounds", type=int, default=3)
    parser.add_argument("--only", choices=("scale", "jinja2", "once"), action="append")
    parser.add_argument("--keep", action="store_true", help="keep the working folder")
    parser.add_argument("--json", metavar="FILE", help="write the figures there, too")
    args = parser.parse_args()
    args.tgraph = os.path.abspath(args.tgraph)
    started = time.time()
    work = tempfile.mkdtemp(prefix="tgraph-suites.")
    measure = Measure(work)
    parts = {"scale": scale, "jinja2": jinja2, "once": once}
    print(f"{version_of([args.tgraph, '--version'])}; medians of {args.rounds} rounds")
    out = {name: part(args, measure, work) for name, part in parts.items() if not args.only or name in args.only}
    if args.json:
        with open(args.json, "w") as f:
            json.dump(out, f, indent=1)
    print(f"{time.time() - started:.0f} s")
    if args.keep:
        print(f"kept: {work}")
    else:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
