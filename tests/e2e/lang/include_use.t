#!/bin/sh
# SPDX-License-Identifier: MIT
# include, use, labels and paths across folders; an edited module counts.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
include "lib"
include "app"
END
file lib/Testfile.lua <<'END'
local h = use "//tools/helper.lua"
h.echo_test "unit"
build "gen" { cmd = "cp in.txt gen.out", inputs = { "in.txt" }, outputs = { "gen.out" } }
END
file tools/helper.lua <<'END'
local M = {}
function M.echo_test(name)
  test(name) { cmd = "echo " .. name .. " >>$TGRAPH_ROOT/../ran", inputs = {} }
end
return M
END
file app/Testfile.lua <<'END'
test "uses-label" { cmd = "cat ../lib/gen.out", inputs = {}, deps = { "lib:gen" } }
test "uses-path" { cmd = "cat ../lib/gen.out", inputs = { "//lib/gen.out" } }
test "local-dep" { cmd = "true", inputs = {}, deps = { ":uses-path", "uses-label" } }
END
echo 1 >lib/in.txt

describe "cold"
run
expect_status 0
expect_ran lib:unit lib:gen app:uses-label app:uses-path app:local-dep
expect_marks unit

describe "an edited module changes what it declares"
sed -i 's/"echo "/"echo  "/' tools/helper.lua
run
expect_status 0
expect_ran lib:unit

describe "a new Testfile"
file more/Testfile.lua <<'END'
test "m" { cmd = "true", inputs = {} }
END
run
expect_ran
echo 'include "more"' >>Testfile.lua
run
expect_ran more:m

describe "a target that is gone is gone"
sed -i '/more/d' Testfile.lua
run
expect_status 0
expect_ran
run more:m
expect_status 4

describe "a folder without a Testfile"
echo 'include "nowhere"' >>Testfile.lua
run_tgraph
expect_status 2
expect_err 'Testfile\.lua:3'
