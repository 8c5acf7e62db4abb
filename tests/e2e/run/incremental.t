#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

# `side` is what a build system keeps beside its outputs: tgraph does not know of it and cannot put it back.
testfile() {
    file Testfile.lua <<'END'
build "make" {
  cmd = "mkdir -p out; cat src >out/a; cat src >out/side; echo make >>../ran",
  inputs = { "src" },
  outputs = { "out/a" },
  incremental = true,
}
test "t" { cmd = "cmp src out/side", inputs = { "src", "out/a" } }
END
    printf '/out/\n' >.gitignore
}
testfile
echo 1 >src
describe "an incremental build runs again for a key of before, as its folder has moved on"
run
expect_marks make
echo 2 >src
run
expect_marks make
echo 1 >src
run
expect_marks make
expect_file out/side 1

describe "it runs again when an output is gone"
rm out/a
run
expect_status 0
expect_marks make

describe "another work tree's run does not count"
repo other
testfile
echo 1 >src
run
expect_status 0
expect_marks make
expect_file out/side 1
run
expect_marks
