#!/bin/sh
# SPDX-License-Identifier: MIT
# An input that is edited while a suite runs: what may have seen both versions is not kept.
. "$(dirname "$0")/lib.sh"

file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = { "common.txt" }, env = { "MARKS" }, order = "group",
  cases = { { id = "a", group = "g", inputs = "a.txt" },
            { id = "b", group = "g", inputs = "b.txt", data = { ["do"] = "touch begun, wait go" } },
            { id = "c", group = "g", inputs = "c.txt" } } }
END
for f in a b c common; do echo 1 | file $f.txt; done
fresh() { rm -rf .tgraph "$TGRAPH_CACHE_DIR" "$work/ran" "$work/go" "$work/begun"; settle; }
during() { # COMMAND: run while b is in flight
    start -j1
    wait_for ../begun
    eval "$1"
    touch ../go
    finished
    rm -f "$work/ran"
}

describe "the input of the case in flight"
fresh
during 'echo 2 >b.txt'
expect_status 0
expect_outcome s#b passed
expect_event '"target": ?"s#b".*b\.txt was written while it ran'
run -j1
expect_marks b
expect_clean

describe "the same, and it is the same again before the case ends"
fresh
during 'echo 2 >b.txt; settle; echo 2 >b.txt; echo 1 >b.txt'
run -j1
expect_marks b

describe "the input of one that comes later: its worker may have read it before"
fresh
during 'echo 2 >c.txt'
run -j1
expect_marks c
expect_clean

describe "the same, put back before it comes"
fresh
during 'echo 2 >c.txt; settle; echo 1 >c.txt'
run -j1
expect_marks c

describe "the input of one that has ended: its pass was of before"
fresh
during 'echo 2 >a.txt'
run -j1
expect_marks a
expect_clean

describe "what all have in common"
fresh
during 'echo 2 >common.txt'
run -j1
expect_marks a b c
expect_clean

describe "the worker itself"
fresh
during 'echo "# more" >>w.py'
run -j1
expect_marks a b c
expect_clean

describe "between the worker's start and its first case"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = { "common.txt" }, env = { MARKS = "..", START = "touch begun, wait go" },
  cases = { { id = "a", inputs = "a.txt" } } }
END
fresh
during 'echo 3 >a.txt'
expect_status 0
run -j1
expect_marks a
expect_clean
describe "the same, put back before its first case"
fresh
during 'echo 4 >a.txt; settle; echo 3 >a.txt'
expect_status 0
run -j1
expect_marks a
