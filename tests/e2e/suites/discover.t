#!/bin/sh
# SPDX-License-Identifier: MIT
# The cases of a suite come from a discover step, which runs only when what it reads has changed.
. "$(dirname "$0")/lib.sh"

file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = discover { cmd = "echo x >>../discovered; cat list/*", inputs = { "list/*" } },
}
END
echo '{"id":"a"}' | file list/1
echo '{"id":"b","data":{"do":"pass"},"tags":["slow"]}' | file list/2
discovered() { # TIMES since the last look
    same "discover ran $1 times" "$1" "$({ sed -n '$=' "$work/discovered" 2>/dev/null | grep .; } || echo 0)"
    rm -f "$work/discovered"
}

describe "cold"
run
expect_status 0
expect_marks a b
discovered 1
expect_count selected 2

describe "unchanged: no process at all"
expect_clean
discovered 0

describe "the list is read anew, and comes out the same"
printf '\n' >>list/1
run
expect_status 0
expect_marks
discovered 1
expect_clean
discovered 0

describe "a case more"
echo '{"id":"c"}' >list/3
run
expect_status 0
discovered 1
expect_marks c
expect_count selected 3
expect_clean
discovered 0

describe "a case less"
rm list/3
run
expect_status 0
expect_marks
expect_count selected 2
rm -f "$work/discovered"

describe "a case whose data is another one"
echo '{"id":"b","data":{"do":"pass","v":2},"tags":["slow"]}' >list/2
run
expect_marks b
rm -f "$work/discovered"

describe "a tag is no reason"
echo '{"id":"b","data":{"do":"pass","v":2},"tags":["fast"]}' >list/2
run
expect_marks
rm -f "$work/discovered"

describe "the file of the list is lost: it comes back, nothing runs"
rm -rf .tgraph/cases
run
expect_status 0
expect_marks
discovered 0
expect_count selected 2

describe "the folder's state is lost: the list and the results are in the cache"
rm -rf .tgraph
run
expect_status 0
expect_marks
expect_count selected 2

describe "one case alone"
run 's#a'
expect_status 0
expect_count selected 1

describe "a list that is no JSON"
echo 'oops' >list/3
run
[ "$status" != 0 ]
report $? "it fails"
expect_err "the cases of suite 's' are not known"
expect_marks
run_tgraph list
expect_err 's\.jsonl:4:1: .*T218.*invalid'
describe "a list with a case twice"
echo '{"id":"a"}' >list/3
run
[ "$status" != 0 ]
report $? "it fails"
expect_marks
run_tgraph list
expect_err "s\.jsonl:4:10: .*'a' is there twice: on line 1 and on line 4"
rm list/3
rm -f "$work/discovered"
run
expect_status 0

describe "nothing is listed"
: >list/1
: >list/2
run
if grep -q '"passed": \?[1-9]' "$events"; then false; else true; fi
report $? "nothing passes"
expect_err '^0 passed'
expect_marks

describe "a discover step that fails, with a list of before"
echo '{"id":"a"}' >list/1
rm -rf .tgraph
file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = discover { cmd = "cat list/1; test ! -e list/bad", inputs = { "list/*" } },
}
test "other" { cmd = "true", inputs = {} }
test "after" { cmd = "true", inputs = {}, deps = { "s" } }
END
run
expect_status 0
rm -f "$work/ran"
: >list/bad
run
expect_status 3
expect_marks
expect_outcome other passed
same "neither the suite nor what needs it passes" "" "$(names '"outcome": ?"passed"' '"target": ?"(s|s#a|after)"')"
expect_count passed 1

describe "the same, and no list of before"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
run
expect_status 3
expect_marks
expect_count passed 1
run s
expect_status 3
expect_count passed 0
run 's#a'
[ "$status" != 0 ]
report $? "a case that nobody knows is no pass"

describe "it recovers"
rm list/bad
run
expect_status 0
expect_marks a
expect_clean
