#!/bin/sh
# SPDX-License-Identifier: MIT
# A Testfile that never ends or eats all memory ends with an error that names the line.
. "$(dirname "$0")/../lib.sh"

describe "an endless loop ends with its line"

file Testfile.lua <<'END'
local n = 0
while true do
  n = n + 1
end
END
run_tgraph
expect_status 2
expect_err 'Testfile\.lua:[23]'

describe "too much memory"
file Testfile.lua <<'END'
local t = {}
for i = 1, 1e7 do
  t[i] = ("x"):rep(10000000) .. i
end
END
run_tgraph
expect_status 2
expect_err 'Testfile\.lua:3'
