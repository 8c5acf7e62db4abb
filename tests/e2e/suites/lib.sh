# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# What the tests of suites share, beside ../lib.sh: a worker, w.py, in the repository. What it does with a case is in the
# case's data (see worker.py). It leaves behind
#
#     ../starts  PID                    of each worker that started
#     ../ran     CASE                   each time that one was handed out (expect_marks)
#     ../served  PID CASE ATTEMPT NEXT  the same, in order
#     ../passed  CASE                   just before it says `passed`
. "$(dirname "$0")/../lib.sh"

cp "$top/tests/e2e/suites/worker.py" w.py && chmod +x w.py
MARKS=$work
export MARKS

starts() { sed -n '$=' "$work/starts" 2>/dev/null | grep . || echo 0; }
expect_starts() { # NUMBER of workers since the last look
    same "workers started: $1" "$1" "$(starts)"
    rm -f "$work/starts"
}
expect_served() { # WORDS...: the cases in the order in which one worker after the other had them
    same "served: $*" "$*" "$(cut -d' ' -f2 "$work/served" 2>/dev/null | tr '\n' ' ' | sed 's/ $//')"
    rm -f "$work/served"
}
expect_clean() { # one more run runs nothing and starts nothing
    rm -f "$work/starts" "$work/ran"
    run "$@"
    expect_status 0
    expect_ran
    expect_marks
    expect_starts 0
}
