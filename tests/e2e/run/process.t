#!/bin/sh
# SPDX-License-Identifier: MIT
# What a process gets: its folder, standard input, temporary folder, arguments, success codes.
. "$(dirname "$0")/../lib.sh"

file sub/Testfile.lua <<'END'
test "cwd" { cmd = "pwd", inputs = {} }
test "root-cwd" { cmd = "pwd", inputs = {}, cwd = "//" }
test "args" { cmd = { "printf", "<%s>\\n", "a b", "$HOME", "*" }, inputs = {} }
test "stdin" { cmd = "cat", inputs = {}, stdin = "some text\n" }
test "no-stdin" { cmd = "test -z \"$(cat)\"", inputs = {} }
test "codes" { cmd = "exit 3", inputs = {}, success_codes = { 0, 3 } }
test "wrong-code" { cmd = "exit 0", inputs = {}, success_codes = { 3 } }
test "tmp" { cmd = "test -d \"$TMPDIR\" && test \"$TMPDIR\" = \"$TGRAPH_TMPDIR\" && echo $TMPDIR >$TGRAPH_ROOT/../tmpdir", inputs = {} }
test "tmp-kept" { cmd = "echo evidence >$TMPDIR/e; echo $TMPDIR >$TGRAPH_ROOT/../kept; exit 1", inputs = {} }
test "order" { cmd = "echo 1; echo 2 >&2; echo 3; echo 4 >&2", inputs = {} }
test "program" { cmd = { "./prog.sh", "x" }, inputs = {} }
END
script sub/prog.sh <<'END'
#!/bin/sh
echo "prog $1"
END
echo 'include "sub"' >Testfile.lua

run
describe "the folder"
run_tgraph log sub:cwd
expect_out "^$work/repo/sub\$"
run_tgraph log sub:root-cwd
expect_out "^$work/repo\$"

describe "arguments without a shell"
run_tgraph log sub:args
expect_out '^<a b>$'
expect_out '^<\$HOME>$'
expect_out '^<\*>$'

describe "standard input"
run_tgraph log sub:stdin
expect_out '^some text$'
expect_outcome sub:no-stdin passed

describe "success codes"
expect_outcome sub:codes passed
expect_outcome sub:wrong-code failed

describe "the temporary folder: gone after a pass, kept after a failure"
expect_outcome sub:tmp passed
expect_file "$(cat ../kept)/e" evidence
run sub:tmp-kept
expect_err "$(cat ../kept)"
run --force sub:tmp
expect_no_file "$(cat ../tmpdir)"

describe "standard output and standard error in order"
run_tgraph log sub:order
cat "$out" "$err" | tr -d '\n ' | grep -q '1.*2.*3.*4\|1324'
report $? "all four lines are there"
run_tgraph log sub:program
expect_out '^prog x$'

describe "a program of the repository is an input of its command"
script sub/prog.sh <<'END'
#!/bin/sh
echo "changed $1"
END
run sub:program
expect_ran sub:program
