#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "No base": each case has its line, and the command in it mends it. --strict-base makes each an error.
. "$(dirname "$0")/git.sh"

everything() { # PATTERN: run_tgraph affected --since REF selected all, and said why
    expect_affected a all b c lib
    expect_err "^tgraph: everything is selected: $1"
    same "one line" 1 "$(grep -c '^tgraph: everything' "$err")"
}
strict() { # REF PATTERN
    rm -f ../ran
    run --since "$1" --strict-base
    expect_status 2
    expect_err "error T710: .*$2"
    expect_marks
    run_tgraph list --since "$1" --strict-base
    expect_status 2
    expect_silent_out
    run_tgraph affected --since "$1" --strict-base
    expect_status 2
    expect_silent_out
    run_tgraph why a --since "$1" --strict-base
    expect_status 2
}
mend() { # runs the command that the last line names
    command=$(sed -n 's/^tgraph: everything is selected:.*; to mend it: //p' "$err")
    sh -c "$command" >"$work/mended" 2>&1
    report $? "the command works: $command"
}

describe "a repository without a commit"
file Testfile.lua <<'END_OF_TESTFILE'
test "a" { cmd = "echo a >>../ran", inputs = { "src/a" } }
test "b" { cmd = "echo b >>../ran", inputs = {} }
END_OF_TESTFILE
echo .tgraph/ >.gitignore
mkdir src
echo 1 >src/a
run --since
expect_status 0
expect_marks a b
expect_err 'everything is selected: .*no commit yet; to mend it: git add \. && git commit$'
strict HEAD 'no commit yet'
strict main 'no commit yet'
git add .
run_tgraph affected --staged
expect_err 'everything is selected: .*no commit yet'
expect_lines a b
git rm -q -r --cached .
printf '#!/bin/sh\nexit 0\n' | script "$work/editor"
run_tgraph affected --since HEAD
GIT_EDITOR="$work/editor" git -c core.editor="sh -c 'echo first >\$1' sh" add . && git commit -q -m first
affected --since HEAD
expect_affected

rm -rf .git
git init -q .
git symbolic-ref HEAD refs/heads/main
three_tests

describe "a ref that is not there, and there is no remote"
affected --since nothing
everything "git knows no revision 'nothing' here"
strict nothing "git knows no revision 'nothing'"
rm -rf "$TGRAPH_CACHE_DIR" .tgraph
run --since nothing
expect_status 0
expect_ran a b c lib

describe "no default branch"
git branch -m topic
affected --since
everything 'no default branch is known'
run --since --strict-base
expect_status 2
git branch -m main

describe "two histories with nothing in common"
git checkout -q --orphan other
git commit -q -m other
affected --since main
everything 'the two have no commit in common; name one that shares a commit with this branch: tgraph --since REF'
strict main 'no commit in common'
git checkout -q main

describe "a base whose Testfile does not load"
echo 'test {' >broken.txt
cp Testfile.lua good.txt
cp broken.txt Testfile.lua
commit broken
cp good.txt Testfile.lua
commit mended
affected --since HEAD~1
everything "the base $(short HEAD~1) does not load: Testfile.lua:"
strict HEAD~1 'does not load: Testfile.lua:'
affected --since HEAD
expect_affected

describe "a shallow clone"
git checkout -q -b topic main
echo 2 >src/a
commit two
echo 3 >src/a
commit three
git checkout -q main
echo 2 >src/b
commit 'main goes on'
origin=$PWD
git clone -q --depth 1 --no-single-branch -b topic "file://$origin" "$work/shallow"
cd "$work/shallow" || exit 1
affected --since main
everything '.*shallow clone; to mend it: git fetch --unshallow'
strict main 'shallow clone'
affected --since main
mend
affected --since main
expect_affected a all

describe "the same with HEAD~2"
cd "$work" || exit 1
rm -rf "$work/shallow"
git clone -q --depth 1 -b topic "file://$origin" "$work/shallow"
cd "$work/shallow" || exit 1
affected --since HEAD~2
everything "git knows no revision 'HEAD~2' here; to mend it: git fetch --unshallow origin\$"
mend
affected --since HEAD~2
expect_affected a all

describe "a single branch"
cd "$work" || exit 1
rm -rf "$work/single"
git clone -q --single-branch -b topic "file://$origin" "$work/single"
cd "$work/single" || exit 1
affected --since main
everything "git knows no revision 'main' here; to mend it: git fetch origin main:refs/remotes/origin/main\$"
strict main "git knows no revision 'main'"
affected --since main
mend
affected --since main
expect_affected a all

describe "a commit that is not here"
git -C "$origin" config uploadpack.allowAnySHA1InWant true
cd "$work" || exit 1
rm -rf "$work/single"
git clone -q --single-branch -b topic "file://$origin" "$work/single"
cd "$work/single" || exit 1
id=$(git -C "$origin" rev-parse main)
affected --since "$id"
everything "git knows no revision '$id' here; to mend it: git fetch origin $id\$"
mend
affected --since "$id"
expect_affected a all

describe "a partial clone without what is needed: nothing is fetched"
git -C "$origin" config uploadpack.allowFilter true
cd "$work" || exit 1
rm -rf "$work/partial"
git clone -q --filter=blob:none -b topic "file://$origin" "$work/partial"
cd "$work/partial" || exit 1
affected --since origin/main~1
same "exit status 1" 1 "$status"
if grep -q '^tgraph: everything' "$err"; then
    everything '.*; to mend it: git fetch --refetch --no-filter'
    mend
    affected --since origin/main~1
fi
expect_affected a all
expect_err 'merge base'

describe "these are errors in any case"
mkdir ../plain
cp Testfile.lua ../plain/
cp -r src ../plain/
cd ../plain || exit 1
run --since main
expect_status 2
expect_err 'error T702: .*is in no git repository'
run_tgraph affected --staged
expect_status 2
expect_err 'T702'
run
expect_status 0
git init -q --object-format=sha256 .
run --since main
expect_status 2
expect_err 'error T703'
cd "$origin" || exit 1
run_tgraph list --since main..nothing
expect_status 2
expect_err "error T704: .*'nothing'"
