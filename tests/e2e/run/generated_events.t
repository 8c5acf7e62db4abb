#!/bin/sh
# SPDX-License-Identifier: MIT
# What the events say of a target that makes a file which a Testfile reads: it is told before the Testfiles are loaded
# again, and once more only if it runs once more.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "list" { cmd = "cat names >cases.json; test ! -e ../broken", inputs = { "names" }, outputs = { "cases.json" } }
for _, name in ipairs(json("cases.json", { optional = true }) or {}) do
  test("case-" .. name) { cmd = "true", inputs = {} }
end
END
told() { # TARGET: outcome, "cached" and "selected" of each of its target_finished, in order
    sed -n '/"target_finished".*"target": \{0,1\}"'"$1"'"/s/.*"outcome":"\([a-z_]*\)","cached":\([a-z]*\),"selected":\([a-z]*\).*/\1 \2 \3,/p' "$events" | tr '\n' ' '
}
expect_totals() { # what the run_started lines promise has come
    same "target_finished lines" "$(sed -n '/"run_started"/s/.*"total":\([0-9]*\).*/\1/p' "$events" | awk '{ n += $1 } END { print n }')" \
        "$(grep -c '"target_finished"' "$events")"
}

describe "cold"
echo '["a", "b"]' >names
run
expect_status 0
same "list" "passed false false, " "$(told list)"
same "case-a" "passed false true, " "$(told case-a)"
expect_totals
expect_count selected 2
expect_count builds_ran 1

describe "it ran, and is asked for too"
echo '["a", "c"]' >names
run list 'case-*'
expect_status 0
same "list" "passed false false, " "$(told list)"
expect_totals
expect_count selected 3
expect_count ran 2
expect_count cached 1
expect_count builds_ran 0

describe "it ran, but nothing that is asked for needs it"
echo '["a"]' >names
run case-a
same "list" "passed false false, " "$(told list)"
expect_totals

describe "its key passed before, so the Testfiles can do with that; then it is forced"
echo '["a", "b"]' >names
run --force list
same "list" "passed true false, passed false true, " "$(told list)"
expect_totals
expect_count selected 1
expect_count ran 1
expect_count cached 0

describe "it fails"
: >../broken
echo '["a" ]' >names
run list case-a
expect_status 3
same "list" "failed false false, " "$(told list)"
expect_totals
expect_count failed 1
expect_count builds_failed 0

describe "it passes although nothing changed, and all else is clean"
run
rm ../broken
run list case-a
expect_status 0
same "list" "passed false false, " "$(told list)"
expect_totals
expect_count selected 2
expect_count ran 1
expect_count cached 1
expect_count builds_ran 0

describe "the Testfile declares it otherwise after it was loaded again"
repo otherwise
file Testfile.lua <<'END'
local cases = json("cases.json", { optional = true }) or {}
build "list" { cmd = "cat names >cases.json; : " .. #cases, inputs = { "names" }, outputs = { "cases.json" } }
test "t" { cmd = "true", inputs = {} }
END
echo '["a"]' >names
run
expect_status 0
same "list" "passed false false, passed false false, " "$(told list)"
expect_totals

describe "what was asked for is no longer there"
repo again
file Testfile.lua <<'END'
build "list" { cmd = "cat names >cases.json", inputs = { "names" }, outputs = { "cases.json" } }
for _, name in ipairs(json("cases.json", { optional = true }) or {}) do
  test("case-" .. name) { cmd = "true", inputs = {} }
end
END
echo '["a"]' >names
run case-a
expect_status 0
echo '["b"]' >names
run case-a
expect_status 4
same "list" "passed false false, " "$(told list)"
same "run_finished" 0 "$(grep -c '"run_finished"' "$events")"

describe "what was made is no JSON"
echo 'none' >names
run
expect_status 2
same "list" "passed false false, " "$(told list)"
same "run_finished" 0 "$(grep -c '"run_finished"' "$events")"
