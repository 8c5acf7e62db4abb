#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "Affected" and "Affected and cached".
. "$(dirname "$0")/git.sh"

three_tests
git checkout -q -b topic

describe "nothing changed"
affected --since main
expect_affected
run --since main
expect_status 0
expect_ran
expect_marks

describe "an edit, whether staged, committed or neither"
echo 2 >src/a
affected --since main
expect_affected a all
git add src/a
affected --since main
expect_affected a all
commit two
affected --since main
expect_affected a all

describe "what happened on main after the branch was made does not count"
git checkout -q main
echo 2 >src/b
commit three
git checkout -q topic
affected --since main
expect_affected a all
expect_err "^tgraph: since main, merge base $(short main~1)\$"

describe "a file that git does not know yet"
echo 'test "tree" { cmd = "echo tree >>../ran", inputs = { "dir/**" } }' >>Testfile.lua
commit globs
git branch -f main topic
mkdir dir
echo 1 >dir/new
affected --since main
expect_affected tree
rm -r dir
affected --since main
expect_affected

describe "renamed and deleted files"
mkdir dir
git mv src/b dir/b
mkdir -p src
echo 1 >src/b
affected --since main
expect_affected tree
git reset -q --hard
mkdir -p dir
echo 1 >dir/x
echo 1 >dir/y
ln -s x dir/l
commit dir
git branch -f main topic
rm dir/y
affected --since main
expect_affected tree
git reset -q --hard

describe "edits of .gitignore, links, executable bits"
echo 'dir/y' >>.gitignore # git tracks it all the same, and it counts no more
affected --since main
expect_affected tree
git reset -q --hard
chmod +x dir/x
affected --since main
expect_affected tree
chmod -x dir/x
ln -sfn y dir/l
affected --since main
expect_affected tree
git reset -q --hard
affected --since main
expect_affected

describe "Testfiles and modules: what they say counts, not their text"
echo '-- a comment' >>Testfile.lua
affected --since main
expect_affected
sed -i 's/tags = { "fast" }/tags = { "slow" }, timeout = 9, retries = 1, description = "d"/' Testfile.lua
affected --since main
expect_affected
sed -i 's/echo b >>/echo  b >>/' Testfile.lua
affected --since main
expect_affected all b
git reset -q --hard
mkdir sub tools
echo 'return "true"' >tools/m.lua
echo 'test "s" { cmd = use "//tools/m.lua", inputs = {} }' >sub/Testfile.lua
echo 'include "sub"' >>Testfile.lua
affected --since main
expect_affected sub:s
commit sub
git branch -f main topic
echo 'return "exit 0"' >tools/m.lua
affected --since main
expect_affected sub:s
git reset -q --hard

describe "ignored files belong to no revision"
echo 'test "local" { cmd = "true", inputs = { "x.local" } }' >>Testfile.lua
echo 1 >x.local
commit local
git branch -f main topic
echo 2 >x.local
affected --since main
expect_affected

describe "variables and tools are those of this machine on both sides"
mkdir "$work/bin"
script "$work/bin/sometool" <<'END_OF_TOOL'
#!/bin/sh
END_OF_TOOL
PATH=$work/bin:$PATH
echo 'test "tool" { cmd = { "sometool" }, inputs = {}, env = { "SOME_VARIABLE" } }' >>Testfile.lua
commit tool
git branch -f main topic
run
rm -f ../ran
script "$work/bin/sometool" <<'END_OF_TOOL'
#!/bin/sh
true
END_OF_TOOL
export SOME_VARIABLE=1
affected --since main
expect_affected
run --since main
expect_ran
run # plain tgraph sees it
expect_ran tool
unset SOME_VARIABLE

describe "run takes tests, and builds that are asked for by label; list shows every kind"
echo 2 >src/lib
affected --since main
expect_affected all c lib
rm -f ../ran
run --since main
expect_status 0
expect_marks c lib
expect_count affected 1
echo 3 >src/lib
run --since main lib
expect_status 0
expect_marks lib
expect_count affected 1
git checkout -q src

describe "affected and cached are two things"
echo 5 >src/a
echo 5 >src/b
run --since main a
rm -f ../ran
run --since main
expect_count affected 2
expect_count cached 1
expect_count ran 1
expect_marks b
run --since main
expect_status 0
expect_ran
expect_count affected 2
expect_count cached 2
expect_count ran 0
git checkout -q src

describe "what is not affected is not looked at, whatever its state"
sed -i 's/echo b >>..\/ran/&; exit 1/' Testfile.lua
commit 'b fails'
git branch -f main topic
run b
expect_status 1
rm -f ../ran
run --since main
expect_status 0
expect_marks
