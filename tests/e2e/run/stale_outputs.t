#!/bin/sh
# SPDX-License-Identifier: MIT
# What is at the place of outputs before a command runs: tgraph's own old outputs go, somebody's files stay or are moved
# aside, and what a run finds afterwards is what it made.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "d" {
  cmd = "while read k; do echo 1 >d/$k; [ $k != bad ] || exit 1; done <list", inputs = { "list" }, outputs = { "d/" },
}
build "o" { cmd = "cat in >o", inputs = { "in" }, outputs = { "o" } }
END
there() { # PATHS: what is in d, exactly
    # shellcheck disable=SC2012
    same "in d: $*" "$(list "$@")" "$(ls d | tr '\n' ' ' | sed 's/ $//')"
}
makes() { # NAMES: what list asks for
    : >list
    for name; do echo "$name" >>list; done
}

echo 1 >in

describe "a stored result with fewer files takes the others away"
makes a b && run d
makes a && run d
there a
makes a b && run d
expect_ran
there a b
makes a && run d
expect_ran
there a

describe "what the cache knows goes, although .tgraph is gone"
makes a b && run d
rm -rf .tgraph
makes c && run d
there c

describe "what a failed run left goes"
makes p q bad && run d
expect_status 3
there bad p q
makes p && run d
there p

describe "somebody's file in an output folder stays, and the pass is not stored as long as it does"
echo precious >d/mine
makes e && run d
expect_status 0
expect_err 'd/mine was there before'
there e mine
run d
expect_ran d
rm d/mine
run d
expect_ran d
run d
expect_ran
there e

describe "an empty output folder comes back"
makes && run d
rmdir d
run d
expect_ran
there

describe "an output's mode is not handed on"
run o
chmod +x o
echo 2 >in
run o
expect_ran o
[ ! -x o ]
report $? "o is no program"

describe "somebody's file in the place of an output is moved aside"
echo precious >o
echo 3 >in
run o
expect_ran o
expect_err 'replaced'
same "o" 3 "$(cat o)"
same ".tgraph/replaced/o" precious "$(cat .tgraph/replaced/o)"
run o
expect_ran
