#!/bin/sh
# SPDX-License-Identifier: MIT
# A Testfile that reads a file which one of its own targets makes: that target comes first, then it is loaded again.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "list" { cmd = "echo list >>../ran; sh make-list.sh >cases.json", inputs = { "make-list.sh", "names" }, outputs = { "cases.json" } }
local cases = json("cases.json", { optional = true }) or {}
for _, name in ipairs(cases) do
  test("case-" .. name) { cmd = "echo " .. name .. " >>../ran", inputs = {} }
end
END
file make-list.sh <<'END'
printf '['
sep=
for n in $(cat names); do
    printf '%s"%s"' "$sep" "$n"
    sep=,
done
printf ']\n'
END
echo 'one two' >names

describe "cold: the cases run too"
run
expect_status 0
expect_marks list one two

describe "nothing changed"
run
expect_ran
expect_marks

describe "a case more"
echo 'one two three' >names
run
expect_status 0
expect_marks list three

describe "a case less"
echo 'one three' >names
run
expect_status 0
run_tgraph list --json
expect_no_out 'case-two'
expect_out 'case-three'

describe "the file deleted: restored, and the cases are still there"
rm cases.json ../ran
run
expect_status 0
expect_marks
run_tgraph list --json
expect_out 'case-one'
