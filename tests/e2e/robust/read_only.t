#!/bin/sh
# SPDX-License-Identifier: MIT
# A cache or a repository that cannot be written: the tests still run, one line says what is lost.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo t >>$MARKS", inputs = {}, env = { "MARKS" } }
END
export MARKS="$work/ran"
if [ "$(id -u)" = 0 ]; then
    # root may write everywhere: a file where a folder is needed stops it as well.
    : >../nofolder
    TGRAPH_CACHE_DIR=$work/nofolder/cache
else
    mkdir ../ro
    chmod a-w ../ro
    TGRAPH_CACHE_DIR=$work/ro/cache
fi

describe "no cache to be had"
run
expect_status 0
expect_marks t
expect_err 'cache|store'
run
expect_status 0
expect_outcome t passed

describe "no .tgraph to be had: one clear line, and nothing is run"
TGRAPH_CACHE_DIR=$work/cache
rm -rf .tgraph "$MARKS"
: >.tgraph
run
expect_status 2
expect_err '\.tgraph'
same "one error" 1 "$(grep -c 'error' "$err")"
expect_marks
