#!/bin/sh
# SPDX-License-Identifier: MIT
# Ctrl-C: children are stopped, finished results are kept, exit 130; a second one kills.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "a" { cmd = "echo a >>../ran", inputs = {} }
test "b" { cmd = "echo b >>../ran; echo $$ >../child; touch ../running; sleep 300", inputs = {}, deps = { "a" } }
test "c" { cmd = "echo c >>../ran", inputs = {}, deps = { "b" } }
END

describe "the first Ctrl-C"
start
wait_for ../running
kill -INT "$pid"
finished
expect_status 130
expect_marks a b
wait_gone "$(cat ../child)"
report $? "the child is gone"
expect_event '"run_finished".*"exit_status": ?130'

describe "what had finished is kept"
run a
expect_cached a
expect_ran

describe "what was stopped is neither a failure nor a pass"
run_tgraph list --json b
expect_out '"state": ?"dirty"'

describe "a stubborn child: the second Ctrl-C kills"
file Testfile.lua <<'END'
test "stubborn" { cmd = "trap '' TERM INT; echo $$ >../child; touch ../running2; while :; do sleep 1; done", inputs = {} }
END
start
wait_for ../running2
kill -INT "$pid"
kill -INT "$pid"
sleep 0.3
kill -INT "$pid" 2>/dev/null
finished
expect_status 130
wait_gone "$(cat ../child)"
report $? "the child is gone"

describe "SIGTERM stops it too"
file Testfile.lua <<'END'
test "t" { cmd = "echo $$ >../child; touch ../running3; sleep 300", inputs = {} }
END
start
wait_for ../running3
kill -TERM "$pid"
finished
wait_gone "$(cat ../child)"
report $? "the child is gone"
[ "$status" -ne 0 ]
report $? "the exit status is not 0"
