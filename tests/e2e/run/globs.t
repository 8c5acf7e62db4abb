#!/bin/sh
# SPDX-License-Identifier: MIT
# A glob's answer is an input: adding and removing files count, what git ignores does not.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo t >>../ran", inputs = { "src/**/*.c", "!src/**/gen_*.c" } }
test "all" { cmd = "echo all >>../ran" }
END
echo '*.o' >.gitignore
mkdir -p src/deep
echo 1 >src/a.c
echo 1 >src/deep/b.c

describe "cold"
run
expect_status 0
expect_ran t all
rm -f ../ran

describe "a new file that the glob matches"
echo 1 >src/deep/new.c
run
expect_ran t all
expect_marks t all

describe "a new file that it excludes: only the test that takes everything runs"
echo 1 >src/gen_x.c
run
expect_ran all
expect_marks all

describe "a file that git ignores counts for nobody"
echo 1 >src/a.o
run
expect_ran
expect_marks

describe "a removed file"
rm src/deep/new.c src/gen_x.c
run
# Both are back to what passed before.
expect_ran
rm src/deep/b.c
run
expect_ran t all
rm -f ../ran

describe "a renamed file"
mv src/a.c src/z.c
run
expect_ran t all
rm -f ../ran

describe "a new folder with a file in it"
mkdir -p src/x/y/z
run
expect_ran
echo 1 >src/x/y/z/n.c
run
expect_ran t all

describe "a file that git ignored and now does not"
rm -f ../ran
: >.gitignore
run
expect_ran all

describe "a glob that matches nothing warns, and the run goes on"
echo 'test "none" { cmd = "true", inputs = { "nothing/*.x" } }' >>Testfile.lua
run none
expect_status 0
expect_err 'nothing/\*\.x'

describe "the links of a glob count by their text"
ln -s a.c src/link.c
run
expect_ran t all
ln -sfn z.c src/link.c
run
expect_ran t all
