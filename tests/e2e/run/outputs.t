#!/bin/sh
# SPDX-License-Identifier: MIT
# Outputs: made, kept, restored when they are missing or different, and never another file's.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "gen" { cmd = "echo gen >>../ran; mkdir -p out/dir; cp in.txt out/file; cp in.txt out/dir/one; printf '#!/bin/sh\necho hi\n' >out/prog; chmod +x out/prog; ln -s file out/link; head -c 100000 /dev/zero >out/big",
  inputs = { "in.txt" }, outputs = { "out/file", "out/dir/", "out/prog", "out/link", "out/big" } }
test "use" { cmd = "echo use >>../ran; cat out/file out/link out/dir/one; out/prog", inputs = {}, deps = { "gen" } }
END
echo 1 >in.txt

describe "cold"
run
expect_status 0
expect_marks gen use
expect_file out/file 1

describe "deleted outputs come back without running"
rm -r out
run
expect_status 0
expect_marks
expect_file out/file 1
expect_file out/dir/one 1
same "the link's text" file "$(readlink out/link)"
same "the program runs" hi "$(out/prog)"
same "the big one's size" 100000 "$(wc -c <out/big | tr -d ' ')"

describe "a changed output is put right"
echo tampered >out/file
run
expect_status 0
expect_marks
expect_file out/file 1

describe "a change that makes the output what it was before restores that"
echo 2 >in.txt
run
expect_marks gen use
expect_file out/file 2
echo 1 >in.txt
run
expect_marks
expect_file out/file 1

describe "a lost execute bit comes back"
chmod -x out/prog
run
expect_marks
same "the program runs" hi "$(out/prog)"

describe "a declared output that is not made is an error"
file Testfile.lua <<'END'
build "lies" { cmd = "true", inputs = {}, outputs = { "never" } }
test "t" { cmd = "echo t >>../ran", inputs = { "never" } }
END
run
expect_status 3
expect_outcome lies error
expect_outcome t skipped
expect_err 'never'
expect_marks

describe "a stale output of an earlier run does not stand in for a missing one"
file Testfile.lua <<'END'
build "once" { cmd = "test -e skip || touch made", inputs = { "mode" }, outputs = { "made" } }
END
echo 1 >mode
run once
expect_status 0
touch skip
echo 2 >mode
run once
expect_outcome once error
