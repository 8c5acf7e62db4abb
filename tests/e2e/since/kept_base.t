#!/bin/sh
# SPDX-License-Identifier: MIT
# What --since keeps of a base in .tgraph: never believed when it is damaged or of another time, and not needed.
. "$(dirname "$0")/git.sh"

three_tests
echo 2 >src/a
echo 'test "new" { cmd = "true", inputs = {} }' >>Testfile.lua

kept() { ls .tgraph/base-* 2>/dev/null; }
until_kept() { # a load of files that are too new is not kept
    for _ in $(seq 50); do
        run_tgraph affected --since HEAD
        [ -z "$(kept)" ] || return 0
        settle
    done
    report 1 "it is never kept"
}

describe "kept, and right the second time"
until_kept
run_tgraph affected --since HEAD
expect_affected a all new
same "one file" 1 "$(kept | wc -l | tr -d ' ')"

describe "it can be deleted, with all of .tgraph"
rm -rf .tgraph
run_tgraph affected --since HEAD
expect_affected a all new

describe "damaged in every way: the answer stays right"
until_kept
f=$(kept)
cp "$f" "$work/good"
cat >"$work/damage.py" <<'END_OF_PYTHON'
import random, sys
data = bytearray(open(sys.argv[1], "rb").read())
r = random.Random(int(sys.argv[2]))
kind = r.randrange(5)
if kind == 0:
    del data[r.randrange(len(data)):]
elif kind == 1:
    data += bytes(r.randrange(256) for _ in range(r.randrange(1, 40)))
elif kind == 2:
    at = r.randrange(len(data))
    data[at:at + 64] = bytes(len(data[at:at + 64]))
    if bytes(data) == open(sys.argv[1], "rb").read():
        data[0] ^= 1
elif kind == 3:
    data[r.randrange(48)] ^= 1 << r.randrange(8)
else:
    data[r.randrange(len(data))] ^= 1 << r.randrange(8)
sys.stdout.buffer.write(data)
END_OF_PYTHON
wrong=0
for seed in $(seq 60); do
    python3 "$work/damage.py" "$work/good" "$seed" >"$f"
    run_tgraph affected --since HEAD
    [ "$status" = 1 ] && [ "$(sort "$out" | tr '\n' ' ')" = "a all new " ] && continue
    wrong=$((wrong + 1))
    report 1 "damage of seed $seed"
done
same "wrong answers" 0 "$wrong"

describe "somebody else's kept base of the same name"
echo 'test "x" { cmd = "true", inputs = {} }' >other.lua
cp "$work/good" "$f"
: >"$f"
run_tgraph affected --since HEAD
expect_affected a all new
rm -f "$f"
mkdir "$f"
run_tgraph affected --since HEAD
expect_affected a all new
rmdir "$f"
rm other.lua

describe "a .tgraph that cannot be written"
rm -rf .tgraph
: >.tgraph
run_tgraph affected --since HEAD
expect_affected a all new
rm .tgraph

describe "8 at most"
git stash -q
for i in $(seq 11); do
    echo "$i" >src/b
    commit "$i"
    settle
    run_tgraph affected --since HEAD
    expect_affected
    run_tgraph affected --since HEAD
    expect_affected
done
n=$(kept | wc -l)
[ "$n" -ge 1 ] && [ "$n" -le 8 ]
report $? "$n are kept"
