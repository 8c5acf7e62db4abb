#!/bin/sh
# SPDX-License-Identifier: MIT
# Cases are chosen as targets are: by label, tag, failure, shard; why, log and list speak of a single one.
. "$(dirname "$0")/lib.sh"

file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, tags = "api", description = "all the routes",
  cases = {
    { id = "a", data = { ["do"] = "print this is a, pass" } },
    { id = "b", tags = "slow", inputs = "b.txt", data = { file = "b.txt" } },
    { id = "c", tags = { "slow", "db" }, data = { ["do"] = "skip not today" } },
    { id = "dir/d.py::test[1]" },
  },
}
suite "sub/t" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = { "a", "b" } }
test "plain" { cmd = "echo plain >>../ran", inputs = {}, tags = "slow" }
END
echo 'print oh no, fail' | file b.txt

describe "-n says what would run, and starts nothing"
run_tgraph -n
expect_status 0
expect_err 'would run  s#a'
expect_err 'would run 7 of 7'
expect_marks
expect_starts 0

describe "a single case"
run 's#a'
expect_status 0
expect_ran s#a
expect_marks a
expect_count selected 1

describe "two, one of them with brackets"
run 's#dir/d.py::test[1]' 's#c'
expect_status 0
expect_marks c 'dir/d.py::test[1]'
expect_count selected 2

describe "a wildcard within a suite"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
run 's#*' 's#**/*'
expect_status 1
expect_count selected 4
expect_marks a b c 'dir/d.py::test[1]'

describe "a case that is not there"
run 's#aa'
[ "$status" != 0 ]
report $? "it fails"
expect_err "s#aa"
expect_marks

describe "--failed"
run --failed
expect_status 1
expect_ran s#b
expect_marks b
expect_count selected 1

describe "by tag: a case has those of its suite"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
run --tag slow
expect_marks b c plain
run --tag db
expect_cached s#c
expect_marks
run --tag api
expect_marks a b 'dir/d.py::test[1]'
run --tag api --exclude 's#b' --exclude 's#c'
expect_status 0
expect_count selected 2
expect_marks

describe "--exclude"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
run --exclude 's#b' --exclude plain
expect_status 0
expect_marks a a b c 'dir/d.py::test[1]'
same "sub/t's only b" "sub/t#b" "$(names | grep '#b$')"
run --exclude 's'
expect_status 0
expect_marks plain
expect_count selected 3

describe "shards: together all cases, none twice"
echo pass >b.txt
for i in 1 2 3; do # as on machines of their own: durations that one has seen change the split
    rm -rf .tgraph "$TGRAPH_CACHE_DIR"
    run --shard $i/3
    expect_status 0
done
expect_marks a a b b c 'dir/d.py::test[1]' plain
run
expect_clean
expect_count selected 7

describe "list: a suite is a line, its cases are to be had"
run_tgraph list
expect_out '^s'
run_tgraph list 's#b'
expect_status 0
expect_out 's#b'
expect_no_out 's#a'
run_tgraph list --json 's#b'
expect_out '"s#b"'
expect_out 'clean'

describe "why: of a case that passed, one that is dirty, one that failed"
run_tgraph why 's#a'
expect_status 0
expect_out 's#a'
echo 'print oh no, fail' >b.txt
run_tgraph why 's#b'
expect_status 0
expect_out 'b\.txt'
run 's#b'
expect_status 1
run_tgraph why 's#b'
expect_out 'failed'

describe "log: what one case printed"
run_tgraph log 's#a'
expect_status 0
expect_out 'this is a'
run_tgraph log 's#b'
expect_out 'oh no'
expect_no_out 'this is a'

describe "a skipped case says so when it is cached"
rm -f "$work/ran"
run 's#c'
expect_cached s#c
expect_event '"target": ?"s#c".*"mark": ?"skipped"'

describe "--force runs what is asked for"
run --force 's#a'
expect_marks a

describe "the beginning of ids, and a glob over them"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
run 's#dir'
expect_marks 'dir/d.py::test[1]'
run --force 's#dir/d.py'
expect_marks 'dir/d.py::test[1]'
run --force 's#dir/d.py::test'
expect_marks 'dir/d.py::test[1]'
run --force 's#*d.py*'
expect_marks 'dir/d.py::test[1]'
run 's#di'
expect_status 4
expect_err "tgraph list s\` shows the cases"
