#!/bin/sh
# SPDX-License-Identifier: MIT
# The exit statuses and where words go.
. "$(dirname "$0")/../lib.sh"

describe "no Testfile"
run_tgraph
expect_status 2
expect_err 'Testfile\.lua'
expect_silent_out

describe "nothing declared"
: >Testfile.lua
run_tgraph
expect_status 0

describe "a test failed: 1"
echo 'test "t" { cmd = "false", inputs = {} }' >Testfile.lua
run_tgraph
expect_status 1
expect_silent_out

describe "a build failed: 3"
echo 'build "b" { cmd = "false", inputs = {}, outputs = { "o" } } test "t" { cmd = "true", inputs = { "o" } }' >Testfile.lua
run_tgraph
expect_status 3

describe "a Testfile error: 2"
echo 'test "t" { cmd = ' >Testfile.lua
run_tgraph
expect_status 2
expect_err 'Testfile\.lua:[12]'

describe "nothing matched: 4"
echo 'test "t" { cmd = "true", inputs = {} }' >Testfile.lua
run_tgraph u
expect_status 4

describe "usage: 2"
run_tgraph --no-such-option
expect_status 2
expect_err 'no-such-option'
run_tgraph -C /nowhere/at/all
expect_status 2

describe "help and version go to standard output"
run_tgraph --version
expect_status 0
expect_out '^tgraph [0-9]+\.[0-9]+'
run_tgraph --help
expect_status 0
expect_out 'list'
expect_out 'why'

describe "from a folder below"
mkdir -p deep/er
cd deep/er || exit 1
run_tgraph
expect_status 0
cd ../.. || exit 1

describe "-C"
cd / || exit 1
run_tgraph -C "$work/repo"
expect_status 0
run_tgraph -C "$work/repo" list --json
expect_out '"target": ?"t"'
