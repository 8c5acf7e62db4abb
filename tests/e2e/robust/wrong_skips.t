#!/bin/sh
# SPDX-License-Identifier: MIT
# Ways to a wrong skip that somebody found by looking for them: each must run what can fail now.
. "$(dirname "$0")/../lib.sh"

describe "a depfile names an output of a dependency that no input names"
file Testfile.lua <<'END'
build "gen" { cmd = "cp a.in a.h; cp b.in b.h", inputs = { "a.in", "b.in" }, outputs = { "a.h", "b.h" } }
test "use" { cmd = "echo 'x: a.h b.h' >x.d; grep -q good b.h", inputs = { "a.h" }, depfile = "x.d" }
END
echo A >a.in
echo good >b.in
run
expect_status 0
run
expect_ran
echo bad >b.in
run
expect_status 1

describe "an ignore file that came later and changed nothing is edited"
repo ignore
file Testfile.lua <<'END'
test "t" { cmd = "! grep -sq bad *.txt", inputs = { "*.txt" } }
END
echo ok >a.txt
run
echo b.txt >.gitignore
run
expect_ran
echo bad >b.txt
run
expect_ran
: >.gitignore
run
expect_status 1

describe "the target's name is seen by its command"
repo name
file Testfile.lua <<'END'
for _, n in ipairs { "good", "bad" } do test(n) { cmd = "[ $TGRAPH_TARGET = good ]", inputs = {} } end
END
run good
expect_status 0
run bad
expect_status 1

describe "an input is swapped for another file and back by renaming while its test runs"
repo swap
file Testfile.lua <<'END'
test "t" {
  cmd = "touch ../running; while [ ! -e ../go ]; do sleep 0.02; done; grep -q good conf || exit 1; touch ../seen; while [ ! -e ../end ]; do sleep 0.02; done",
  inputs = { "conf" },
}
END
rm -f ../running ../go ../seen ../end
echo bad >conf
start
wait_for ../running
mv conf conf.bak
echo good >conf
touch ../go
wait_for ../seen
mv conf.bak conf
touch ../end
finished
expect_status 0
run
expect_status 1

describe "an output folder holds a repository"
repo fixture
file Testfile.lua <<'END'
build "fix" { cmd = "mkdir -p out/r/.git && cp the-head out/r/.git/HEAD", inputs = { "the-head" }, outputs = { "out/" } }
test "t" { cmd = "grep -q good out/r/.git/HEAD", inputs = { "out/" } }
END
echo good >the-head
run
expect_status 0
echo bad >the-head
run
expect_status 1

describe "a depfile's path goes up from behind a link"
repo dotdot
file Testfile.lua <<'END'
test "t" { cmd = "echo 'x: third/foo/../inc/x.h' >x.d; ! grep -q bad third/foo/../inc/x.h", inputs = {}, depfile = "x.d" }
END
mkdir -p vendor/foo/src vendor/foo/inc third
ln -s ../vendor/foo/src third/foo
echo ok >vendor/foo/inc/x.h
settle
run
expect_status 0
run
expect_ran
echo bad >vendor/foo/inc/x.h
run
expect_status 1

describe "it failed here, and passed elsewhere under the same key"
repo one
file Testfile.lua <<'END'
test "t" { cmd = "test -e ../ok-${TGRAPH_ROOT##*/}", inputs = {} }
END
cp -R . ../two
touch ../ok-one
run -C ../two
expect_status 1
run
expect_status 0
run -C ../two
expect_status 1

describe "a forced failure counts, although the cache has a pass by a depfile"
repo forced
file Testfile.lua <<'END'
test "t" { cmd = "echo 'x: a.h' >x.d; test -e ../fine", inputs = {}, may_read = { "a.h" }, depfile = "x.d" }
END
touch a.h ../fine
settle
run
expect_status 0
rm -rf .tgraph ../fine
run --force
expect_status 1
run
expect_status 1

describe "a tool that is not there is no part of a key"
repo tool
file Testfile.lua <<'END'
test "t" { cmd = "true", inputs = {}, tools = { "no-such-tool" } }
END
run
expect_status 1
expect_err "no-such-tool"
