#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph why: names the file, the variable or the edge, with the old and the new digest.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "gen" { cmd = "cp in.txt gen.out", inputs = { "in.txt" }, outputs = { "gen.out" } }
test "t" { cmd = "true", inputs = { "gen.out", "src/*.c" }, env = { "LEVEL" } }
test "same" { cmd = "true", inputs = {} }
END
mkdir src
echo 1 >in.txt
echo 1 >src/a.c

describe "never run"
run_tgraph why t
expect_status 0
expect_out 't'
expect_out '[Nn]ever|no result|not run|first'

describe "clean"
run
run_tgraph why t
expect_status 0
expect_out '[Pp]assed|clean'

describe "a changed file"
echo 2 >src/a.c
run_tgraph why t
expect_out 'src/a\.c'
expect_out '[0-9a-f]{8}'

describe "a new and a removed file"
echo 1 >src/a.c
echo 1 >src/new.c
run_tgraph why t
expect_out 'src/new\.c'
rm src/new.c src/a.c
run_tgraph why t
expect_out 'src/a\.c'
echo 1 >src/a.c

describe "a variable"
LEVEL=2 run_tgraph why t
expect_out 'LEVEL'

describe "an edge"
echo 2 >in.txt
run_tgraph why t
expect_out 'gen'
run_tgraph why gen
expect_out 'in\.txt'
echo 1 >in.txt

describe "the declaration"
sed -i 's/test "same" { cmd = "true"/test "same" { cmd = "true 2"/' Testfile.lua
run_tgraph why same
expect_out 'cmd|command|declaration'

describe "after a run it tells why it ran"
run
run_tgraph why same
expect_status 0

describe "a target that is not there"
run_tgraph why tt
expect_status 4
expect_err 'tt'
run_tgraph why
expect_status 2
