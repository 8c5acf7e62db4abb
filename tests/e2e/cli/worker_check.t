#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph worker-check: a good worker has nothing to fear; each fault is named, with what to do.
. "$(dirname "$0")/../lib.sh"
unset PYTHONUNBUFFERED

script worker <<'END'
#!/usr/bin/env python3
# Does what is right but for the faults that it is named.
import json, os, subprocess, sys
faults = sys.argv[1:]
fd = {n: int(os.environ["TGRAPH_WORKER_" + n]) for n in ("IN", "OUT")}
for n in fd.values():
    os.set_inheritable(n, "inheritable" in faults)
inp = os.fdopen(fd["IN"], encoding="utf-8")
out = sys.stdout if "stdout" in faults else os.fdopen(fd["OUT"], "w", encoding="utf-8")
kept, children = [], []

def say(flush=True, **message):
    print(json.dumps(message), file=out, flush=flush)

def run(m):
    case, outcome = m["case"], "passed"
    if case == "data":
        outcome = "passed" if m["data"] == {"n": [1.5]} else "failed"
    elif case not in ("pass", "print"):
        if "crash" in faults:
            raise KeyError(case)
        outcome = "passed" if "believes" in faults else "error"
    if case == "print":
        print("hello from the case", flush="unflushed" not in faults)
    if "grows" in faults:
        kept.append("x" * 200000)
    if "child" in faults and not children:
        children.append(subprocess.Popen(["sleep", "60"], close_fds=False))
    if "other id" in faults:
        m["id"] += 1
    say(type="done", id=m["id"], outcome=outcome, flush="late" not in faults)
    if "twice" in faults:
        say(type="done", id=m["id"], outcome=outcome)

if "version" in faults:
    say(type="ready", protocol=9)
for line in inp:
    m = json.loads(line)
    if "strict" in faults and (m["type"] not in ("hello", "run", "exit") or "x" in m):
        raise ValueError("what is this?")
    if m["type"] == "hello":
        say(type="ready", protocol=1, name="e2e")
    elif m["type"] == "run":
        run(m)
    elif m["type"] == "exit" and "stays" not in faults:
        break
sys.exit(3 if "status" in faults else 0)
END

check() { run_tgraph worker-check "$@"; }

describe "a good worker"
check -- ./worker
expect_status 0
expect_out '^TAP version 14$'
expect_out '^ok 1 - answers hello with ready: e2e$'
expect_no_out '^not ok'
expect_no_out 'warning'
expect_out '^ok [0-9]+ - answers 1000 times'
expect_out '^# no case was named'
same "the plan counts the lines" "1..$(grep -c '^ok' "$out")" "$(grep '^1\.\.' "$out")"

describe "cases that are named"
check --case pass --case print --case none -- ./worker
expect_status 0
expect_out '^ok [0-9]+ - answers for pass: passed$'
expect_out '^ok [0-9]+ - answers for none: error$'
expect_out '^ok [0-9]+ - answers for pass again: passed$'
expect_out '^ok [0-9]+ - what a case writes arrives before its done$'

describe "a case's data"
check --case data --data '{"n":[1.5]}' -- ./worker
expect_status 0
expect_out 'answers for data: passed'
check --case data --data '{"n":[2]}' -- ./worker
expect_status 0
expect_out 'answers for data: failed'

describe "messages on standard output"
check --timeout 2s -- ./worker stdout
expect_status 1
expect_out '^not ok 1 - answers hello with ready$'
expect_out 'hint: messages go to the descriptor that TGRAPH_WORKER_OUT names'
expect_out '^1\.\.1$'

describe "another version"
check -- ./worker version
expect_status 1
expect_out 'speaks version 9'

describe "no worker at all"
check -- echo hello
expect_status 1
expect_out 'ended with exit status 0 before it was ready'
expect_out '#     hello'

describe "a done that is not flushed"
check --timeout 500ms --case pass -- ./worker late
expect_status 1
expect_out '^not ok [0-9]+ - answers for pass$'
expect_out 'hint: .*flush'

describe "a log that is not flushed"
check --case print -- ./worker unflushed
expect_status 1
expect_out '^not ok [0-9]+ - what a case writes arrives before its done$'
expect_out 'hint: .*flush standard output'

describe "a worker that a case takes down"
check --case pass -- ./worker crash
expect_status 1
expect_out '^ok [0-9]+ - answers for pass: passed$'
expect_out '^not ok [0-9]+ - answers for a case that does not exist$'
expect_out 'its worker ended with exit status 1'
expect_out 'KeyError'

describe "a worker that takes any name for a pass"
check --case pass -- ./worker believes
expect_status 0
expect_out 'warning: a case that does not exist is passed'

describe "a worker for this version alone"
check --case pass -- ./worker strict
expect_status 1
expect_out '^not ok [0-9]+ - ignores a message of an unknown type$'
expect_out '^not ok [0-9]+ - ignores members of a message that it does not know$'
expect_out '^ok [0-9]+ - reads a message of 300 kB$'

describe "answers that do not match"
check --case pass -- ./worker "other id"
expect_status 1
expect_out '^not ok [0-9]+ - answers for pass$'
expect_out 'done for another id'
check --case pass -- ./worker twice
expect_status 1
expect_out 'done for another id|done, and no case is in flight'

describe "memory that grows"
check --case pass -- ./worker grows
expect_status 1
expect_out '^not ok [0-9]+ - its memory does not grow with the cases$'
expect_out 'MiB after 100 cases'

describe "a process that stays behind"
check --case pass -- ./worker child
expect_status 1
expect_out '^not ok [0-9]+ - leaves no process behind'
expect_out 'sleep \([0-9]+\)'

describe "descriptors that children inherit"
check --case pass -- ./worker inheritable
expect_status 0
expect_out 'warning: TGRAPH_WORKER_IN and TGRAPH_WORKER_OUT can be inherited'

describe "an exit status"
check --case pass -- ./worker status
expect_status 1
expect_out '^not ok [0-9]+ - exits with 0 within 10 s of exit$'
expect_out '^not ok [0-9]+ - exits with 0 within 10 s of the end of its descriptor$'
expect_out 'exit status 3'

describe "a worker that does not know exit"
check --case pass -- ./worker stays
expect_status 1
expect_out '^not ok [0-9]+ - exits with 0 within 10 s of exit$'
expect_out 'still running 10 s after'
expect_out '^ok [0-9]+ - exits with 0 within 10 s of the end of its descriptor$'

describe "wrong usage"
check ./worker
expect_status 2
expect_err 'behind --'
check
expect_status 2
check --
expect_status 2
check --data '{' -- ./worker
expect_status 2
expect_err '--data takes one JSON value'
check --timeout soon -- ./worker
expect_status 2
expect_err '--timeout takes a time'
check -- no-such-program-anywhere
expect_status 2
expect_err 'no-such-program-anywhere'
check -- ./no-such-file
expect_status 1
expect_out 'there is no such file'
same "nothing stays in the temporary folder" "" "$(ls "$TMPDIR")"
