#!/bin/sh
# SPDX-License-Identifier: MIT
# An input that changes while its test runs: the pass is reported and not stored.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo t >>../ran; cat in.txt; touch ../running; while [ ! -e ../go ]; do sleep 0.02; done", inputs = { "in.txt" } }
END
echo 1 >in.txt

describe "edited in the middle"
start
wait_for ../running
echo 2 >in.txt
touch ../go
finished
expect_status 0
expect_outcome t passed
expect_err 'in\.txt'
expect_marks t

describe "so it runs again"
run
expect_ran t
expect_marks t
run
expect_ran

describe "the old content was not taken for tested either"
echo 1 >in.txt
run
expect_ran t

describe "a test that edits its own input never becomes clean"
repo own
file Testfile.lua <<'END'
test "t" { cmd = "echo x >>in.txt", inputs = { "in.txt" } }
END
echo 1 >in.txt
run
run
expect_ran t

describe "a file added to a glob in the middle"
repo glob
rm -f ../go ../running ../ran
file Testfile.lua <<'END'
test "t" { cmd = "echo t >>../ran; touch ../running; while [ ! -e ../go ]; do sleep 0.02; done", inputs = { "src/*" } }
END
mkdir src
echo 1 >src/a
start
wait_for ../running
echo 1 >src/b
touch ../go
finished
run
expect_ran t
run
expect_ran

describe "an input that is written before a target starts, and is the same again, held still while it ran"
file Testfile.lua <<'END'
test "writes" { cmd = "cat shared >copy && cat copy >shared && sleep 0.1", inputs = { "shared" } }
test "later" { cmd = "cat shared", inputs = { "shared" }, deps = { "writes" } }
END
echo 1 >shared
run
expect_ran later writes
expect_event '"target":"writes".*written while it ran'
run
expect_ran writes
