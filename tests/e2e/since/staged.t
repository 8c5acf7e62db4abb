#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "Before a commit": the index in place of the work tree, and a real pre-commit hook.
. "$(dirname "$0")/git.sh"

three_tests

describe "only what is staged selects"
run_tgraph affected --staged
expect_affected
expect_err "^tgraph: since HEAD, merge base $(short HEAD), what is staged\$"
echo 2 >src/a
run_tgraph affected --staged
expect_affected
git add src/a
run_tgraph affected --staged
expect_affected a all
echo 2 >src/b
run_tgraph affected --staged
expect_affected a all
run_tgraph list --staged --json
expect_json '[x["target"] for x in v]' "['a', 'all']"
expect_json '["state" in x for x in v]' '[False, False]'
expect_json 'v[0]["path"]' "['src/a', 'a']"
run_tgraph why a --staged
expect_out '^a is affected: src/a changed'

describe "but the commands run in the work tree"
run --staged
expect_status 0
expect_marks a
git reset -q --hard

describe "with a REF: the merge base with it"
echo 2 >src/a
commit two
echo 2 >src/lib
git add src/lib
run_tgraph affected --staged
expect_affected all c lib
run_tgraph affected --staged --since HEAD~1
expect_affected a all c lib
git reset -q --hard

describe "files that are new, deleted or only announced"
echo 'test "tree" { cmd = "true", inputs = { "dir/**" } }' >>Testfile.lua
commit tree
mkdir dir
echo 1 >dir/x
run_tgraph affected --staged
expect_affected
git add -N dir/x
run_tgraph affected --staged
expect_affected
git add dir/x
run_tgraph affected --staged
expect_affected tree
rm -r dir
run_tgraph affected --staged
expect_affected tree
git reset -q --hard

describe "unmerged files are an error"
git checkout -q -b one
echo one >src/a
commit one
git checkout -q -b two main
echo two >src/a
commit two
git merge -q one >/dev/null 2>&1
run_tgraph affected --staged
expect_status 2
expect_err 'error T708: .*src/a'
git reset -q --hard
git checkout -q main

# ---- a real hook ----
cat >.git/hooks/pre-commit <<HOOK
#!/bin/sh
exec "$TGRAPH" --staged --json "$events" 2>"$err"
HOOK
chmod +x .git/hooks/pre-commit
hook() { # GIT ARGS: git commit with the hook
    rm -f "$events" "$work/ran"
    git commit -q "$@" >"$out" 2>&1
    status=$?
}

describe "a hook: git commit"
echo 5 >src/a
echo 5 >src/b
git add src/a
hook -m 'a'
expect_status 0
expect_ran a
expect_marks a

describe "a hook: git commit -a has an index of its own"
hook -a -m 'b too'
expect_status 0
expect_ran b
expect_marks b

describe "a hook: git commit PATH commits that path alone"
echo 6 >src/a
echo 6 >src/b
git add src/b
hook -m 'only a' src/a
expect_status 0
expect_ran a
expect_marks a
hook -m 'then b'
expect_status 0
expect_ran b

describe "a hook: git commit --amend"
echo 7 >src/lib
git add src/lib
hook --amend -m 'amended'
expect_status 0
expect_ran c lib

describe "a failing test stops the commit"
head=$(git rev-parse HEAD)
sed -i 's/echo a >>/exit 1; echo a >>/' Testfile.lua
hook -a -m 'broken'
expect_status 1
same "no commit" "$head" "$(git rev-parse HEAD)"
git reset -q --hard

describe "a hook in a linked work tree"
git worktree add -q -b linked ../linked
cd ../linked || exit 1
echo 8 >src/a
git add src/a
hook -m 'linked'
expect_status 0
expect_ran a

describe "a hook: git commit in a folder below"
cd src || exit 1
echo 9 >b
hook -a -m 'below'
expect_status 0
expect_ran b
