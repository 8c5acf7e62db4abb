#!/bin/sh
# SPDX-License-Identifier: MIT
# Mistakes in a Testfile: each with its place, a code, what was expected and the nearest name; all in one run.
. "$(dirname "$0")/../lib.sh"

describe "several mistakes, all reported in one run"
file Testfile.lua <<'END'
test "unknown-field" { cmd = "true", inputs = {}, timout = 3 }
test "wrong-type" { cmd = 7, inputs = {} }
test "missing-dep" { cmd = "true", inputs = {}, deps = { "helpr" } }
test "missing-input" { cmd = "true", inputs = { "no/such/file.c" } }
test "escape" { cmd = "true", inputs = { "../../etc/passwd" } }
build "helper" { cmd = "true", inputs = {}, outputs = { "same.out" } }
build "helper2" { cmd = "true", inputs = {}, outputs = { "same.out" } }
test "twice" { cmd = "true", inputs = {} }
test "twice" { cmd = "true", inputs = {} }
END
run_tgraph
expect_status 2
expect_err '^Testfile\.lua:1:[0-9]+: error T2[0-9]+: .*timout'
expect_err 'timeout'
expect_err '^Testfile\.lua:2:[0-9]+: error T2[0-9]+: '
expect_err '^Testfile\.lua:3:[0-9]+: error T[0-9]+: .*helpr'
expect_err 'helper'
expect_err '^Testfile\.lua:4:[0-9]+: error T[0-9]+: .*no/such/file\.c'
expect_err '^Testfile\.lua:5:[0-9]+: error T[0-9]+: '
expect_err '^Testfile\.lua:7:[0-9]+: error T[0-9]+: .*same\.out'
expect_err '^Testfile\.lua:9:[0-9]+: error T[0-9]+: .*twice'
expect_silent_out

describe "two errors in two files"
repo two
file Testfile.lua <<'END'
include "a"
include "b"
END
file a/Testfile.lua <<'END'
test "x" { cmd = "true", inputs = {}, tag = { "x" } }
END
file b/Testfile.lua <<'END'
test "x" { cmd = "true", inputs = 3 }
END
run_tgraph
expect_status 2
expect_err '^a/Testfile\.lua:1:'
expect_err '^b/Testfile\.lua:1:'

describe "a cycle is printed as a path"
repo cycle
file Testfile.lua <<'END'
test "a" { cmd = "true", inputs = {}, deps = { "b" } }
test "b" { cmd = "true", inputs = {}, deps = { "c" } }
test "c" { cmd = "true", inputs = {}, deps = { "a" } }
END
run_tgraph
expect_status 2
expect_err 'a -> b -> c -> a|b -> c -> a -> b|c -> a -> b -> c'

describe "a syntax error"
file Testfile.lua <<'END'
test "a" {
  cmd = "true"
  inputs = {}
}
END
run_tgraph
expect_status 2
expect_err 'Testfile\.lua:3'

describe "an error of Lua at run time"
file Testfile.lua <<'END'
local x = nil
test("a" .. x) { cmd = "true" }
END
run_tgraph
expect_status 2
expect_err 'Testfile\.lua:2'

describe "the sandbox"
for what in 'os.time()' 'io.open("x")' 'os.getenv("HOME")' 'math.random()' 'load("\27Lua")()' 'require("os")' 'debug.getinfo(1)' 'dofile("x")'; do
    echo "local x = $what" >Testfile.lua
    run_tgraph
    same "$what fails" 2 "$status"
done

describe "after the mistake is mended all is well"
echo 'test "a" { cmd = "true", inputs = {} }' >Testfile.lua
run
expect_status 0
expect_ran a
