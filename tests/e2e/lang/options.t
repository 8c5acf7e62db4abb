#!/bin/sh
# SPDX-License-Identifier: MIT
# What stands after -- goes to the Testfiles, counts where they put it, and is an error if none asks for it.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "a" { cmd = { "sh", "run.sh", table.unpack(options()) }, inputs = { "run.sh" } }
test "b" { cmd = "echo b >>../ran", inputs = {} }
END
file run.sh <<'END'
echo "a:$#:$2" >>../ran
END
git add -A && git -c user.name=t -c user.email=t@t commit -q -m t

describe "none"
run
expect_status 0
expect_marks a:0: b

describe "some: only what takes them runs"
run -- -k 'x y'
expect_status 0
expect_marks 'a:2:x y'
run a -- -k 'x y'
expect_ran
expect_marks

describe "others, and the ones from before: known"
run -- -k z
expect_marks 'a:2:z'
run -- -k 'x y'
expect_ran
run
expect_ran
expect_marks

describe "they are no patterns and no options of tgraph"
run b -- --dry-run -j nothing list
expect_status 0
expect_cached b
expect_marks

describe "list, why and affected take them"
run_tgraph list -- -k new
expect_status 0
expect_out '^a .*dirty'
run_tgraph list -- -k z
expect_out '^a .*clean'
run_tgraph why a -- -k new
expect_out 'command changed'
run_tgraph affected --since HEAD -- -k new
expect_status 0
expect_silent_out
run_tgraph list --since HEAD..HEAD -- -k new
expect_status 0

describe "nobody asks for them"
file Testfile.lua <<'END'
test "b" { cmd = "echo b >>../ran", inputs = {} }
END
for command in run list affected 'why b' 'list --since HEAD'; do
    # shellcheck disable=SC2086 # words
    run_tgraph $command -- -k x
    expect_status 2
    expect_err "error T012: no Testfile reads options: '-k'"
done
git add -A && git -c user.name=t -c user.email=t@t commit -q -m t
run_tgraph list --since HEAD~1..HEAD -- -k x
expect_status 2
expect_err T012
run_tgraph list --
expect_status 0
expect_marks
