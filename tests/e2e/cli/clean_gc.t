#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph clean takes away the state of this repository, gc bounds the store; neither breaks anything.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "b" { cmd = "head -c 100000 /dev/urandom >b.out", inputs = {}, outputs = { "b.out" } }
test "t" { cmd = "echo t >>../ran; cat b.out", inputs = { "b.out" } }
END
run
expect_status 0
rm -f ../ran

describe "gc"
run_tgraph gc
expect_status 0
run
expect_status 0

describe "clean"
run_tgraph clean
expect_status 0
run
expect_status 0

describe ".tgraph ignores itself in git"
same "git sees nothing of it" "" "$(git status --porcelain .tgraph)"
grep -q 'Signature: 8a477f597d28d172789f06886806bc55' .tgraph/CACHEDIR.TAG
report $? "it is tagged as a cache"

describe "both folders deleted: all runs again, rightly"
rm -rf .tgraph ../cache ../ran
run
expect_status 0
expect_ran b t
