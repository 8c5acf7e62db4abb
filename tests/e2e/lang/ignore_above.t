#!/bin/sh
# SPDX-License-Identifier: MIT
# A Testfile below the top of a git repository: the .gitignore files above it, and .git/info/exclude, count as they do
# for git.
. "$(dirname "$0")/../lib.sh"

top=$work/repo
mkdir -p services/api
cd services/api || exit 1
file Testfile.lua <<'END'
test "all" { cmd = "echo all >>$TGRAPH_TMPDIR/../../ran" }
END
sed -i 's,>>.*",>>'"$work"'/ran",' Testfile.lua
echo '*.log' >"$top/.gitignore"
echo '/api/cache/' >"$top/services/.gitignore"
echo '/services/api/private' >"$top/.git/info/exclude"

describe "what a file above ignores is no input"
run
expect_status 0
expect_ran all
echo 1 >a.log
mkdir cache && echo 1 >cache/x
echo 1 >private
run
expect_ran

describe "what none of them ignores is one"
echo 1 >b.txt
run
expect_ran all

describe "an edit of a file above counts"
echo '!b.log' >>"$top/.gitignore"
echo 1 >b.log
run
expect_ran all
echo '*.txt' >>"$top/services/.gitignore"
echo 2 >b.txt
run
expect_ran all
echo 3 >b.txt
run
expect_ran

describe "rules above that ignore the folder itself do not empty it"
echo '/services/' >>"$top/.gitignore"
run
echo 1 >c.txt
run
expect_ran all
