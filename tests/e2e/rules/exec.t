#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
local exec = use "exec"
suite "t" {
  worker = exec.worker { format = "tap", prefix = { "sh" } },
  cases = {
    { id = "one", data = { cmd = { "one.t" } }, inputs = { "one.t" } },
    { id = "two", data = { cmd = { "two.t" } }, inputs = { "two.t" } },
    { id = "later", data = { skip = "not written yet" } },
  },
  inputs = { exec.adapter() },
}
END
echo 'echo 1..1; echo ok 1 - a' >one.t
echo 'echo 1..2; echo ok 1 - b; echo not ok 2 - c' >two.t

describe "each case is a process, and its results come with it"
run
expect_status 1
expect_event '"target":"t#one".*"outcome":"passed".*"subtests":\[{"name":"a","outcome":"passed"}\]'
expect_event '"target":"t#two".*"outcome":"failed".*"note":"c"'
expect_event '"target":"t#later".*"mark":"skipped".*"note":"not written yet"'

describe "what passed stays, what is edited runs"
echo 'echo 1..1; echo ok 1 - b' >two.t
run
expect_status 0
expect_ran 't#two'
run
expect_ran

describe "a crash is one, and the others are served"
echo 'echo 1..1; kill -SEGV $$' >one.t
echo 'echo 1..1; echo ok 1 - again' >two.t
run
expect_status 1
expect_event '"target":"t#one".*"outcome":"crashed".*"signal":11'
expect_event '"target":"t#two".*"kind":"case","outcome":"passed"'

describe "a case that takes too long is ended with its children"
file Testfile.lua <<'END'
local exec = use "exec"
suite "t" {
  worker = exec.worker { prefix = { "sh", "-c" } },
  cases = { { id = "slow", data = { cmd = { "echo $$ >pid; sleep 600 & echo $! >child; wait" } } } },
  inputs = { exec.adapter() },
  case_timeout = 0.5,
}
END
run
expect_status 1
expect_event '"target":"t#slow".*"outcome":"timed_out"'
for p in pid child; do
    wait_gone "$(cat $p)"
    report $? "its $p is gone"
done

describe "a mistake in the Testfile"
file Testfile.lua <<'END'
use("exec").worker { format = "xml" }
END
run
expect_status 2
expect_err "Testfile.lua:1.*field 'format': expected"
