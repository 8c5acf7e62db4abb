#!/bin/sh
# SPDX-License-Identifier: MIT
# A time limit ends the whole process group: TERM, a grace, KILL.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "slow" { cmd = "echo begun; sleep 300 & echo $! >../child; wait", inputs = {}, timeout = 1, tags = { "slow" } }
test "polite" { cmd = "trap 'echo got TERM; exit 0' TERM; sleep 300 & wait", inputs = {}, timeout = 1, tags = { "polite" } }
END

describe "it is ended and says so"
run slow
expect_status 1
expect_outcome slow timed_out
expect_err 'begun'
expect_err '[Tt]imed out|time limit|timeout'
wait_gone "$(cat ../child)"
report $? "its child is gone too"

describe "exit status 0 after the limit is no pass"
run polite
expect_status 1
expect_outcome polite timed_out
expect_err 'got TERM'

describe "the limit is not in the key"
file Testfile.lua <<'END'
test "quick" { cmd = "true", inputs = {}, timeout = 100 }
END
run
expect_ran quick
sed -i 's/100/200/' Testfile.lua
run
expect_ran
