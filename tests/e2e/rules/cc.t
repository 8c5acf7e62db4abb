#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

cp -R "$top/examples/cc/." .
o=build/tgraph
roman_o=$o/numerals.objects/src/roman.c.o
stack_o=$o/numerals.objects/src/stack.c.o
main_o=$o/roman.objects/src/main.c.o
test_roman_o=$o/test_roman.objects/tests/test_roman.c.o
test_stack_o=$o/test_stack.objects/tests/test_stack.c.o
links="roman $o/test_roman $o/test_stack"

describe "a first run compiles, links and tests"
run
expect_status 0
# shellcheck disable=SC2086 # lists of names
expect_ran "$o/toolchain-cc-c" "$roman_o" "$stack_o" "$main_o" "$test_roman_o" "$test_stack_o" numerals $links \
    test_roman test_stack roman-prints
expect_count passed 3

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited source compiles alone; what is made from it is made again"
sed -i 's/value > 3999/value > 3990/' src/roman.c
run
expect_status 0
# shellcheck disable=SC2086
expect_ran "$roman_o" numerals $links test_roman test_stack roman-prints

describe "a comment at the end stops at the object"
echo '/* the end */' >>src/stack.c
run
expect_status 0
expect_ran "$stack_o"

describe "an edited header compiles what includes it"
sed -i 's/STACK_DEPTH 8/STACK_DEPTH 9/' include/stack.h
run
expect_status 0
# shellcheck disable=SC2086
expect_ran "$stack_o" "$test_stack_o" numerals $links test_roman test_stack roman-prints

describe "a header that only one source includes"
sed -i 's,digits\[\] = {,digits[] = { /* from the largest down */,' src/roman_digits.h
run
expect_status 0
expect_ran "$roman_o"

describe "a new header that hides another one is seen"
cp include/roman.h tests/roman.h
echo '#error this one is found first' >>tests/roman.h
run
expect_status 3
expect_outcome "$test_roman_o" failed
expect_outcome test_roman skipped
rm tests/roman.h
run
expect_status 0
expect_ran

describe "a new source is nobody's input until the Testfile names it"
cp src/stack.c src/other.c
run
expect_status 0
expect_ran
rm src/other.c

describe "a test's own source runs that test"
sed -i 's/IIII/IIIII/' tests/test_roman.c
run
expect_status 0
expect_ran "$test_roman_o" "$o/test_roman" test_roman

describe "a failing test fails the run, and runs again"
sed -i 's/return failures == 0 ? 0 : 1;/return 1;/' tests/test_roman.c
run
expect_status 1
expect_outcome test_roman failed
run
expect_status 1
expect_ran test_roman
cp "$top/examples/cc/tests/test_roman.c" tests/
run
expect_status 0
expect_ran

describe "a source that does not compile"
echo 'int x = ;' >>src/stack.c
run
expect_status 3
expect_outcome "$stack_o" failed
expect_outcome test_stack skipped
