#!/bin/sh
# SPDX-License-Identifier: MIT
# A build whose output comes out the same stops the spread; one that changes carries it on, also past a middle man.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "strip" { cmd = "echo strip >>../ran; grep -v '^#' in.txt >out/stripped", inputs = { "in.txt" }, outputs = { "out/stripped" } }
build "copy" { cmd = "echo copy >>../ran; cp out/stripped out/copied", inputs = { "out/stripped" }, outputs = { "out/copied" } }
test "t" { cmd = "echo t >>../ran; test -s out/copied", inputs = { "out/copied" } }
END
printf '# a remark\nvalue\n' >in.txt

describe "cold: in order of the edges"
run
expect_status 0
expect_ran strip copy t
same "order" "strip copy t" "$(tr '\n' ' ' <../ran | sed 's/ $//')"
rm -f ../ran

describe "another remark: only the first build runs"
printf '# another remark\nvalue\n' >in.txt
run
expect_ran strip
expect_cached copy t
expect_marks strip

describe "another value: all run"
printf '# another remark\nnew value\n' >in.txt
run
expect_ran strip copy t
expect_marks strip copy t

describe "nothing changed"
run
expect_ran
expect_marks

describe "a library that a library was made with counts for what uses the latter"
repo deep
file Testfile.lua <<'END'
build "base" { cmd = "cat base.txt >base.out", inputs = { "base.txt" }, outputs = { "base.out" } }
build "mid" { cmd = "echo mid >mid.out", inputs = {}, deps = { "base" }, outputs = { "mid.out" } }
test "t" { cmd = "echo t >>../ran; cat mid.out base.out", inputs = {}, deps = { "mid" } }
END
echo 1 >base.txt
run
expect_ran base mid t
echo 2 >base.txt
rm -f ../ran
run
expect_ran base mid t
expect_marks t
