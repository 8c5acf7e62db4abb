#!/bin/sh
# SPDX-License-Identifier: MIT
# json, yaml, digest, platform, glob and defaults in a Testfile; what is read counts.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
local j = json "data.json"
local y = yaml "data.yaml"
defaults { tags = { "all" } }
for i, name in ipairs(j.names) do
  test("j-" .. name) { cmd = "true", inputs = {}, value = i }
end
test("y-" .. y.name) { cmd = "true", inputs = {} }
for _, path in ipairs(glob "cases/*.txt") do
  test("g-" .. path:match("([^/]*)%.txt$")) { cmd = { "cat", path }, inputs = { path } }
end
test("on-" .. platform.system) { cmd = "true", inputs = {}, value = digest(j) }
END
echo '{"names": ["a", "b"], "big": 12345678901234567890, "f": 1.0}' >data.json
printf 'name: c\n' >data.yaml
mkdir cases
echo 1 >cases/one.txt

describe "cold"
run
expect_status 0
expect_ran j-a j-b y-c g-one "on-$(uname -s | tr '[:upper:]' '[:lower:]')"
run --tag all --force y-c
expect_ran y-c

describe "an edit of the data"
echo '{"names": ["a", "b", "d"], "big": 12345678901234567890, "f": 1.0}' >data.json
run
expect_ran j-d "on-$(uname -s | tr '[:upper:]' '[:lower:]')"
echo 1 >cases/two.txt
run
expect_ran g-two

describe "a mistake in the data names its place"
echo '{"names": ["a", }' >data.json
run_tgraph
expect_status 2
expect_err 'data\.json'
