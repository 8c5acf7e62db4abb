#!/bin/sh
# SPDX-License-Identifier: MIT
# A process sees the documented environment and what is declared; what it sees is in the key.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "plain" { cmd = "echo plain >>../ran; env | sort", inputs = {} }
test "declared" { cmd = "echo declared >>../ran; echo level=$LEVEL fixed=$FIXED", inputs = {}, env = { "LEVEL", FIXED = "yes" } }
END
export UNDECLARED=secret

describe "only what is documented is seen"
run
expect_status 0
expect_ran plain declared
run_tgraph log plain
expect_no_out 'UNDECLARED'
expect_out '^LANG=C.UTF-8$'
expect_out '^TZ=UTC$'
expect_out '^TERM=dumb$'
expect_out '^TGRAPH_TARGET=plain$'
expect_out '^TGRAPH_ATTEMPT=1$'
expect_out '^TGRAPH_SLOT=[0-9]+$'
expect_out "^TGRAPH_ROOT=$work/repo\$"
expect_out '^TMPDIR=/'
rm -f ../ran

describe "an undeclared variable does not count"
UNDECLARED=other run
expect_ran
rm -f ../ran

describe "a declared one counts: unset, empty and set are three things"
LEVEL='' run
expect_ran declared
expect_marks declared
LEVEL=3 run
expect_ran declared
expect_marks declared
expect_reason declared LEVEL
LEVEL=3 run
expect_ran
expect_marks
run_tgraph log declared
expect_out '^level=3 fixed=yes$'

describe "its value in the Testfile counts"
sed -i 's/FIXED = "yes"/FIXED = "no"/' Testfile.lua
run
expect_ran declared
rm -f ../ran

describe "env() in a Testfile: with a default, and asked again when the variable changes"
file Testfile.lua <<'END'
local level = env("LEVEL", "1")
test("level-" .. level) { cmd = "true " .. level, inputs = {} }
END
run
expect_ran level-1
LEVEL=2 run
expect_ran level-2

describe "a required one that is missing is an error before anything runs"
file Testfile.lua <<'END'
local token = env "TOKEN"
test "t" { cmd = "touch ../ran", inputs = {}, env = { TOKEN = token } }
END
run
expect_status 2
expect_err 'Testfile\.lua:1'
expect_err 'TOKEN'
expect_no_file ../ran
TOKEN=x run
expect_status 0
expect_ran t
