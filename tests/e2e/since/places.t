#!/bin/sh
# SPDX-License-Identifier: MIT
# Where the root and git's top lie: a root below it, a run from a folder, linked work trees, GIT_DIR, sparse checkouts.
. "$(dirname "$0")/git.sh"

describe "a root below git's top"
mkdir -p above
echo 1 >above/x
echo '*.log' >.gitignore
mkdir -p proj
cd proj || exit 1
file Testfile.lua <<'END_OF_TESTFILE'
include "sub"
test "t" { cmd = "echo t >>../../ran", inputs = { "src/**" } }
END_OF_TESTFILE
file sub/Testfile.lua <<'END_OF_TESTFILE'
test "s" { cmd = "echo s >>../../../ran", inputs = { "in" } }
END_OF_TESTFILE
mkdir src
echo 1 >src/a
echo 1 >sub/in
commit one
affected --since HEAD
expect_affected
echo 2 >../above/x
affected --since HEAD
expect_affected
echo 1 >src/x.log # ignored by the file above the root
affected --since HEAD
expect_affected
echo 2 >src/a
affected --since HEAD
expect_affected t
run_tgraph list --since HEAD --json
expect_json 'v[0]["path"]' "['src/a', 't']"
run --since HEAD
expect_marks t
git add src/a
run_tgraph affected --staged
expect_affected t
git commit -q -m two
run_tgraph affected --since HEAD~1..HEAD
expect_affected t

describe "the edit of an ignore file above the root"
echo '*.txt' >../.gitignore
affected --since HEAD
expect_affected t # x.log is a new file now
rm src/x.log
affected --since HEAD
expect_affected
git checkout -q ../.gitignore

describe "from a folder below"
cd sub || exit 1
echo 2 >in
run_tgraph affected --since HEAD
expect_affected sub:s
run --since HEAD
expect_status 0
expect_marks s
run_tgraph affected --since HEAD ./s
expect_affected sub:s
run_tgraph -C .. affected --since HEAD
expect_affected sub:s
cd "$work" || exit 1
run_tgraph affected -C repo/proj --since HEAD
expect_affected sub:s
cd repo || exit 1
git checkout -q .

describe "a linked work tree has its own HEAD, index and .tgraph"
git worktree add -q -b topic ../linked
cd ../linked/proj || exit 1
echo 3 >src/a
affected --since main
expect_affected t
commit three
affected --since main
expect_affected t
affected --since HEAD
expect_affected
cd ../../repo/proj || exit 1
affected --since topic
expect_affected
git worktree remove --force ../../linked

describe "GIT_DIR and GIT_WORK_TREE"
cd .. || exit 1
mv .git ../apart.git
echo 4 >proj/src/a
GIT_DIR=$work/apart.git GIT_WORK_TREE=$work/repo "$TGRAPH" affected -C proj --since HEAD >"$out" 2>"$err"
status=$?
expect_affected t
GIT_DIR=$work/apart.git "$TGRAPH" affected -C proj --since HEAD >"$out" 2>"$err" # the working folder is the work tree
status=$?
expect_affected t
GIT_DIR=$work/nowhere.git "$TGRAPH" affected -C proj --since HEAD >"$out" 2>"$err"
status=$?
expect_status 2
expect_err 'T703'
mv ../apart.git .git
git checkout -q .

describe "a sparse checkout: what is left out is left out on both sides"
cd "$work" && git clone -q repo sparse && cd sparse || exit 1
git sparse-checkout set --cone proj
git sparse-checkout reapply --no-sparse-index
cd proj || exit 1
affected --since HEAD
expect_affected
git -C .. sparse-checkout set --cone proj/sub
mkdir -p src
affected --since HEAD
expect_affected
run_tgraph affected --staged
expect_affected
echo 5 >sub/in
affected --since HEAD
expect_affected sub:s
