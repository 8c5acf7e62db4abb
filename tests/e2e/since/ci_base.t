#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "The base": where it comes from when nobody names it, in clones as CI systems make them.
. "$(dirname "$0")/git.sh"

three_tests
git checkout -q -b topic
echo 2 >src/a
commit two
topic=$(git rev-parse topic)
git checkout -q main
echo 2 >src/b
commit three
main=$(git rev-parse main)
origin=$PWD
git checkout -q --detach # so that branches can be pushed

clone() { # OPTIONS
    cd "$work" || exit 1
    rm -rf "$work/clone"
    git clone -q "$@" "file://$origin" "$work/clone" && cd "$work/clone" || exit 1
}
fork=$(git rev-parse main~1 | cut -c 1-8)

describe "without a CI: the remote's default branch"
clone -b topic
run_tgraph affected --since
expect_affected a all
expect_err_line "tgraph: since origin/main (the default branch), merge base $fork"
git remote set-head origin -d
run_tgraph affected --since
expect_err_line "tgraph: since origin/main (the default branch), merge base $fork"
git update-ref refs/remotes/origin/trunk origin/topic
git symbolic-ref refs/remotes/origin/HEAD refs/remotes/origin/trunk
run_tgraph affected --since
expect_affected
expect_err '^tgraph: since origin/trunk \(the default branch\)'

describe "without a remote a local one"
git remote remove origin
git branch -f master topic~1
run_tgraph affected --since
expect_affected a all
expect_err '^tgraph: since master \(the default branch\)'

describe "affected without --since means the same"
run_tgraph affected
expect_affected a all

describe "REF is the next argument, unless that begins with a dash"
clone -b topic
run_tgraph list --since --json
expect_err '\(the default branch\)'
run_tgraph list b --since
expect_status 0
expect_err '\(the default branch\)'
expect_silent_out
run_tgraph list --since=HEAD
expect_err 'since HEAD,'
run_tgraph list --since HEAD a
expect_silent_out
expect_status 0
run_tgraph list a --since
expect_out '^a '

describe "a remote's branch, if there is none of that name here; tags, ids, HEAD~1, reflog"
run_tgraph affected --since main
expect_affected a all
expect_err "^tgraph: since origin/main, merge base $fork"
for ref in "$main" "$(echo "$main" | cut -c 1-10)" HEAD~1 'origin/main' 'origin/main~1' 'refs/remotes/origin/main' '@~1' '@^'; do
    run_tgraph affected --since "$ref"
    expect_affected a all
done
git commit -q --amend -m 'another commit'
run_tgraph affected --since 'topic@{0}'
expect_affected

describe "GitHub: a pull request"
clone -b topic
GITHUB_ACTIONS=true GITHUB_EVENT_NAME=pull_request GITHUB_BASE_REF=main
export GITHUB_ACTIONS GITHUB_EVENT_NAME GITHUB_BASE_REF
run_tgraph affected --since
expect_affected a all
expect_err_line "tgraph: since origin/main (GITHUB_BASE_REF, GitHub Actions), merge base $fork"

describe "GitHub: the merge commit that it checks out"
git checkout -q --detach origin/main
git merge -q -m merge topic
run_tgraph affected --since
expect_affected a all
expect_err "merge base $(echo "$main" | cut -c 1-8)\$"

describe "the clone's own main holds the changes already: the remote's branch counts"
clone
git merge -q -m merge origin/topic
run_tgraph affected --since
expect_affected a all
expect_err 'since origin/main \(GITHUB_BASE_REF'
run_tgraph affected --since main
expect_affected

describe "a person who names REF comes before the CI"
clone -b topic
run_tgraph affected --since topic
expect_affected
expect_err '^tgraph: since topic, merge base'

describe "GitHub: a push, from the event"
GITHUB_BASE_REF='' GITHUB_EVENT_NAME=push GITHUB_EVENT_PATH=$work/event.json
export GITHUB_EVENT_PATH
printf '{"before": "%s", "after": "%s"}' "$(git rev-parse topic~1)" "$topic" >"$GITHUB_EVENT_PATH"
run_tgraph affected --since
expect_affected a all
expect_err "^tgraph: since $(git rev-parse topic~1) \\(GITHUB_EVENT_PATH, GitHub Actions\\)"

describe "all zeros: a new branch, compared with the default branch"
printf '{"before": "0000000000000000000000000000000000000000"}' >"$GITHUB_EVENT_PATH"
run_tgraph affected --since
expect_affected a all
expect_err '^tgraph: since origin/main \(the default branch\)'

describe "GitHub: a merge queue"
GITHUB_EVENT_NAME=merge_group
printf '{"merge_group": {"base_sha": "%s"}}' "$main" >"$GITHUB_EVENT_PATH"
run_tgraph affected --since
expect_affected a all
expect_err "^tgraph: since $main "
unset GITHUB_ACTIONS GITHUB_EVENT_NAME GITHUB_BASE_REF GITHUB_EVENT_PATH

describe "GitLab: a merge request"
GITLAB_CI=true CI=true CI_MERGE_REQUEST_TARGET_BRANCH_NAME=main
export GITLAB_CI CI CI_MERGE_REQUEST_TARGET_BRANCH_NAME
run_tgraph affected --since
expect_affected a all
expect_err "^tgraph: since origin/main \\(CI_MERGE_REQUEST_TARGET_BRANCH_NAME, GitLab CI\\), merge base $fork"
CI_MERGE_REQUEST_DIFF_BASE_SHA=$(git rev-parse origin/main~1)
export CI_MERGE_REQUEST_DIFF_BASE_SHA
run_tgraph affected --since
expect_affected a all
expect_err "^tgraph: since $CI_MERGE_REQUEST_DIFF_BASE_SHA \\(CI_MERGE_REQUEST_DIFF_BASE_SHA"
CI_MERGE_REQUEST_TARGET_BRANCH_SHA=$(git rev-parse origin/main)
export CI_MERGE_REQUEST_TARGET_BRANCH_SHA
run_tgraph affected --since
expect_affected a all
expect_err '\(CI_MERGE_REQUEST_TARGET_BRANCH_SHA'
unset CI_MERGE_REQUEST_TARGET_BRANCH_NAME CI_MERGE_REQUEST_DIFF_BASE_SHA CI_MERGE_REQUEST_TARGET_BRANCH_SHA

describe "GitLab: a push"
CI_COMMIT_BEFORE_SHA=$(git rev-parse topic~1) "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all
expect_err '\(CI_COMMIT_BEFORE_SHA, GitLab CI\)'
CI_COMMIT_BEFORE_SHA=0000000000000000000000000000000000000000 "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all
expect_err 'since origin/main \(the default branch\)'
unset GITLAB_CI CI

describe "Buildkite, Jenkins, Azure"
BUILDKITE=true BUILDKITE_PULL_REQUEST_BASE_BRANCH=main "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all
expect_err 'since origin/main \(BUILDKITE_PULL_REQUEST_BASE_BRANCH, Buildkite\)'
JENKINS_URL=http://ci CHANGE_TARGET=main "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all
expect_err 'since origin/main \(CHANGE_TARGET, Jenkins\)'
TF_BUILD=True SYSTEM_PULLREQUEST_TARGETBRANCH=refs/heads/main "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all
expect_err 'since origin/main \(SYSTEM_PULLREQUEST_TARGETBRANCH, Azure Pipelines\)'

describe "a branch that the job did not fetch: everything, and the command that mends it"
clone -b topic --single-branch
GITHUB_ACTIONS=true GITHUB_BASE_REF=main "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all b c lib
expect_err "everything is selected: git knows no revision 'main' here; to mend it: git fetch origin main:refs/remotes/origin/main\$"
sh -c "$(sed -n 's/.*to mend it: //p' "$err")" 2>/dev/null
GITHUB_ACTIONS=true GITHUB_BASE_REF=main "$TGRAPH" affected --since >"$out" 2>"$err"
status=$?
expect_affected a all
