#!/bin/sh
# SPDX-License-Identifier: MIT
# --since beside patterns, --tag, --exclude, --failed, -n, --force, -q, and what a run says at its end.
. "$(dirname "$0")/git.sh"

three_tests
echo 2 >src/a
echo 2 >src/b

describe "patterns, tags and excludes select, and of these the affected ones stay"
run --since HEAD a c
expect_ran a
expect_marks a
run --since HEAD --exclude a
expect_ran b
expect_marks b
echo 3 >src/a
run --since HEAD --tag fast
expect_ran a
expect_marks a
run --since HEAD --tag fast b
expect_status 0
expect_ran
affected --since HEAD 'b'
expect_affected b

describe "a group that is asked for: its members that are affected"
echo 4 >src/b
run --since HEAD all
expect_marks b

describe "--force runs what is affected and clean, and nothing else"
run --since HEAD --force
expect_status 0
expect_marks a b

describe "-n says what would run and runs nothing"
echo 5 >src/a
run --since HEAD -n
expect_status 0
expect_marks
expect_err '(^|[^a-z])a([^a-z]|$)'
expect_count affected 2
run --since HEAD
expect_marks a

describe "--failed"
git checkout -q src
sed -i 's/echo a >>..\/ran/&; exit 1/; s/echo b >>..\/ran/&; exit 1/' Testfile.lua
commit 'two that fail'
run
expect_status 1
rm -f ../ran
echo 9 >src/a
run --since HEAD --failed
expect_status 1
expect_marks a
expect_count affected 1

describe "the summary"
git reset -q --hard HEAD~1
rm -f ../ran
echo s1 >src/a
echo s1 >src/b
run a
run --since HEAD
expect_count affected 2
expect_count cached 1
expect_count ran 1
expect_err '2 affected, of these 1 cached and 1 run: .*2 passed'
run --since HEAD
expect_err '2 affected|affected'
git checkout -q src
run --since HEAD
expect_status 0
expect_err 'affected'
expect_no_err 'passed'

describe "-q: not a word of the base, and no base is still told"
run --since HEAD -q
expect_no_err 'merge base'
run --since nothing -q
expect_err 'everything is selected'

describe "a dependency that is not affected comes up to date with those that are"
rm -rf .tgraph lib.out "$TGRAPH_CACHE_DIR"
sed -i 's/echo c >>/echo  c >>/' Testfile.lua
rm -f ../ran
run --since HEAD
expect_status 0
expect_marks c lib
expect_count affected 1
