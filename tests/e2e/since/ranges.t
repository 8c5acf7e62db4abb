#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "Two revisions": A..B without the work tree.
. "$(dirname "$0")/git.sh"

three_tests
git tag v1.0
git checkout -q -b topic
echo 2 >src/a
commit two
git tag v1.1
git checkout -q main
echo 2 >src/b
commit three
echo dirty >src/lib
echo new >src/new

describe "the merge base of A and B against B"
run_tgraph affected --since v1.0..v1.1
expect_affected a all
run_tgraph affected --since main..topic
expect_affected a all
expect_err "^tgraph: since main, merge base $(short v1.0)"
run_tgraph affected --since topic..main
expect_affected all b
run_tgraph affected --since=main...topic
expect_affected a all
run_tgraph affected --since v1.1..v1.0
expect_affected

describe "a side that is left out is HEAD"
run_tgraph affected --since v1.0..
expect_affected all b
run_tgraph affected --since ..topic
expect_affected a all

describe "list and why"
run_tgraph list --since main..topic --json --keys
expect_json '[x["target"] for x in v]' "['a', 'all']"
expect_json '[x.get("state") for x in v]' '[None, None]'
expect_json 'v[0]["static_key"] != v[0]["base_static_key"]' True
run_tgraph list --since main..topic
expect_out '^a +test +src/a changed'
run_tgraph why a --since main..topic
expect_out '^a is affected: src/a changed\.'
run_tgraph why b --since main..topic
expect_out '^b is not affected'

describe "the keys are those of checkouts"
run_tgraph list --since main..topic --json --keys
cp "$out" "$work/range"
git clone -q . ../clone
git -C ../clone checkout -q topic
cd ../clone || exit 1
"$TGRAPH" list --json --keys a >"$out" 2>"$err"
key=$(json 'v[0]["static_key"]')
cp "$work/range" "$out"
expect_json 'v[0]["static_key"]' "$key"
git checkout -q v1.0
"$TGRAPH" list --json --keys a >"$out" 2>"$err"
key=$(json 'v[0]["static_key"]')
cp "$work/range" "$out"
expect_json 'v[0]["base_static_key"]' "$key"
cd ../repo || exit 1

describe "a Testfile that is broken in the work tree does not matter"
echo 'test {' >Testfile.lua
run_tgraph affected --since main..topic
expect_affected a all
git checkout -q Testfile.lua

describe "a side that is not there, or that does not load, is an error"
run_tgraph affected --since main..nothing
expect_status 2
expect_err 'T704'
git checkout -q -f topic
echo 'test {' >Testfile.lua
commit broken
git checkout -q -f main
run_tgraph affected --since main..topic
expect_status 2
expect_err 'Testfile.lua:'
run_tgraph affected --since nothing..main
expect_status 1
expect_err 'everything is selected'

describe "run does not take it"
run --since main..topic
expect_status 2
expect_err 'without the work tree'
