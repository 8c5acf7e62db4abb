#!/bin/sh
# SPDX-License-Identifier: MIT
# Files that rules bring with them: written to .tgraph/lib, an input by content, there again when they are gone.
. "$(dirname "$0")/../lib.sh"

lib=$work/lib
mkdir "$lib" && cp -R "$top/stdlib" "$top/rules" "$lib" && mkdir "$lib/rules/zoo"
printf '#!/bin/sh\necho one\n' >"$lib/rules/zoo/say.sh"
echo two >"$lib/rules/zoo/two.txt"
TGRAPH_LIB=$lib
export TGRAPH_LIB
file Testfile.lua <<'END'
include "sub"
local all = adapters "zoo"
test "all" { cmd = "echo all >>../ran", inputs = all, description = table.concat(all, " ") }
END
file sub/Testfile.lua <<'END'
local support = use "support"
local path = adapter "zoo/say.sh"
test "say" { cmd = { support.for_command(path) }, inputs = { path } }
test "mark" { cmd = "echo mark >>../../ran", inputs = { path } }
END
git add -A && git -c user.name=t -c user.email=t@t commit -q -m t

describe "cold"
run
expect_status 0
expect_marks all mark
run_tgraph log sub:say
expect_out '^one'
expect_file .tgraph/lib/zoo/two.txt two

describe "nothing is written again"
before=$(stat -c '%i %Y' .tgraph/lib/zoo/say.sh)
run
expect_ran
run_tgraph list
rm -r .tgraph/graph
run
expect_ran
same "the same file" "$before" "$(stat -c '%i %Y' .tgraph/lib/zoo/say.sh)"
git status --porcelain >"$out"
expect_silent_out

describe "it is gone, or the whole state: it comes back"
rm .tgraph/lib/zoo/say.sh
run
expect_status 0
expect_ran
rm -rf .tgraph
run
expect_status 0
expect_ran

describe "compared with a revision it is the same on both sides"
run_tgraph affected --since HEAD
expect_status 0
expect_silent_out
rm -rf .tgraph
run_tgraph affected --since HEAD
expect_status 0
expect_silent_out
echo >>sub/Testfile.lua
run_tgraph affected --since HEAD
expect_status 0
expect_silent_out

describe "another tgraph brings another file"
printf '#!/bin/sh\necho three\n' >"$lib/rules/zoo/say.sh"
run
expect_ran all sub:mark sub:say
expect_marks all mark
run_tgraph log sub:say
expect_out '^three'

describe "clean takes it away"
run_tgraph clean
expect_status 0
expect_no_file .tgraph/lib

describe "it cannot be written"
mkdir .tgraph && echo x >.tgraph/lib
run
expect_status 2
expect_err "^Testfile.lua:2:22: error T221: \.tgraph/lib/zoo/say\.sh: cannot make the folder .*Not a directory"
expect_err 'hint: tgraph keeps its own files there'
