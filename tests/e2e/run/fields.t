#!/bin/sh
# SPDX-License-Identifier: MIT
# Fields that decide when a test runs: cache, shards, value, stdin, cwd, defaults; and those that do not.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "uncached" { cmd = "echo uncached >>../ran", inputs = {}, cache = false }
test "sharded" { cmd = "echo s$TGRAPH_SHARD_INDEX/$TGRAPH_SHARD_TOTAL >>../ran", inputs = {}, shards = 3 }
test "value" { cmd = "echo value >>../ran", inputs = {}, value = { b = 1, a = { 1, 2 } } }
test "stdin" { cmd = "echo stdin >>../ran; cat", inputs = {}, stdin = { file = "in.txt" } }
test "other" { cmd = "echo other >>../ran", inputs = {}, timeout = 10, retries = 1, tags = { "x" }, description = "one" }
END
echo 1 >in.txt

describe "cold"
run
expect_status 0
expect_marks uncached s0/3 s1/3 s2/3 value stdin other

describe "cache = false runs every time"
run
expect_ran uncached
expect_marks uncached
run_tgraph list --json uncached
expect_out '"state": ?"dirty"'

describe "a file on standard input is an input"
echo 2 >in.txt
run --exclude uncached
expect_marks stdin
run_tgraph log stdin
expect_out '^2$'

describe "a value counts, its keys' order does not"
sed -i 's/value = { b = 1, a = { 1, 2 } }/value = { a = { 1, 2 }, b = 1 }/' Testfile.lua
run --exclude uncached
expect_marks
sed -i 's/b = 1 }/b = 2 }/' Testfile.lua
run --exclude uncached
expect_marks value

describe "another number of shards"
sed -i 's/shards = 3/shards = 2/' Testfile.lua
run --exclude uncached
expect_marks s0/2 s1/2

describe "a shard by its name, and all by theirs"
run --force 'sharded#1'
expect_marks s0/2
run --force sharded
expect_marks s0/2 s1/2

describe "what cannot change the outcome"
sed -i 's/timeout = 10, retries = 1, tags = { "x" }, description = "one"/timeout = 20, retries = 2, tags = { "y" }, exclusive = true, slots = 2/' Testfile.lua
run --exclude uncached
expect_status 0
expect_marks

describe "another folder to run in"
mkdir sub
echo 'test "cwd" { cmd = "pwd >>$TGRAPH_ROOT/../ran", inputs = {}, cwd = "." }' >>Testfile.lua
run cwd
expect_marks "$work/repo"
sed -i 's/cwd = "."/cwd = "sub"/' Testfile.lua
run cwd
expect_marks "$work/repo/sub"

describe "defaults reach the targets after them"
file Testfile.lua <<'END'
test "before" { cmd = "echo before:$LEVEL >>../ran", inputs = {} }
defaults { env = { LEVEL = 1 }, inputs = {} }
test "after" { cmd = "echo after:$LEVEL >>../ran" }
test "own" { cmd = "echo own:$LEVEL >>../ran", env = { LEVEL = 2 } }
END
run
expect_status 0
expect_marks before: after:1 own:2
sed -i 's/LEVEL = 1/LEVEL = 3/' Testfile.lua
run
expect_marks after:3
