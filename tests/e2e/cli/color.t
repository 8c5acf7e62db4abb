#!/bin/sh
# SPDX-License-Identifier: MIT
# Colours: never into a pipe, --color always forces them, NO_COLOR forbids them.
. "$(dirname "$0")/../lib.sh"

echo 'test "t" { cmd = "false", inputs = {} }' >Testfile.lua
escape=$(printf '\033')

describe "into a file"
run_tgraph
expect_no_err "$escape"

describe "--color=always"
run_tgraph --color=always
expect_err "$escape"

describe "NO_COLOR"
NO_COLOR=1 run_tgraph
expect_no_err "$escape"

describe "--color=never"
run_tgraph --color=never
expect_no_err "$escape"
