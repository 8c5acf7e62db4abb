#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph on projects written by others: jansson (ctest) and Jinja2 (pytest), from Debian's source packages.
#
#   tests/realworld/run.sh [-k] [TGRAPH [PROJECT...]]
#
# Fetches the sources (the machine's own package sources, asked for source packages; nothing of the machine's
# configuration changes), unpacks them into a temporary folder, puts the Testfile in, and runs each project cold, unchanged, and
# with one source edited. Compares the outcome of every test with what plain ctest or pytest says.
# -k keeps the folder. docs/real-world.md says what was seen.
set -eu

keep=
if [ "${1:-}" = -k ]; then
    keep=1
    shift
fi
here=$(cd "$(dirname "$0")" && pwd)
tgraph=${1:-$here/../../build/tgraph}
tgraph=$(cd "$(dirname "$tgraph")" && pwd)/$(basename "$tgraph")
[ $# = 0 ] || shift
[ $# != 0 ] || set -- jansson jinja2
[ -x "$tgraph" ] || { echo "run.sh: $tgraph is not there; run make first" >&2; exit 2; }

for program in apt-get dpkg-source cmake ctest python3 git; do
    command -v "$program" >/dev/null || { echo "run.sh: needs $program" >&2; exit 2; }
done
case " $* " in *" jinja2 "*)
    python3 -c 'import pytest, markupsafe' ||
        { echo "run.sh: needs pytest and markupsafe for $(command -v python3)" >&2; exit 2; }
    ;;
esac

work=$(mktemp -d "${TMPDIR:-/tmp}/tgraph-realworld.XXXXXX")
cleanup() { if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi; }
trap cleanup EXIT
export TGRAPH_CACHE_DIR="$work/cache"
failures=0

say() { printf '\n== %s\n' "$*"; }
fail() {
    failures=$((failures + 1))
    printf 'FAILED: %s\n' "$*"
}

# ---- sources -------------------------------------------------------------------------------------------------------
# A copy of the machine's entries for its distribution, as entries for sources, with lists and caches of its own.
apt_get() {
    apt-get -qq -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts="$work/apt/sources" \
        -o Dir::State::Lists="$work/apt/lists" -o Dir::Cache="$work/apt/cache" -o APT::Sandbox::User= "$@"
}
prepare_apt() {
    [ ! -d "$work/apt" ] || return 0
    mkdir -p "$work/apt/sources" "$work/apt/lists/partial" "$work/apt/cache/archives/partial"
    for f in /etc/apt/sources.list /etc/apt/sources.list.d/debian.* /etc/apt/sources.list.d/ubuntu.*; do
        case $f in
        *.sources) [ ! -f "$f" ] || sed 's/^Types:.*/Types: deb-src/' "$f" >"$work/apt/sources/$(basename "$f")" ;;
        *.list) [ ! -f "$f" ] || sed -n 's/^deb /deb-src /p' "$f" >"$work/apt/sources/$(basename "$f")" ;;
        esac
    done
    apt_get update
}
fetch() { # PACKAGE: leaves its tree in $work/PACKAGE
    prepare_apt
    mkdir -p "$work/src/$1"
    (cd "$work/src/$1" && apt_get source "$1" >"$work/src/$1.log" 2>&1) || { cat "$work/src/$1.log" >&2; exit 1; }
    mv "$work/src/$1/$1"-*/ "$work/$1"
    # As in a clone: the files that the project tracks, and none that a packager added.
    rm -rf "$work/$1/debian" "$work/$1/.pc"
    cp "$here/$1/Testfile.lua" "$work/$1/"
    (cd "$work/$1" && git init -q .)
}

# ---- runs ----------------------------------------------------------------------------------------------------------
now_ms() { date +%s%3N; }
# The processor time of all that this script has waited for. On a busy machine it says more than the clock.
look_at_cpu() { # leaves $cpu_ms; a subshell would ask for its own
    times >"$work/times"
    cpu_ms=$(sed -n '2s/[ms]/ /gp' "$work/times" | awk '{ printf "%d", ($1 * 60 + $2 + $3 * 60 + $4) * 1000 }')
}
timed() { # COMMAND...: leaves $status, $took and $cpu
    started=$(now_ms)
    look_at_cpu
    cpu_before=$cpu_ms
    status=0
    "$@" </dev/null || status=$?
    took=$(($(now_ms) - started))
    look_at_cpu
    cpu=$((cpu_ms - cpu_before))
}
tgraph_run() { "$tgraph" run --json "$work/events" >"$work/out" 2>&1; }
run() { # WORDS: what this run shows; leaves the events in $work/events
    timed tgraph_run
    printf '%-44s exit %s, %6s ms (cpu %6s ms); ran %s tests and %s builds; %s\n' "$1" "$status" "$took" "$cpu" \
        "$(ran test | wc -l)" "$(ran build | wc -l)" "$(tail -n 1 "$work/out")"
}
ran() { # KIND: the targets of this kind that ran
    grep '"target_finished"' "$work/events" | grep -E '"cached": ?false' | grep -E "\"kind\": ?\"$1\"" |
        sed -n 's/.*"target": \{0,1\}"\([^"]*\)".*/\1/p' | sort
}
outcomes() { # "TARGET OUTCOME" of all tests
    grep '"target_finished"' "$work/events" | grep -E '"kind": ?"test"' |
        sed -n 's/.*"target": \{0,1\}"\([^"]*\)".*"outcome": \{0,1\}"\([a-z_]*\)".*/\1 \2/p' | sort
}
expect_ran() { # KIND NUMBER
    n=$(ran "$1" | wc -l)
    [ "$n" = "$2" ] || fail "expected $2 $1 targets to run, $n did: $(ran "$1" | head -n 5 | tr '\n' ' ')..."
}
compare() { # FILE: "TARGET OUTCOME" from the plain runner
    if diff "$1" "$work/outcomes" >"$work/diff"; then
        echo "the outcomes of $(wc -l <"$1") targets are those of the plain runner"
    else
        fail "other outcomes than the plain runner's (< plain, > tgraph)"
        head -n 20 "$work/diff"
    fi
}

# ---- jansson -------------------------------------------------------------------------------------------------------
jansson() {
    say "jansson: ctest"
    fetch jansson
    cd "$work/jansson"
    run "cold"
    outcomes >"$work/outcomes"
    plain_ctest() { ctest --test-dir build >"$work/plain" 2>&1; }
    timed plain_ctest
    printf '%-44s exit %s, %6s ms (cpu %6s ms)\n' "plain ctest on the same build" "$status" "$took" "$cpu"
    sed -n 's/^ *[0-9]*\/[0-9]* Test *#[0-9]*: \([^ ]*\) .*\(Passed\|Failed\).*/\1 \2/p' "$work/plain" |
        tr 'PF' 'pf' | sort >"$work/plain-outcomes"
    compare "$work/plain-outcomes"
    run "unchanged"
    expect_ran test 0
    expect_ran build 0
    echo '/* edited */ int jansson_realworld_test;' >>test/suites/api/test_array.c
    run "test/suites/api/test_array.c edited"
    expect_ran test 1
    ran test
    echo ' ' >>test/suites/valid/utf-8-string/input
    run "test/suites/valid/utf-8-string/input edited"
    expect_ran test 2
    ran test
    echo '/* edited */ int jansson_realworld_library;' >>src/strbuffer.c
    (cd build/bin && sha256sum -- *) >"$work/before"
    run "src/strbuffer.c of the library edited"
    # What the linker says: the programs that came out different, and the tests that ctest starts them for.
    (cd build/bin && sha256sum -- *) | diff "$work/before" - | sed -n 's/^> [0-9a-f]*  //p' >"$work/changed"
    ctest --test-dir build --show-only=json-v1 | tr -d ' \n' | grep -o '"command":\["[^"]*"' |
        sed 's/.*\///; s/"$//' | grep -c -x -F -f "$work/changed" >"$work/n" || true
    expect_ran test "$(cat "$work/n")"
    echo "programs that came out the same: $(($(wc -l <"$work/before") - $(wc -l <"$work/changed"))) of $(wc -l <"$work/before")"
    sed -i '1i/* a comment */' src/strbuffer.c
    run "a comment put into src/strbuffer.c"
    expect_ran test 0
}

# ---- Jinja2 --------------------------------------------------------------------------------------------------------
jinja2() {
    say "Jinja2: pytest"
    fetch jinja2
    cd "$work/jinja2"
    run "cold"
    outcomes >"$work/outcomes"
    plain_pytest() {
        PYTHONPATH=src PYTHONDONTWRITEBYTECODE=1 python3 -m pytest -q -p no:cacheprovider tests -r A >"$work/plain" 2>&1
    }
    timed plain_pytest
    printf '%-44s exit %s, %6s ms (cpu %6s ms); %s\n' "plain pytest, one process" "$status" "$took" "$cpu" \
        "$(tail -n 1 "$work/plain")"
    # A file passes if none of its tests fails.
    for f in tests/test_*.py; do
        if grep -Eq "^(FAILED|ERROR) $f" "$work/plain"; then echo "$f failed"; else echo "$f passed"; fi
    done | sort >"$work/plain-outcomes"
    compare "$work/plain-outcomes"
    files=$(wc -l <"$work/plain-outcomes")
    run "unchanged"
    # tests/test_loader.py writes one of its own inputs, so its passes are not stored: it runs every time.
    expect_ran test 1
    expect_ran build 0
    echo '# edited' >>tests/test_filters.py
    run "tests/test_filters.py edited"
    expect_ran test 2
    ran test
    echo '# edited' >>src/jinja2/filters.py
    run "src/jinja2/filters.py edited"
    expect_ran test "$files"
    echo 'edited' >>README.rst
    run "README.rst edited"
    expect_ran test 1
}

for project in "$@"; do
    case $project in
    jansson | jinja2) "$project" ;;
    *) echo "run.sh: unknown project '$project'" >&2; exit 2 ;;
    esac
done
say "$failures failed"
[ "$failures" = 0 ]
