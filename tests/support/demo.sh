#!/bin/sh
# SPDX-License-Identifier: MIT
# Shows in a copy of an example what tgraph does the first time, with nothing changed, and after one edit.
#
#   tests/support/demo.sh build/tgraph examples/hello
set -eu
tgraph=$1
[ -t 1 ] || exec 2>&1 # what tgraph says belongs between the lines that are said here
work=$(mktemp -d "${TMPDIR:-/tmp}/tgraph-demo.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
cp -R "$2" "$work/hello"
rm -rf "$work/hello/.tgraph"
cd "$work/hello"
TGRAPH_CACHE_DIR=$work/cache
export TGRAPH_CACHE_DIR
unset MAKEFLAGS MFLAGS MAKELEVEL TGRAPH_LIB
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); else bold='' plain=''; fi
say() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
show() {
    echo "\$ $*"
    shift
    "$tgraph" "$@"
}

say "1. The first time, everything runs."
show tgraph run -v
say "2. Nothing has changed: nothing runs."
show tgraph
say "3. One text gets two more words. The report is made again; its test runs since the report came out different."
echo "\$ echo 'to you all' >>texts/farewell.txt"
echo "to you all" >>texts/farewell.txt
echo "\$ tgraph why report"
"$tgraph" why report
show tgraph run -v
say "4. And what tgraph holds of each target now:"
show tgraph list
printf '\nThis ran in a copy of %s. Its Testfile.lua is a page long; docs/ tells the rest.\n' "$2"
