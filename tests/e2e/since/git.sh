# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of --since share: tests/e2e/lib.sh, a repository whose branch is main, commits, and no CI around it.
. "$(dirname "$0")/../lib.sh"

for name in $(env | sed -n 's/^\([A-Z_]*\)=.*/\1/p'); do
    case $name in
    CI | CI_* | GITHUB_* | GITEA_* | FORGEJO_* | GITLAB_* | BUILDKITE* | JENKINS_* | CHANGE_* | TF_BUILD | SYSTEM_* | TRAVIS*) unset "$name" ;;
    BITBUCKET_* | APPVEYOR* | DRONE* | CIRRUS_* | SEMAPHORE* | CODEBUILD_* | BITRISE* | NETLIFY | VERCEL* | CIRCLECI | TEAMCITY_*) unset "$name" ;;
    GIT_INDEX_FILE | GIT_CEILING_DIRECTORIES | XDG_CONFIG_HOME) unset "$name" ;;
    esac
done
GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@example GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@example
export GIT_AUTHOR_NAME GIT_AUTHOR_EMAIL GIT_COMMITTER_NAME GIT_COMMITTER_EMAIL
git symbolic-ref HEAD refs/heads/main

commit() { # MESSAGE: of all that is there
    if ! git add -A || ! git commit -q --allow-empty -m "$1"; then report 1 "git commit"; fi
}
short() { # REVISION: as tgraph shows it
    git rev-parse "$1" | cut -c 1-8
}
affected() { # ARGS: `tgraph affected ARGS`
    run_tgraph affected "$@"
}
expect_lines() { # LINES: the whole of standard output, in any order
    same "printed: ${*:-nothing}" "$(list "$@")" "$(sort "$out" | tr '\n' ' ' | sed 's/ $//')"
}
expect_affected() { # LABELS: printed, and the exit status says whether there were any
    expect_lines "$@"
    expect_status $(($# > 0))
}
expect_err_line() { # TEXT: one line of standard error is exactly this
    grep -Fxq -- "$1" "$err"
    report $? "standard error has the line '$1'"
}
json() { # EXPRESSION: of the lines of standard output as a list v, in Python
    python3 -c 'import json,sys
v = [json.loads(line) for line in sys.stdin]
print(eval(sys.argv[1]))' "$1" <"$out"
}
expect_json() { # EXPRESSION VALUE
    same "$1" "$2" "$(json "$1" 2>&1)"
}
three_tests() { # a, b and c, which needs the build lib; committed
    file Testfile.lua <<'END_OF_TESTFILE'
test "a" { cmd = "echo a >>../ran", inputs = { "src/a" }, tags = { "fast" } }
test "b" { cmd = "echo b >>../ran", inputs = { "src/b" } }
build "lib" { cmd = "echo lib >>../ran; cp src/lib lib.out", inputs = { "src/lib" }, outputs = { "lib.out" } }
test "c" { cmd = "echo c >>../ran", inputs = {}, deps = { "lib" } }
group "all" { "a", "b", "c" }
END_OF_TESTFILE
    printf '.tgraph/\nlib.out\n*.local\n' >.gitignore
    mkdir -p src
    echo 1 >src/a
    echo 1 >src/b
    echo 1 >src/lib
    commit one
}
