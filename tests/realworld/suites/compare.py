#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Case by case: the outcomes of a suite under tgraph against those of the tool itself, at -j1, -j2 and -j4.

    compare.py TGRAPH FOLDER SUITE PLAIN.json

FOLDER holds the project and its Testfile; PLAIN.json maps a case's name to its outcome (passed, failed, error, skipped,
xfailed, xpassed) as the tool itself says. Each run has an empty cache; the one after it has to run nothing that passed, but for
cases that ran while one of their inputs was written (a test that touches its own data).
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile


def events_of(tgraph, folder, jobs, cache):
    env = dict(os.environ, TGRAPH_CACHE_DIR=cache)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as events:
        run = subprocess.run([tgraph, "run", "-q", "-j", str(jobs), "--json", events.name], cwd=folder, env=env,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        with open(events.name) as lines:
            return run, [json.loads(line) for line in lines]


def outcomes_of(events, suite):
    found = {}
    doubled = []
    for e in events:
        if e["event"] == "target_finished" and e["target"].startswith(suite + "#"):
            case = e["target"][len(suite) + 1:]
            if case in found:
                doubled.append(case)
            found[case] = e.get("mark") or e["outcome"]
    return found, doubled


def main():
    tgraph, folder, suite, plain_file = sys.argv[1:5]
    with open(plain_file) as f:
        plain = json.load(f)
    wrong = 0
    for jobs in (1, 2, 4):
        cache = tempfile.mkdtemp(prefix="tgraph-suite.")
        shutil.rmtree(os.path.join(folder, ".tgraph"), ignore_errors=True)
        run, events = events_of(tgraph, folder, jobs, cache)
        moved = {e["target"] for e in events if "was written while it ran" in e.get("note", "")}
        found, doubled = outcomes_of(events, suite)
        differ = sorted(c for c in plain.keys() | found.keys() if plain.get(c) != found.get(c))
        bad = sum(o in ("failed", "error", "crashed", "timed_out") for o in plain.values())
        for c in differ[:20]:
            print(f"  differs at -j{jobs}: {c}: plain {plain.get(c)}, tgraph {found.get(c)}")
        for c in doubled[:20]:
            print(f"  told twice at -j{jobs}: {c}")
        again, events = events_of(tgraph, folder, jobs, cache)
        ran = {e["target"] for e in events if e["event"] == "target_finished" and not e["cached"]}
        allowed = {f"{suite}#{c}" for c, o in plain.items() if o in ("failed", "error")}
        extra = sorted(t for t in ran - allowed - moved)
        for t in extra[:20]:
            print(f"  ran again at -j{jobs}: {t}")
        expected = 1 if bad else 0
        if run.returncode != expected:
            print(f"  exit status {run.returncode} at -j{jobs}, not {expected}: {run.stdout[-2000:]}")
        wrong += len(differ) + len(doubled) + len(extra) + (run.returncode != expected)
        counts = {}
        for o in found.values():
            counts[o] = counts.get(o, 0) + 1
        told = ", ".join(f"{n} {o}" for o, n in sorted(counts.items()))
        print(f"-j{jobs}: {len(found)} cases ({told}); {len(differ)} differ from the {len(plain)} of the tool itself, "
              f"{len(doubled)} told twice, {len(extra)} ran again although they had passed"
              + (f" ({len(moved)} more ran while an input of theirs was written)" if moved else ""))
        shutil.rmtree(cache, ignore_errors=True)
    print(f"{wrong} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
