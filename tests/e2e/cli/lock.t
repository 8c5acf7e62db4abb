#!/bin/sh
# SPDX-License-Identifier: MIT
# Two runs in one work tree: the second waits, says so, and then finds nothing to do.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo t >>../ran; touch ../running; while [ ! -e ../go ]; do sleep 0.02; done", inputs = {} }
END

describe "the second one runs nothing"
start
wait_for ../running
"$TGRAPH" >"$work/out2" 2>"$work/err2" &
second=$!
run_tgraph list --json
expect_status 0
expect_out '"state": ?"dirty"'
run_tgraph -n
expect_status 0
# The second one has said that it waits before the first one may end.
for _ in $(seq 400); do
    [ ! -s "$work/err2" ] || break
    sleep 0.05
done
grep -qi 'wait' "$work/err2"
report $? "it says that it waits"
touch ../go
finished
expect_status 0
wait "$second"
same "the second's status" 0 "$?"
expect_marks t
