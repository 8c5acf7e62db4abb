#!/bin/sh
# SPDX-License-Identifier: MIT
# Two clones at once on one store.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
for i = 1, 40 do
  build("b" .. i) { cmd = "cat in.txt >o" .. i, inputs = { "in.txt" }, outputs = { "o" .. i } }
  test("t" .. i) { cmd = "cmp in.txt o" .. i, inputs = { "o" .. i, "in.txt" } }
end
END
echo 0 >in.txt
cp -r . ../other

describe "the same content and different content at the same time"
for round in 1 2 3; do
    echo "$round" >in.txt
    echo "$((round % 2))" >../other/in.txt
    "$TGRAPH" -C ../other >"$work/out2" 2>"$work/err2" &
    second=$!
    run
    expect_status 0
    wait "$second"
    same "the other's status" 0 "$?"
    expect_file o40 "$round"
    expect_file ../other/o40 "$((round % 2))"
done
run
expect_ran
run -C ../other
expect_ran
