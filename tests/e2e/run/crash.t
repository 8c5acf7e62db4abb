#!/bin/sh
# SPDX-License-Identifier: MIT
# A test that ends by a signal crashed, and the signal is named.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "segv" { cmd = "echo before; kill -SEGV $$", inputs = {} }
test "abrt" { cmd = { "/bin/sh", "-c", "kill -ABRT $$" }, inputs = {} }
test "fine" { cmd = "true", inputs = {} }
END

describe "signals are named"
run
expect_status 1
expect_outcome segv crashed
expect_outcome abrt crashed
expect_outcome fine passed
expect_err 'SIGSEGV'
expect_err 'SIGABRT'
expect_err 'before'
run
expect_ran abrt segv
