#!/bin/sh
# SPDX-License-Identifier: MIT
# --since on real histories: tgraph's own, and those of click and Jinja2, made of the archives of their releases.
#
#   tests/realworld/history.sh [-k] [-n COMMITS] [-m EDITS] [-a FOLDER] [-j FOLDER] [TGRAPH [PROJECT...]]
#
# history.py says what is checked. -n: so many commits of each, the last ones; -m: so many edits on top of them;
# -a: where archives are kept for another time; -j: a folder for the figures as JSON; -k keeps the folder.
# Archives come by pip, from where this machine's pip gets them. docs/real-world.md says what was seen.
set -eu

keep="" commits=30 edits="" archives="" json=""
while getopts kn:m:a:j: option; do
    case $option in
    k) keep=1 ;;
    n) commits=$OPTARG ;;
    m) edits=$OPTARG ;;
    a) mkdir -p "$OPTARG" && archives=$(cd "$OPTARG" && pwd) ;;
    j) mkdir -p "$OPTARG" && json=$(cd "$OPTARG" && pwd) ;;
    *) exit 2 ;;
    esac
done
shift $((OPTIND - 1))
here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
tgraph=${1:-$top/build/tgraph}
tgraph=$(cd "$(dirname "$tgraph")" && pwd)/$(basename "$tgraph")
[ $# = 0 ] || shift
[ $# != 0 ] || set -- tgraph click jinja2
[ -x "$tgraph" ] || { echo "history.sh: $tgraph is not there; run make first" >&2; exit 2; }
for program in cc git luac5.4 python3; do
    command -v "$program" >/dev/null || { echo "history.sh: needs $program" >&2; exit 2; }
done
python3 -c 'import pytest' || { echo "history.sh: needs pytest for $(command -v python3)" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/tgraph-history.XXXXXX")
cleanup() { if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi; }
trap cleanup EXIT
[ -n "$archives" ] || { archives=$work/archives && mkdir "$archives"; }

# Archives of a package, in the order of the versions given. pip asks each archive for its metadata; what that needs is put
# into an environment of its own once, and not for each of them.
fetch() { # PACKAGE VERSION...: leaves the paths in $work/PACKAGE.list
    package=$1
    shift
    : >"$work/$package.list"
    for version in "$@"; do
        file=$(find "$archives" -iname "$package-$version.tar.gz")
        if [ -z "$file" ]; then
            if [ ! -d "$work/venv" ]; then
                python3 -m venv "$work/venv"
                "$work/venv/bin/python" -m pip -q install flit_core setuptools wheel
            fi
            "$work/venv/bin/python" -m pip -q download --no-deps --no-build-isolation --no-binary :all: -d "$archives" \
                "$package==$version"
            file=$(find "$archives" -iname "$package-$version.tar.gz")
        fi
        echo "$file" >>"$work/$package.list"
    done
}
# shellcheck disable=SC2046 # paths of archives, which hold no white space
released() { # PACKAGE EDITS
    look "$1" "$2" --sources '^(src/|tests/|click/|jinja2/).*\.py$' --archives $(cat "$work/$1.list")
}
failures=0
look() { # NAME EDITS OPTION...: as many edits, if nobody gave another number
    name=$1
    share=${edits:-$2}
    shift 2
    mkdir "$work/$name"
    printf '\n== %s\n' "$name"
    python3 "$here/history.py" --name "$name" --tgraph "$tgraph" --testfile "$here/history/$name.lua" \
        --work "$work/$name" --commits "$commits" --mutations "$share" ${json:+--json "$json/$name.json"} "$@" ||
        failures=$((failures + 1))
}

for project in "$@"; do
    case $project in
    tgraph)
        # What takes files and processes away is not edited at random: these run with the rights of who looks.
        look tgraph 15 --clone "$top" \
            --never '^(engine/(base|os|tree|store|run|cli)/|engine/graph/[^k]|tests/(support|unit/(os|tree|store|run|cli))/)' \
            --sources '^(engine/|tests/unit/|stdlib/|rules/|docs/|tests/e2e/)'
        ;;
    click)
        fetch click 7.0 7.1 7.1.1 7.1.2 8.0.0 8.0.1 8.0.2 8.0.3 8.0.4 8.1.0 8.1.1 8.1.2 8.1.3 8.1.4 8.1.5 8.1.6 8.1.7 \
            8.1.8 8.2.0 8.2.1 8.3.0 8.3.1
        released click 25
        ;;
    jinja2)
        fetch jinja2 2.11.0 2.11.1 2.11.2 2.11.3 3.0.0 3.0.1 3.0.2 3.0.3 3.1.0 3.1.1 3.1.2 3.1.3 3.1.4 3.1.5 3.1.6
        released jinja2 12
        ;;
    *) echo "history.sh: unknown project '$project'" >&2; exit 2 ;;
    esac
done
printf '\n== %s of %s histories with a miss\n' "$failures" "$#"
[ "$failures" = 0 ]
