#!/bin/sh
# SPDX-License-Identifier: MIT
# kill -9 in the middle: what was reported as passed stays, the rest runs again.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
for i = 1, 5 do
  test("quick" .. i) { cmd = "echo q" .. i .. " >>../ran", inputs = {} }
end
test "last" { cmd = "echo $$ >../child; touch ../running; exec sleep 300", inputs = {}, deps = { "quick1", "quick2", "quick3", "quick4", "quick5" } }
END

describe "killed while a test runs"
start
wait_for ../running
kill -KILL "$pid"
finished 2>/dev/null
same "it was killed" 137 "$status"
expect_marks q1 q2 q3 q4 q5
kill -KILL "$(cat ../child)" 2>/dev/null
run --exclude last
expect_status 0
expect_ran
expect_cached quick1 quick2 quick3 quick4 quick5

describe "killed again and again at any moment: the end is right"
file Testfile.lua <<'END'
for i = 1, 60 do
  build("b" .. i) { cmd = "cp in.txt o" .. i, inputs = { "in.txt" }, outputs = { "o" .. i } }
  test("t" .. i) { cmd = "cmp in.txt o" .. i, inputs = { "o" .. i, "in.txt" } }
end
END
for round in 1 2 3 4 5 6 7 8; do
    echo "round $round" >in.txt
    start -q
    sleep 0.0$round
    kill -KILL "$pid" 2>/dev/null
    finished 2>/dev/null
done
run
expect_status 0
for i in 1 30 60; do expect_file o$i "round 8"; done
run
expect_ran
expect_count cached 60
