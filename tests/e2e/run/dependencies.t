#!/bin/sh
# SPDX-License-Identifier: MIT
# Dependencies: order, skipping, failing builds, tests as dependencies.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "broken" { cmd = "echo no good >&2; exit 1", inputs = { "x" }, outputs = { "broken.out" } }
test "needs-broken" { cmd = "echo nb >>../ran", inputs = { "broken.out" } }
test "first" { cmd = "echo first >>../ran; exit $(cat x)", inputs = { "x" } }
test "second" { cmd = "echo second >>../ran", inputs = {}, deps = { "first" } }
test "third" { cmd = "echo third >>../ran", inputs = {}, deps = { "second" } }
test "free" { cmd = "echo free >>../ran", inputs = {} }
END
echo 0 >x

describe "a failing build: exit status 3, its dependents are skipped, the others run"
run
expect_status 3
expect_outcome broken failed
expect_outcome needs-broken skipped
expect_err 'no good'
expect_outcome free passed
expect_outcome third passed
expect_marks first second third free

describe "a skipped test stays dirty"
run_tgraph list --json needs-broken
expect_out '"state": ?"dirty"'

describe "a failing test: what depends on it is skipped, however far away"
echo 1 >x
run --exclude needs-broken
expect_status 1
expect_outcome first failed
expect_outcome second skipped
expect_outcome third skipped
expect_reason third 'first|second'
expect_marks first
