# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# The harness of the end-to-end tests: each tests/e2e/<area>/<behaviour>.t sources it and then reads as a transcript.
#
#     . "$(dirname "$0")/../lib.sh"
#     describe "a second run runs nothing"
#     file Testfile.lua <<'END'
#     test "a" { cmd = "echo a >>../ran", inputs = {} }
#     END
#     run
#     expect_status 0
#     expect_ran a
#     run
#     expect_ran
#
# Each test has a temporary folder of its own, $work, with a repository (the working folder, under git), a home and a
# cache. TGRAPH names the binary. Prints TAP; `prove -r tests/e2e` runs all. Nothing sleeps to give something time:
# wait_for waits until a file is there. (settle is about the clock itself.)
set -u

top=$(cd "$(dirname "$0")/../../.." && pwd)
TGRAPH=${TGRAPH:-$top/build/tgraph}
work=$(mktemp -d "${TMPDIR:-/tmp}/tgraph-e2e.XXXXXX") || exit 1
work=$(cd "$work" && pwd -P)
out=$work/out err=$work/err events=$work/events
status=0 tests=0 failures=0 title='' pid=''

HOME=$work/home
TGRAPH_CACHE_DIR=$work/cache
TMPDIR=$work/tmp
GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
export HOME TGRAPH_CACHE_DIR TMPDIR GIT_CONFIG_GLOBAL GIT_CONFIG_SYSTEM
unset MAKEFLAGS MFLAGS MAKELEVEL NO_COLOR CI GITHUB_ACTIONS TGRAPH_LIB XDG_CACHE_HOME GIT_DIR GIT_WORK_TREE
mkdir "$HOME" "$TMPDIR"

finish() {
    code=$?
    trap - EXIT
    [ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null
    if [ "$code" != 0 ]; then report 1 "the script ended with status $code"; fi
    echo "1..$tests"
    cd / || exit 1
    if [ -n "${KEEP:-}" ]; then
        echo "# kept: $work"
    else
        chmod -R u+rwX "$work" 2>/dev/null
        rm -rf "$work"
    fi
    [ "$failures" = 0 ]
    exit
}
trap finish EXIT
trap 'exit 130' INT TERM

# ---- set-up --------------------------------------------------------------------------------------------------------
repo() { # [NAME]: another repository; becomes the working folder
    mkdir -p "$work/${1:-repo}" && cd "$work/${1:-repo}" && git init -q . || exit 1
}
file() { # PATH: its content is standard input
    case $1 in */*) mkdir -p "${1%/*}" ;; esac
    cat >"$1"
}
script() { # PATH: an executable file from standard input
    file "$1" && chmod +x "$1"
}
wait_for() { # FILE: until it is there, at most 20 s
    for _ in $(seq 400); do
        [ ! -e "$1" ] || return 0
        sleep 0.05
    done
    report 1 "waited for $1 in vain"
    exit 1
}
settle() { # lets the clock pass what was just written: a file as new as a run's start may have been written during it
    sleep 0.1
}
wait_gone() { # PID: until no such process is left, at most 20 s
    for _ in $(seq 400); do
        # An ended child that nobody has waited for still answers; its state says so.
        case $(ps -o stat= -p "$1" 2>/dev/null) in '' | Z*) return 0 ;; esac
        sleep 0.05
    done
    return 1
}

# ---- running -------------------------------------------------------------------------------------------------------
run_tgraph() { # ARGS: leaves $status and the files $out and $err
    "$TGRAPH" "$@" >"$out" 2>"$err" </dev/null
    status=$?
}
run() { # ARGS: `tgraph run ARGS` with the events in $events
    rm -f "$events"
    run_tgraph run --json "$events" "$@"
}
start() { # ARGS: as run, in the background; leaves $pid. Ctrl-C reaches it as it would from a terminal.
    rm -f "$events"
    env --default-signal=INT,QUIT "$TGRAPH" run --json "$events" "$@" >"$out" 2>"$err" </dev/null &
    pid=$!
}
finished() { # waits for what start started; leaves $status
    wait "$pid"
    status=$?
    pid=
}

# ---- the events ----------------------------------------------------------------------------------------------------
names() { # EXTENDED-REGULAR-EXPRESSION...: the targets of those finished events that match all, sorted
    [ -f "$events" ] || return 0
    grep '"target_finished"' "$events" | grep -Ev '"kind": ?"group"' >"$work/lines"
    for pattern in "$@"; do
        grep -E -- "$pattern" "$work/lines" >"$work/lines2"
        mv "$work/lines2" "$work/lines"
    done
    sed -n 's/.*"target": \{0,1\}"\([^"]*\)".*/\1/p' "$work/lines" | sort
}
ran() { names '"cached": ?false' '"outcome": ?"(passed|failed|flaky|timed_out|crashed|error)"'; }
summary() { # FIELD of the run_finished event
    sed -n '/"run_finished"/s/.*"'"$1"'": \{0,1\}\([0-9]*\).*/\1/p' "$events"
}

# ---- what is seen --------------------------------------------------------------------------------------------------
describe() { # WORDS: what the following lines show
    title=$*
    echo "# $title"
}
report() { # 0|1 WORDS: one TAP line
    tests=$((tests + 1))
    if [ "$1" = 0 ]; then
        echo "ok $tests - $title: $2"
        return 0
    fi
    failures=$((failures + 1))
    echo "not ok $tests - $title: $2"
    shift 2
    for line in "$@"; do printf '%s\n' "$line" | sed 's/^/#   /'; done
    for f in "$out" "$err"; do
        [ ! -s "$f" ] || { echo "# ${f##*/}:" && head -n 40 "$f" | sed 's/^/#   /'; }
    done
    return 0
}
same() { # WORDS EXPECTED SEEN
    if [ "$2" = "$3" ]; then report 0 "$1"; else report 1 "$1" "expected: $2" "seen:     $3"; fi
}
list() { # WORDS: sorted, one line
    [ $# = 0 ] || printf '%s\n' "$@" | sort | tr '\n' ' ' | sed 's/ $//'
}
expect_status() { same "exit status $1" "$1" "$status"; }
expect_out() { grep -Eq -- "$1" "$out"; report $? "standard output has /$1/"; }
expect_err() { grep -Eq -- "$1" "$err"; report $? "standard error has /$1/"; }
expect_no_out() { if grep -Eq -- "$1" "$out"; then report 1 "no /$1/ on standard output"; else report 0 "no /$1/ on standard output"; fi; }
expect_no_err() { if grep -Eq -- "$1" "$err"; then report 1 "no /$1/ on standard error"; else report 0 "no /$1/ on standard error"; fi; }
expect_silent_out() { if [ -s "$out" ]; then report 1 "standard output is empty"; else report 0 "standard output is empty"; fi; }
expect_ran() { same "ran: ${*:-nothing}" "$(list "$@")" "$(ran | tr '\n' ' ' | sed 's/ $//')"; }
expect_cached() { # TARGETS: all of those that were resolved without running them
    same "cached: ${*:-nothing}" "$(list "$@")" "$(names '"cached": ?true' | tr '\n' ' ' | sed 's/ $//')"
}
expect_outcome() { # TARGET OUTCOME
    # Results within a case have outcomes too.
    same "$1 $2" "$2" "$(sed -e 's/, *"subtests".*//' "$events" | sed -n '/"target_finished"/{/"target": \{0,1\}"'"$(printf %s "$1" | sed 's,/,\\/,g')"'"/s/.*"outcome": \{0,1\}"\([a-z_]*\)".*/\1/p}')"
}
expect_reason() { # TARGET PATTERN
    names "\"target\": ?\"$1\"" "\"reason\": ?\"[^\"]*($2)" | grep -q .
    report $? "the reason of $1 has /$2/"
}
expect_count() { same "$1 = $2" "$2" "$(summary "$1")"; } # FIELD NUMBER of run_finished
expect_event() { grep -Eq -- "$1" "$events"; report $? "an event has /$1/"; }
# What commands wrote into ../ran since the last look, sorted: it does not depend on what tgraph says of itself.
expect_marks() {
    same "commands that left a mark: ${*:-none}" "$(list "$@")" "$(sort "$work/ran" 2>/dev/null | tr '\n' ' ' | sed 's/ $//')"
    rm -f "$work/ran"
}
expect_file() { same "$1 holds '$2'" "$2" "$(cat "$1" 2>&1)"; } # PATH CONTENT
expect_no_file() { if [ -e "$1" ]; then report 1 "no $1"; else report 0 "no $1"; fi; }

[ -x "$TGRAPH" ] || { report 1 "$TGRAPH is not there; run make first"; exit 1; }
repo repo
