#!/bin/sh
# SPDX-License-Identifier: MIT
# --fail-fast, --force, -n, -q, -v, -j.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "a-fails" { cmd = "echo a >>../ran; exit 1", inputs = {} }
for i = 1, 5 do
  test("b" .. i) { cmd = "echo b >>../ran", inputs = {} }
end
END

describe "--fail-fast starts nothing more after a failure (what failed last runs first)"
run a-fails
expect_status 1
rm ../ran
run --fail-fast -j 1
expect_status 1
expect_marks a
expect_outcome a-fails failed
expect_outcome b1 skipped
expect_outcome b5 skipped

describe "keep going is the default"
run -j 2
expect_status 1
expect_marks a b b b b b

describe "-n runs nothing and says what would run"
run -n
expect_status 0
expect_marks
cat "$out" "$err" | grep -q a-fails
report $? "it names what would run"
cat "$out" "$err" | grep -q b1
report $((! $?)) "it does not name what is clean"
run_tgraph list --json a-fails
expect_out '"state": ?"failed"'

describe "--force runs what is clean too"
run --force b1
expect_status 0
expect_marks b
run b1
expect_ran

describe "-q prints failures and the summary only"
run -q
expect_status 1
expect_err 'a-fails'
expect_no_err 'b1'

describe "-v names the cached too"
run -v
expect_err 'b1'

describe "-j"
run --force -j 50% b1
expect_status 0
run -j 0
expect_status 2
run -j many
expect_status 2
