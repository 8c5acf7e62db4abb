#!/bin/sh
# SPDX-License-Identifier: MIT
# What shows only after a case: a worker that fails when it is asked to exit, a case that depends on those before it.
. "$(dirname "$0")/lib.sh"

testfile() { # STEPS of the last case
    file Testfile.lua <<EOF
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, order = "group",
  cases = { { id = "a", group = "g" }, { id = "b", group = "g" }, { id = "c", group = "g", data = { ["do"] = "$1" } } } }
EOF
}
for how in "error the database is still there" "exit 5" "kill"; do
    describe "bye: $how"
    rm -rf .tgraph "$TGRAPH_CACHE_DIR"
    testfile "bye $how"
    run -j1
    expect_status 1
    expect_event '"message".*worker of s'
    rm -f "$work/ran" "$work/starts"
    run -j1
    expect_status 1
    expect_marks a b c # whoever left it behind
    testfile "pass"
    run -j1
    expect_status 0
    rm -f "$work/ran"
    expect_clean
done

describe "what it says at its end is told"
testfile "bye error the database is still there"
run -j1
expect_err 'the database is still there'

describe "the same of a worker that is recycled in the middle"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, order = "group",
  cases = { { id = "a", group = "g", data = { ["do"] = "bye exit 5, recycle" } }, { id = "b", group = "g" } } }
END
rm -f "$work/ran"
run -j1
expect_status 1
expect_marks a b
run -j1
expect_status 1
expect_marks a

describe "the same of a worker that waits for more, when --fail-fast stops the run"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
file Testfile.lua <<'END'
local list = { { id = "a", data = { ["do"] = "sleep 0.15, bye exit 5" } } }
for i = 1, 4 do list[#list + 1] = { id = "b" .. i } end -- so few that t goes before them
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = list }
test "t" { cmd = "echo t >>../ran; exit 1", inputs = {} }
END
rm -f "$work/ran"
run -j1 --fail-fast
expect_status 1
expect_marks a t
expect_event '"message".*worker of s'
run s
expect_status 1
grep -qx a "$work/ran"
report $? "a was not kept"

describe "a case that depends on the one before it"
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, order = "group",
  cases = { { id = "a", group = "g", data = { ["do"] = "spoil" } }, { id = "b", group = "g" },
            { id = "c", group = "g", data = { ["do"] = "unspoilt" } }, { id = "d", group = "g" } } }
END
rm -f "$work/ran"
run -j1
expect_status 1
expect_outcome s#c failed
expect_event '"target": ?"s#c".*passes in a worker of its own'
expect_outcome s#d passed
expect_marks a b c c d

describe "and alone it passes, and that is kept"
run 's#c'
expect_status 0
expect_ran s#c
