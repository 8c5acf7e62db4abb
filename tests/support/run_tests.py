#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs test programs that print cmocka's lines or TAP, several at a time, and counts.

    run_tests.py --suite unit --counts build/counts build/tests/unit/*/test_*
    run_tests.py --suite e2e --counts build/counts tests/e2e
    run_tests.py --counts build/counts --sum unit e2e

A folder stands for all executable *.t and *.py files below it. A program that passes gets one line; of one that fails
all output is shown. The closing line is "unit: 12 passed, 0 failed" (and skipped, where there are any); --sum adds up
what the named suites left in the folder of counts, where a suite that left nothing counts as one failure.
"""
import argparse
import concurrent.futures
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time

CMOCKA = re.compile(r"^\[ +(OK|FAILED|SKIPPED) +\] +(\S+)")
CMOCKA_CLOSE = re.compile(r"^\[ +(PASSED|FAILED) +\] +\d+ test")
TAP = re.compile(r"^(not )?ok\b *\d*(.*)")
TAP_PLAN = re.compile(r"^1\.\.(\d+)(?: *# *skip.*)?$", re.I)
ERROR_EXIT = re.compile(r"ERROR: (Address|Thread|Leak)Sanitizer|WARNING: ThreadSanitizer|runtime error:")


def count(text):
    """(passed, failed, skipped, planned or None) of a program's output."""
    passed = failed = skipped = 0
    planned = None
    names = set()  # cmocka names a failed test again at its end
    for line in text.splitlines():
        m = CMOCKA.match(line)
        if m and not CMOCKA_CLOSE.match(line):
            if m[1] == "OK":
                passed += 1
            elif m[1] == "SKIPPED":
                skipped += 1
            elif m[2] not in names:
                names.add(m[2])
                failed += 1
            continue
        m = TAP.match(line)
        if m:
            rest = m[2].lower()
            if "# skip" in rest:
                skipped += 1
            elif m[1]:
                failed += 1
            else:
                passed += 1
            continue
        m = TAP_PLAN.match(line)
        if m:
            planned = int(m[1])
    return passed, failed, skipped, planned


def run(path, timeout):
    """Runs one program in a process group of its own; returns (path, counts, output, seconds, what went wrong)."""
    started = time.monotonic()
    trouble = None
    with tempfile.TemporaryFile() as out:
        argv = ["python3", path] if path.endswith(".py") else [os.path.abspath(path)]
        try:
            p = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                 start_new_session=True)
        except OSError as e:
            return path, (0, 1, 0), "", 0.0, str(e)
        try:
            status = p.wait(timeout)
        except subprocess.TimeoutExpired:
            trouble = f"still running after {timeout:.0f} s"
            try:
                os.killpg(p.pid, signal.SIGTERM)
                p.wait(5)
            except subprocess.TimeoutExpired:
                pass
            try:
                os.killpg(p.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            status = p.wait()
        out.seek(0)
        text = out.read().decode("utf-8", "replace")
    passed, failed, skipped, planned = count(text)
    if trouble is None:
        if status < 0:
            trouble = f"ended by signal {-status}"
        elif status != 0 and failed == 0:
            trouble = f"exit status {status}"
        elif planned is not None and planned != passed + failed + skipped:
            trouble = f"planned {planned} tests, saw {passed + failed + skipped}"
        elif planned is None and passed + failed + skipped == 0:
            trouble = "no test ran"
    if trouble:
        failed += 1
    return path, (passed, failed, skipped), text, time.monotonic() - started, trouble


def expand(paths):
    for path in paths:
        if not os.path.isdir(path):
            yield path
            continue
        for folder, folders, files in os.walk(path):
            folders.sort()
            for name in sorted(files):
                full = os.path.join(folder, name)
                if name.endswith((".t", ".py")) and os.access(full, os.X_OK):
                    yield full


def line_of_counts(name, counts):
    passed, failed, skipped = counts
    tail = f", {skipped} skipped" if skipped else ""
    return f"{name + ': ' if name else ''}{passed} passed, {failed} failed{tail}"


def sum_up(folder, suites):
    total = [0, 0, 0]
    for suite in suites:
        try:
            with open(os.path.join(folder, suite), encoding="utf-8") as f:
                counts = [int(x) for x in f.read().split()]
        except OSError:
            print(f"{suite}: did not run")
            counts = [0, 1, 0]
        else:
            print(line_of_counts(suite, counts))
        total = [a + b for a, b in zip(total, counts)]
    print(line_of_counts("", total))
    return 1 if total[1] or not total[0] else 0


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--suite", default="tests")
    ap.add_argument("--counts", help="folder to leave the counts in")
    ap.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    ap.add_argument("--timeout", type=float, default=300, help="seconds for one program")
    ap.add_argument("--verbose", action="store_true", help="show the output of passing programs too")
    ap.add_argument("--sum", action="store_true")
    ap.add_argument("path", nargs="*")
    args = ap.parse_args()
    if args.sum:
        return sum_up(args.counts, args.path)

    total = [0, 0, 0]
    failures = []
    lock = threading.Lock()

    def show(result):
        path, counts, text, seconds, trouble = result
        with lock:
            bad = counts[1] > 0 or ERROR_EXIT.search(text)
            close = [line for line in text.splitlines() if CMOCKA_CLOSE.match(line)]
            what = trouble or (close[0] if close and not bad else line_of_counts("", counts))
            print(f"{'FAILED' if bad else 'ok    '} {path} ({seconds:.1f} s): {what}")
            if bad or args.verbose:
                print(text.rstrip())
            if bad:
                failures.append(path)
                if not counts[1]:  # a sanitizer's report in a program that went on
                    counts = (counts[0], 1, counts[2])
            for i in range(3):
                total[i] += counts[i]
            sys.stdout.flush()

    with concurrent.futures.ThreadPoolExecutor(max(1, args.jobs)) as pool:
        for f in concurrent.futures.as_completed([pool.submit(run, p, args.timeout) for p in expand(args.path)]):
            show(f.result())
    if failures:
        print(f"{args.suite}, failed programs:")
        for path in sorted(failures):
            print(f"   {path}")
    print(line_of_counts(args.suite, total))
    if args.counts:
        os.makedirs(args.counts, exist_ok=True)
        with open(os.path.join(args.counts, args.suite), "w", encoding="utf-8") as f:
            f.write(" ".join(map(str, total)) + "\n")
    return 1 if total[1] else 0


if __name__ == "__main__":
    sys.exit(main())
