#!/bin/sh
# SPDX-License-Identifier: MIT
# A suite runs cold, then not at all; what is edited runs again, and nothing else.
. "$(dirname "$0")/lib.sh"

testfile() { # CASES
    file Testfile.lua <<EOF
suite "s" {
  worker = { "./w.py" }, inputs = { "common.txt" }, env = { "MARKS", "START" },
  cases = { $1 },
}
EOF
}
a='{ id = "a", inputs = "a.txt", data = { file = "a.txt" } }'
b='{ id = "b", inputs = "b.txt", data = { file = "b.txt" } }'
c='"c"'
for f in a b; do echo pass | file $f.txt; done
echo 1 | file common.txt
testfile "$a, $b, $c"

describe "cold"
run
expect_status 0
expect_ran s#a s#b s#c
expect_marks a b c
expect_count selected 3
expect_count passed 3
expect_clean
expect_count cached 3

describe "an input of one case is edited"
echo 'print hello, pass' >a.txt
run
expect_ran s#a
expect_marks a
expect_reason s#a a.txt
expect_clean

describe "an input of the suite is edited"
echo 2 >common.txt
run
expect_ran s#a s#b s#c
expect_marks a b c

describe "the worker is edited"
echo '# another version' >>w.py
run
expect_ran s#a s#b s#c
expect_marks a b c
expect_clean

describe "what the worker was is known still"
sed -i '$d' w.py
run
expect_ran
expect_marks

describe "a case is added, before and after the others"
testfile "\"z\", $a, $b, $c, \"y\""
run
expect_ran s#z s#y
expect_marks y z

describe "the order is another one"
testfile "\"y\", $c, $b, $a, \"z\""
expect_clean

describe "cases are taken away"
testfile "$a"
expect_clean
expect_count selected 1

describe "group, tags and time limit are no reason to run"
testfile '{ id = "a", inputs = "a.txt", data = { file = "a.txt" }, group = "g", tags = "slow", timeout = 7 }'
expect_clean

describe "data is"
testfile '{ id = "a", inputs = "a.txt", data = { file = "a.txt", more = 1 } }'
run
expect_ran s#a
expect_marks a

describe "a case of another name is another case"
testfile '{ id = "a2", inputs = "a.txt", data = { file = "a.txt", more = 1 } }'
run
expect_ran s#a2
expect_marks a2

describe "a variable of the worker"
START="touch nothing"; export START
run
unset START
expect_ran s#a2

describe "a failure runs again until it passes"
testfile "$a, $b, $c"
echo fail >b.txt
run
expect_status 1
expect_outcome s#b failed
rm "$work/ran"
run
expect_status 1
expect_ran s#b
expect_marks b
echo pass >b.txt
run
expect_status 0
expect_ran
expect_marks

describe "an input that is not there"
rm a.txt
run
[ "$status" != 0 ]
report $? "it fails"
expect_err 'a\.txt'
