#!/bin/sh
# SPDX-License-Identifier: MIT
# The frozen graph damaged in every way that comes to mind: one clear line, the right answer, and no crash.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
for i = 1, 30 do
  test("t" .. i) { cmd = "echo t" .. i .. " >>../ran", inputs = { "f" .. i } }
end
END
for i in $(seq 30); do echo "$i" >"f$i"; done
run
expect_status 0
rm ../ran
graph=.tgraph/graph
[ -f $graph ]
report $? "$graph is there"
cp $graph ../good

check() { # WORDS: one edited file must run, nothing else, whatever the graph file holds
    describe "$1"
    rm -f ../ran
    echo "$1" >f7
    run
    expect_status 0
    expect_marks t7
}
size=$(wc -c <$graph | tr -d ' ')
for n in 0 1 39 40 100 $((size / 2)) $((size - 1)); do
    head -c "$n" ../good >$graph
    check "cut off after $n bytes"
done
for at in 0 8 12 20 30 60 200 $((size / 3)) $((size / 2)) $((size - 5)); do
    cp ../good $graph
    printf '\377\125' | dd of=$graph bs=1 seek="$at" conv=notrunc 2>/dev/null
    check "two bytes changed at $at"
done
head -c 20000 /dev/urandom >$graph
check "garbage"
rm $graph
mkdir $graph
check "a folder in its place"
rmdir $graph 2>/dev/null || rm -rf $graph
rm -rf .tgraph
check "the folder is gone"

describe "a damaged one is mentioned once"
run
head -c 100 /dev/urandom >$graph
run
expect_status 0
expect_err 'graph'
run
expect_no_err 'graph'
