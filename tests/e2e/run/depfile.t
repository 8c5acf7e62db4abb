#!/bin/sh
# SPDX-License-Identifier: MIT
# may_read and depfile: by content count only the files that the depfile names; a new one that could hide another counts.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "obj" {
  cmd = "echo obj >>../ran; cat src/a.c src/used.h >out/a.o; echo 'out/a.o: src/a.c src/used.h \\' >out/a.d; echo ' /etc/hostname' >>out/a.d",
  inputs = { "src/a.c" }, may_read = { "src/*.h" }, depfile = "out/a.d", outputs = { "out/a.o" },
}
test "t" { cmd = "echo t >>../ran", inputs = { "out/a.o" } }
END
mkdir src
echo a >src/a.c
echo u >src/used.h
echo n >src/unused.h
sed -i 's,/etc/hostname,'"$work"'/system.h,' Testfile.lua
echo s >../system.h
settle

describe "cold"
run
expect_status 0
expect_marks obj t

describe "a header that it did not read"
echo other >src/unused.h
run
expect_ran
expect_marks

describe "a header that it read"
echo other >src/used.h
run
expect_marks obj t

describe "a file outside the repository that it read"
echo other >../system.h
settle
run
expect_ran obj
expect_marks obj

describe "a new header could hide another one"
echo x >src/new.h
run
expect_ran obj
expect_marks obj
run
expect_ran

describe "back to an earlier state: known"
echo u >src/used.h
rm src/new.h
echo s >../system.h
settle
run
expect_ran
