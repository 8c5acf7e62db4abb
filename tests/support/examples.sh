#!/bin/sh
# SPDX-License-Identifier: MIT
# Each example in a copy of its own: the first run passes, the second runs nothing. Prints TAP. TGRAPH names the binary.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
TGRAPH=${TGRAPH:-$top/build/tgraph}
work=$(mktemp -d "${TMPDIR:-/tmp}/tgraph-examples.XXXXXX") || exit 1
trap 'cd / && rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
TGRAPH_CACHE_DIR=$work/cache
export TGRAPH_CACHE_DIR
unset MAKEFLAGS MFLAGS MAKELEVEL TGRAPH_LIB

n=0
check() { # WORDS, and the status of the command before as $?
    if [ $? = 0 ]; then ok=ok; else ok="not ok"; fi
    n=$((n + 1))
    echo "$ok $n - $1"
    [ "$ok" = ok ] || sed 's/^/#   /' "$work/log"
}
field() { sed -n '/"run_finished"/s/.*"'"$1"'": \{0,1\}\([0-9]*\).*/\1/p' "$work/events"; }

for testfile in "$top"/examples/*/Testfile.lua; do
    name=$(basename "$(dirname "$testfile")")
    case $name in go | cargo) tool=$name ;; *) tool="sh" ;; esac
    modules=
    case $name in jest | vitest) # tests/support/js_tools.sh installs them
        modules=${TGRAPH_TEST_JS:-$top/build/js}/node_modules
        [ -e "$modules/$name/package.json" ] || tool=$name
        ;;
    esac
    if ! command -v "$tool" >/dev/null; then
        n=$((n + 1))
        echo "ok $n - $name # SKIP $tool is not installed"
        continue
    fi
    # Only what git knows, or would: neither build folders nor caches of the checkout.
    mkdir "$work/$name"
    (cd "$top/examples/$name" && git ls-files -co --exclude-standard -z . | xargs -0 cp --parents -P -t "$work/$name") ||
        exit 1
    cd "$work/$name" && git init -q . || exit 1
    [ -z "$modules" ] || ln -s "$modules" node_modules
    "$TGRAPH" run --json "$work/events" >"$work/log" 2>&1
    check "$name: the first run passes"
    [ "$(field ran)" -gt 0 ]
    check "$name: it runs tests ($(field ran))"
    "$TGRAPH" run --json "$work/events" >"$work/log" 2>&1
    check "$name: the second run passes"
    [ "$(field ran)" = 0 ] && [ "$(field cached)" -gt 0 ] && ! grep '"target_finished"' "$work/events" | grep -q '"cached": \{0,1\}false'
    check "$name: it runs nothing"
done
echo "1..$n"
