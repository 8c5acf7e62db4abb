#!/bin/sh
# SPDX-License-Identifier: MIT
# Only a pass makes a test clean: a failure runs again, first, and is reported again.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "a" { cmd = "echo a >>../ran", inputs = { "x.txt" } }
test "b" { cmd = "echo b >>../ran", inputs = { "x.txt" } }
test "z" { cmd = "echo z >>../ran; echo to-out; echo to-err >&2; cat $PWD/verdict >/dev/null; exit $(cat verdict)", inputs = { "x.txt", "verdict" } }
END
echo 1 >x.txt
echo 7 >verdict

describe "a failure"
run
expect_status 1
expect_outcome z failed
expect_outcome a passed
expect_err 'to-out'
expect_err 'to-err'
expect_err 'exit status 7'
expect_err 'tgraph.*z'
expect_count failed 1
expect_count passed 2
rm -f ../ran

describe "it runs again although nothing changed"
run
expect_status 1
expect_ran z
expect_cached a b
expect_marks z

describe "it runs first when all are dirty"
echo 2 >x.txt
run -j 1
expect_status 1
same "the first to run" z "$(head -n 1 ../ran)"
rm -f ../ran

describe "list knows it"
run_tgraph list
expect_out 'z'
run_tgraph list --json
expect_out '"target": ?"z".*"state": ?"failed"'
expect_out '"target": ?"a".*"state": ?"clean"'

describe "--failed runs only what failed"
echo 3 >x.txt
run --failed
expect_status 1
expect_marks z

describe "mended"
echo 0 >verdict
run
expect_status 0
expect_ran a b z
rm -f ../ran
run
expect_ran
run --failed
expect_status 0
expect_ran

describe "broken and mended again: the old pass still counts"
echo 7 >verdict
run
expect_status 1
echo 0 >verdict
run
expect_status 0
expect_ran
