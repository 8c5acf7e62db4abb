#!/bin/sh
# SPDX-License-Identifier: MIT
# libgit2 is loaded when --since or --staged is given, and in no other run.
. "$(dirname "$0")/git.sh"

three_tests
loads() { # ARGS: does tgraph look for libgit2? glibc's loader and musl's need other means; then strace
    LD_DEBUG=files LD_DEBUG_OUTPUT=$work/ld "$TGRAPH" "$@" >"$out" 2>"$err" </dev/null
    if ls "$work"/ld.* >/dev/null 2>&1; then
        cat "$work"/ld.* >"$work/loaded"
        rm -f "$work"/ld.*
    elif command -v strace >/dev/null; then
        strace -f -o "$work/loaded" "$TGRAPH" "$@" >"$out" 2>"$err" </dev/null
    else
        echo "ok 1 # skip neither LD_DEBUG nor strace is there"
        tests=1
        exit 0
    fi
    grep -q 'libgit2' "$work/loaded"
}
never() { # ARGS
    if loads "$@"; then report 1 "libgit2 is not loaded by: tgraph $*"; else report 0 "libgit2 is not loaded by: tgraph $*"; fi
}

describe "with --since it is"
loads list --since HEAD
report $? "list --since"
loads affected
report $? "affected"
loads --staged -n
report $? "--staged"

describe "without it is not"
never
never
never list
never list --json --keys
never -n
never why a
never --force a
never --failed
never --shard 1/2
never list --format github-matrix
never log a
never clean
never gc
never --help
echo 2 >src/a
never
