#!/bin/sh
# SPDX-License-Identifier: MIT
# Suites of others, case by case: the outcomes under tgraph at -j1, -j2 and -j4 against those of the tool itself.
#
#   tests/realworld/suites.sh [-k] [TGRAPH [PROJECT...]]
#
# Projects: jinja2 (3.1.2) and click (8.3.0), pytest; fastify (5.12.8), node --test. Their sources come from the package indexes
# that pip and npm are configured for, into a temporary folder (-k keeps it). docs/real-world.md says what was seen.
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
[ $# != 0 ] || set -- jinja2 click fastify
[ -x "$tgraph" ] || { echo "suites.sh: $tgraph is not there; run make first" >&2; exit 2; }

work=$(mktemp -d "${TMPDIR:-/tmp}/tgraph-suites.XXXXXX")
cleanup() { if [ -n "$keep" ]; then echo "kept: $work"; else rm -rf "$work"; fi; }
trap cleanup EXIT
failures=0

say() { printf '\n== %s\n' "$*"; }
compare() { # FOLDER SUITE PLAIN.json
    python3 "$here/suites/compare.py" "$tgraph" "$@" || failures=$((failures + 1))
}

# ---- pytest --------------------------------------------------------------------------------------------------------
prepare_python() {
    [ ! -d "$work/venv" ] || return 0
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" -q install "pytest==9.*" markupsafe setuptools wheel flit_core
    PATH=$work/venv/bin:$PATH
    export PATH
}
source_of() { # NAME VERSION: leaves its tree in $work/NAME
    pip -q download --no-deps --no-build-isolation --no-binary :all: "$1==$2" -d "$work/dl" >/dev/null
    mkdir "$work/$1"
    tar xzf "$work"/dl/"$1"-*.tar.gz -C "$work/$1" --strip-components=1 2>/dev/null ||
        tar xzf "$work"/dl/[Jj]inja2-*.tar.gz -C "$work/$1" --strip-components=1
    (cd "$work/$1" && git init -q .)
}
plain_pytest() { # NAME OPTION...: leaves $work/NAME.json
    name=$1
    shift
    (cd "$work/$name" && OUTCOMES=$work/$name.json PYTHONPATH=src:$here/suites PYTHONDONTWRITEBYTECODE=1 \
        python -m pytest -q -p no:cacheprovider -p outcomes_plugin "$@" >"$work/$name.log" 2>&1) || true
    tail -n 1 "$work/$name.log"
}
jinja2() {
    say "Jinja2 3.1.2: pytest"
    prepare_python
    source_of jinja2 3.1.2
    plain_pytest jinja2
    cat >"$work/jinja2/Testfile.lua" <<'END'
local pytest = use "pytest"
pytest.suite { name = "unit", python = "python", env = { PYTHONPATH = "src" }, tests = "tests/test_*.py",
  inputs = { "src/**", "tests/**", "setup.cfg" } }
END
    compare "$work/jinja2" unit "$work/jinja2.json"
}
click() {
    say "click 8.3.0: pytest"
    prepare_python
    source_of click 8.3.0
    # test_echo_via_pager writes into a pipe that nobody reads any more: on a busy machine it fails now and then, under pytest alone too.
    plain_pytest click -W ignore::pytest.PytestRemovedIn10Warning --deselect tests/test_utils.py::test_echo_via_pager
    cat >"$work/click/Testfile.lua" <<'END'
local pytest = use "pytest"
pytest.suite { name = "unit", python = "python", env = { PYTHONPATH = "src" }, tests = "tests/test_*.py",
  args = { "-W", "ignore::pytest.PytestRemovedIn10Warning" },
  select = { "--deselect", "tests/test_utils.py::test_echo_via_pager" } }
END
    compare "$work/click" unit "$work/click.json"
}

# ---- node --test ---------------------------------------------------------------------------------------------------
fastify() {
    say "fastify 5.12.8: node --test, by file and sub-test"
    mkdir "$work/fastify"
    (cd "$work" && npm pack --silent fastify@5.12.8 >/dev/null &&
        tar xzf fastify-5.12.8.tgz -C "$work/fastify" --strip-components=1)
    (cd "$work/fastify" && git init -q . && echo node_modules >.gitignore &&
        npm install --no-package-lock --no-audit --no-fund --ignore-scripts --silent)
    cat >"$work/fastify/Testfile.lua" <<'END'
local node = use "node"
node.suite { name = "unit", tests = { "test/**/*.test.js", "test/**/*.test.mjs" }, case_timeout = 300 }
END
    export TGRAPH_CACHE_DIR="$work/fastify.cache"
    for jobs in 1 2 4; do
        rm -rf "$TGRAPH_CACHE_DIR" "$work/fastify/.tgraph"
        (cd "$work/fastify" && "$tgraph" run -q -j "$jobs" --json "$work/events" >"$work/fastify.log" 2>&1) || true
        echo "-j$jobs: $(tail -n 1 "$work/fastify.log")"
        (cd "$work/fastify" && find test -name '*.test.js' -o -name '*.test.mjs' | sort |
            xargs python3 "$here/../adapters/node_plain.py" "$work/events") || failures=$((failures + 1))
    done
}

for project in "$@"; do
    "$project"
done
printf '\n%s failed\n' "$failures"
[ "$failures" = 0 ]
