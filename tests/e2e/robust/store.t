#!/bin/sh
# SPDX-License-Identifier: MIT
# The store damaged: never a wrong skip, never a crash, one clear line.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
build "gen" { cmd = "echo gen >>../ran; cat in.txt in.txt >out.txt; head -c 200000 /dev/zero >big.out", inputs = { "in.txt" }, outputs = { "out.txt", "big.out" } }
test "t" { cmd = "echo t >>../ran; cat out.txt", inputs = { "out.txt" } }
test "f" { cmd = "exit 1", inputs = {} }
END
echo 1 >in.txt
run
expect_status 1
rm ../ran

db=$(find ../cache -name 'store-v1.db')
[ -f "$db" ]
report $? "the database is there"

describe "cut off"
size=$(wc -c <"$db" | tr -d ' ')
for n in 0 50 5000 $((size / 2)); do
    cp "$db" ../good.db
    head -c "$n" ../good.db >"$db"
    rm -f "$db-wal" "$db-shm" ../ran
    echo "cut $n" >in.txt
    run
    expect_status 1
    expect_outcome t passed
    expect_marks gen t
    run
    expect_status 1
    expect_marks
done

describe "garbage"
head -c 50000 /dev/urandom >"$db"
rm -f "$db-wal" "$db-shm" ../ran
echo garbage >in.txt
run
expect_status 1
expect_err 'store'
expect_marks gen t
run
expect_marks

describe "bytes changed in the middle of the pages"
for seed in 1 2 3 4 5 6; do
    sqlite3 "$db" 'pragma wal_checkpoint(truncate)' >/dev/null
    size=$(wc -c <"$db" | tr -d ' ')
    for k in 1 2 3; do
        printf '\000\377\252\125' | dd of="$db" bs=1 seek=$(((size / 4) * k + seed * 97)) conv=notrunc 2>/dev/null
    done
    rm -f ../ran
    rm -f out.txt
    echo "seed $seed" >in.txt
    run
    expect_status 1
    expect_outcome t passed
    expect_file out.txt "seed $seed
seed $seed"
done

describe "a blob that does not hold what its name says is not restored"
echo blob >in.txt
run
rm -f ../ran
find ../cache -path '*cas-v1*' -type f >../blobs
while read -r blob; do
    chmod u+w "$blob"
    size=$(wc -c <"$blob" | tr -d ' ')
    printf 'X' | dd of="$blob" bs=1 seek=$((size / 2)) conv=notrunc 2>/dev/null
done <../blobs
rm out.txt big.out
run
expect_status 1
expect_marks gen
expect_file out.txt "blob
blob"
same "the size of the big one" "200000" "$(wc -c <big.out | tr -d ' ')"
same "its content" "0" "$(tr -d '\0' <big.out | wc -c | tr -d ' ')"

describe "a blob that is gone"
find ../cache -path '*cas-v1*' -type f -exec rm -f {} +
rm -f out.txt big.out ../ran
run
expect_status 1
expect_marks gen

describe "the cache folder is gone"
rm -rf ../cache ../ran
run
expect_status 1
expect_outcome t passed
