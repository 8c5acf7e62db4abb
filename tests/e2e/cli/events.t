#!/bin/sh
# SPDX-License-Identifier: MIT
# --json: one object a line, versioned, with the fields that scripts rely on; data alone goes to standard output.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "pass" { cmd = "echo 'quote \" backslash \\\\ tab\t'", inputs = {} }
test "fail" { cmd = "exit 4", inputs = {} }
END

describe "to standard output"
run_tgraph --json -
expect_status 1
python3 - "$out" <<'END'
import json, sys
events = [json.loads(line) for line in open(sys.argv[1], encoding="utf-8")]
finished = {e["target"]: e for e in events if e["event"] == "target_finished"}
assert set(finished) == {"pass", "fail"}, finished
for e in finished.values():
    for field in "target kind outcome cached key duration_ms reason".split():
        assert field in e, (field, e)
    assert e["kind"] == "test" and e["cached"] is False and len(e["key"]) == 32, e
    assert isinstance(e["duration_ms"], (int, float)), e
assert finished["pass"]["outcome"] == "passed" and finished["fail"]["outcome"] == "failed"
last = events[-1]
assert last["event"] == "run_finished", last
want = dict(selected=2, ran=2, cached=0, passed=1, failed=1, flaky=0, skipped=0, exit_status=1)
assert {k: last[k] for k in want} == want, last
assert "duration_ms" in last
assert all(e["v"] == 1 for e in events), events
END
report $? "the fields"

describe "people's words go to standard error"
expect_err 'fail'

describe "to a file"
run_tgraph --json "$events"
expect_silent_out
expect_event '"run_finished"'
expect_event '"target": ?"pass".*"cached": ?true'

describe "the counts of a second run"
expect_count selected 2
expect_count ran 1
expect_count cached 1
expect_count passed 1
expect_count failed 1

describe "a folder that is not there"
run_tgraph --json /nowhere/at/all
expect_status 2
