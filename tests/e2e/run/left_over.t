#!/bin/sh
# SPDX-License-Identifier: MIT
# A process that outlives its test is ended and named.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "leaves" { cmd = "sleep 301 >/dev/null 2>&1 & echo $! >../child; exit 0", inputs = {} }
test "holds-the-pipe" { cmd = "sleep 302 & echo $! >../child2; exit 0", inputs = {} }
END

describe "the test ends at once and the rest is swept up"
run
expect_event '"target": ?"leaves".*sleep'
expect_event '"target": ?"holds-the-pipe".*sleep'
expect_err 'sleep'
wait_gone "$(cat ../child)"
report $? "the left-over process is gone"
wait_gone "$(cat ../child2)"
report $? "so is the one that holds the pipe"

describe "one that left its session is ended at the end of the run"
file Testfile.lua <<'END'
test "daemon" { cmd = "setsid sh -c 'echo $$ >../child3; exec sleep 303' >/dev/null 2>&1 & while [ ! -s ../child3 ]; do :; done", inputs = {} }
END
run
wait_gone "$(cat ../child3)"
report $? "it is gone"
