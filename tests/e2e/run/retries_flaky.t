#!/bin/sh
# SPDX-License-Identifier: MIT
# A pass after a failure is flaky: shown, counted as a pass for the exit status, and never remembered as clean.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "flaky" { cmd = "echo attempt $TGRAPH_ATTEMPT; echo $TGRAPH_ATTEMPT >>../ran; test $TGRAPH_ATTEMPT -ge 2", inputs = {}, retries = 2 }
test "never" { cmd = "echo n$TGRAPH_ATTEMPT >>../ran; exit 1", inputs = {}, retries = 2, tags = { "bad" } }
END

describe "passes at the second attempt"
run flaky
expect_status 0
expect_outcome flaky flaky
expect_count flaky 1
expect_err '^retry  flaky  .*[^,]  attempt 1 of 3: exit status 1$'
expect_err '^FLAKY  flaky  .*[^,]  passed at attempt 2 of 3  \('
expect_err '^FLAKY  flaky  passed at attempt 2 of 3$'
expect_err '1 flaky'
expect_marks 1 2

describe "each attempt is an event"
attempts() { # EVENT TARGET: numbers of its attempts, in order
    sed -n '/"event": \{0,1\}"'"$1"'".*"target": \{0,1\}"'"$2"'"/s/.*"attempt": \{0,1\}\([0-9]*\).*/\1/p' "$events" | tr '\n' ' '
}
same "started" "1 2 " "$(attempts target_started flaky)"
same "retried" "1 " "$(attempts target_retried flaky)"
same "finished" "2 " "$(attempts target_finished flaky)"

describe "it is not clean"
run flaky
expect_ran flaky
expect_marks 1 2
run_tgraph list --json flaky
expect_out '"state": ?"(dirty|failed)"'

describe "fails all its attempts"
run --tag bad
expect_status 1
expect_outcome never failed
expect_err '^retry  never  .*[^,]  attempt 1 of 3: exit status 1$'
expect_err '^retry  never  .*[^,]  attempt 2 of 3: exit status 1$'
expect_err '^FAIL  never  .*[^,]  attempt 3 of 3: exit status 1$'
expect_marks n1 n2 n3
same "started" "1 2 3 " "$(attempts target_started never)"

describe "no retries by default"
file Testfile.lua <<'END'
test "once" { cmd = "echo $TGRAPH_ATTEMPT >>../ran; exit 1", inputs = {} }
END
run
expect_status 1
expect_marks 1

describe "an earlier clean pass at the same key is not kept when it is forced and then flaky"
repo again
file Testfile.lua <<'END'
test "t" { cmd = "test ! -e ../bad || { rm ../bad; exit 1; }", inputs = {}, retries = 1 }
END
run
expect_status 0
touch ../bad
run --force
expect_outcome t flaky
run
expect_ran t
expect_outcome t passed
run
expect_ran
