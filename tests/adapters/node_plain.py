# SPDX-License-Identifier: MIT
"""What the plain JavaScript tools say of test files, for comparison with the workers: for each file whether it passed and
the outcomes of its tests, read from the tools' own reports.

    python3 tests/adapters/node_plain.py EVENTS FILE...     compares a run's events (tgraph run --json) with `node --test`
"""
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile

RESULT = re.compile(r"( *)(not ok|ok) \d+ - (.*)$")
DIRECTIVE = re.compile(r"(.*?) # (SKIP|TODO)\b.*$", re.S)


def unescape(text):
    return re.sub(r"\\(.)", lambda m: {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v"}.get(m[1], m[1]), text)


def node_test(file, cwd, node="node", args=()):
    """(passed, {name: [outcomes]}) of `node --test FILE`, from its TAP: a test comes after those within it."""
    command = [node, *args, "--test", "--test-reporter=tap", file]
    run = subprocess.run(command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    names, tests, yaml = [], {}, None
    for line in run.stdout.decode("utf-8", "replace").split("\n"):
        indent = len(line) - len(line.lstrip(" "))
        if yaml is not None:
            if line.strip() == "..." and indent == yaml:
                yaml = None
            continue
        if line.strip() == "---":
            yaml = indent
            continue
        if line.lstrip(" ").startswith("# Subtest: "):
            depth = indent // 4
            del names[depth:]
            names.extend([""] * (depth - len(names)))
            names.append(unescape(line.strip(" ")[len("# Subtest: "):]))
            continue
        m = RESULT.match(line)
        if not m:
            continue
        depth, text, mark = len(m[1]) // 4, m[3], None
        d = DIRECTIVE.match(text)
        if d:
            text, mark = d[1], d[2]
        if depth == 0 and unescape(text) in (file, os.path.join(os.path.realpath(cwd), file)):
            continue  # the file itself
        if m[2] == "ok":
            outcome = {"SKIP": "skipped", "TODO": "xpassed", None: "passed"}[mark]
        else:
            outcome = "xfailed" if mark == "TODO" else "failed"
        name = " > ".join(names[:depth] + [unescape(text)])
        tests.setdefault(name, []).append(outcome)
    return run.returncode == 0, tests


def by_file(report, cwd, title):
    out = {}
    for file in report["testResults"]:
        name = os.path.relpath(file["name"], os.path.realpath(cwd))
        tests = {}
        for test in file["assertionResults"]:
            name_of = " > ".join([*test["ancestorTitles"], title(test)])
            outcome = {"passed": "passed", "failed": "failed"}.get(test["status"], "skipped")
            tests.setdefault(name_of, []).append(outcome)
        out[name] = tests
    return out


def with_report(command, cwd, env=None):
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "report.json")
        env = dict(os.environ, **(env or {}))
        run = subprocess.run([*command, "--outputFile=" + path], cwd=cwd, env=env, stdin=subprocess.DEVNULL,
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with open(path) as f:
            return run.returncode == 0, json.load(f)


def jest(file, cwd):
    passed, report = with_report(["node", "node_modules/jest/bin/jest.js", "--ci", "--json", "--runTestsByPath", file], cwd)
    return passed, by_file(report, cwd, lambda t: t["title"]).get(file, {})


def vitest(file, cwd):
    passed, report = with_report(["node", "node_modules/vitest/vitest.mjs", "run", "--reporter=json", file], cwd, {"CI": "1"})
    return passed, by_file(report, cwd, lambda t: t["title"]).get(file, {})


def collected(subtests):
    tests = {}
    for test in subtests or []:
        tests.setdefault(test["name"], []).append(test["outcome"])
    return tests


def differences(plain, seen):
    """Lines that say where two (passed, tests) differ. The engine shows names without the spaces around them."""
    out = []
    if plain[0] != seen[0]:
        out.append("the file: plain %s, here %s" % tuple("passed" if x[0] else "failed" for x in (plain, seen)))
    ours, theirs = {}, {}
    for from_, to in ((plain[1], ours), (seen[1], theirs)):
        for name, outcomes in from_.items():
            to.setdefault(name.strip(), []).extend(outcomes)
    for name in sorted(set(ours) | set(theirs)):
        a, b = sorted(ours.get(name, [])), sorted(theirs.get(name, []))
        if a != b:
            out.append("%s: plain %s, here %s" % (name, a, b))
    return out


def main():
    seen = {}
    with open(sys.argv[1]) as f:
        for line in f:
            event = json.loads(line)
            if event.get("event") == "target_finished" and "#" in event["target"]:
                seen[event["target"].split("#", 1)[1]] = (event["outcome"] == "passed", collected(event.get("subtests")))
    files = sys.argv[2:]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        plain = dict(zip(files, pool.map(lambda f: node_test(f, os.getcwd()), files)))
    bad = 0
    for file in files:
        lines = differences(plain[file], seen.get(file, (None, {})))
        for line in lines:
            print("%s: %s" % (file, line))
        bad += bool(lines)
    print("%d files, %d tests, %d files differ" % (len(files), sum(map(len, (p[1] for p in plain.values()))), bad))
    return 1 if bad or set(seen) - set(files) else 0


if __name__ == "__main__":
    sys.exit(main())
