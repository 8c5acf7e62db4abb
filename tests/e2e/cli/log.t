#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph log: the output of the last run, also of one that passed and of one that was cached.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo to-out; echo to-err >&2; cat in.txt", inputs = { "in.txt" } }
test "binary" { cmd = "head -c 300000 /dev/zero | tr '\\0' 'x'; printf '\\001\\377'", inputs = {} }
END
echo one >in.txt

describe "before the first run there is none"
run_tgraph log t
expect_status 0
expect_silent_out

describe "after it"
run
run_tgraph log t
expect_status 0
cat "$out" "$err" >"$work/both"
grep -q to-out "$work/both" && grep -q to-err "$work/both" && grep -q one "$work/both"
report $? "all of it"
expect_out '^one$'

describe "of the last run"
echo two >in.txt
run
run_tgraph log t
expect_out '^two$'
expect_no_out '^one$'

describe "large and binary"
run_tgraph log binary
same "its size" 300002 "$(wc -c <"$out" | tr -d ' ')"

describe "usage"
run_tgraph log nope
expect_status 4
run_tgraph log
expect_status 2
