#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "Shards" and "GitHub Actions": parts that are complete and disjoint, plans, matrices.
# shellcheck disable=SC2086,SC2046 # lists of labels
. "$(dirname "$0")/git.sh"

file Testfile.lua <<'END_OF_TESTFILE'
for i = 1, 13 do
    test("t" .. i) { cmd = "echo t" .. i .. " >>../ran; sleep 0.0" .. i % 7, inputs = { "in/" .. i } }
end
group "g" { "t1", "t2" }
END_OF_TESTFILE
echo .tgraph/ >.gitignore
mkdir in
for i in $(seq 13); do echo 1 >"in/$i"; done
commit one
for i in $(seq 11); do echo 2 >"in/$i"; done
eleven='t1 t2 t3 t4 t5 t6 t7 t8 t9 t10 t11'

split() { # N: the parts of `list`, each in $work/part.I; all of them together in $work/parts
    : >"$work/parts"
    for i in $(seq "$1"); do
        run_tgraph list --since HEAD --shard "$i/$1" --json
        expect_status 0
        json '"\n".join(x["target"] for x in v)' | sed '/^$/d' >"$work/part.$i"
        cat "$work/part.$i" >>"$work/parts"
        sed -n 's/.*, plan \([0-9a-f]\{8\}\)$/\1/p' "$err" >>"$work/plans"
    done
}
check_split() { # N
    rm -f "$work/plans"
    split "$1"
    same "each target in one part of $1" "$(list $eleven)" "$(sort "$work/parts" | tr '\n' ' ' | sed 's/ $//')"
    same "one plan" 1 "$(sort -u "$work/plans" | wc -l | tr -d ' ')"
}

describe "without history: by count, give or take one"
for n in 1 2 3 4 11 20; do
    check_split $n
    low=$((11 / n)) high=$(((11 + n - 1) / n))
    for i in $(seq $n); do
        k=$(wc -l <"$work/part.$i")
        [ "$k" -ge "$low" ] && [ "$k" -le "$high" ]
        report $? "part $i of $n has $k targets"
    done
done

describe "run takes the same parts as list"
split 3
cp -r "$TGRAPH_CACHE_DIR" "$work/cache.before" 2>/dev/null || mkdir "$work/cache.before"
for i in 1 2 3; do
    rm -rf "$TGRAPH_CACHE_DIR" .tgraph
    cp -r "$work/cache.before" "$TGRAPH_CACHE_DIR"
    run --since HEAD --shard $i/3
    expect_status 0
    expect_ran $(cat "$work/part.$i")
done
rm -f ../ran

describe "with history"
rm -rf "$TGRAPH_CACHE_DIR" .tgraph
run
rm -f ../ran
for n in 1 2 4 13; do check_split $n; done

describe "the plan"
run_tgraph list --since HEAD --shard 1/4
plan=$(sed -n 's/.*, plan \([0-9a-f]\{8\}\)$/\1/p' "$err")
expect_err "^tgraph: shard 1/4: [0-9]+ of 11 targets, plan $plan\$"
run_tgraph list --since HEAD --shard "2/4@$plan"
expect_status 0
for command in list affected; do
    run_tgraph $command --since HEAD --shard 2/4@00000000
    expect_status 2
    expect_silent_out
    expect_err "error T711: .*its plan is $plan, not 00000000"
done
run --since HEAD --shard 2/4@00000000 --force
expect_status 2
expect_err 'T711'
expect_marks
run --since HEAD --shard "2/4@$plan" -n
expect_status 0
rm -rf "$TGRAPH_CACHE_DIR" .tgraph
run --since HEAD --shard "2/4@$plan"
expect_status 2 # another cache, another split
expect_marks

describe "without --since"
run_tgraph list --shard 1/2
expect_err '^tgraph: shard 1/2: 7 of 13 targets|^tgraph: shard 1/2: 6 of 13 targets'
run --shard 1/2
a=$(ran | wc -l)
rm -rf "$TGRAPH_CACHE_DIR" .tgraph
run --shard 2/2
b=$(ran | wc -l)
same "all of them ran" 13 $((a + b))
same "each once" 13 "$(sort -u ../ran | wc -l | tr -d ' ')"
rm -f ../ran

describe "what is no shard"
for s in 0/2 3/2 1 a/b 1/2@xyz 1/2@ -1/2 1/; do
    run_tgraph list --shard "$s"
    expect_status 2
    expect_err 'T002'
done

describe "an empty part is no error"
git checkout -q in
echo 2 >in/1
run --since HEAD --shard 2/2
expect_status 0
run_tgraph affected --since HEAD --shard 2/2
expect_affected

# ---- matrices ----
is_json() { python3 -m json.tool <"$out" >/dev/null; report $? "python reads it"; }

describe "a matrix of targets"
run_tgraph list --since HEAD --format github-matrix
expect_status 0
is_json
same "one line" '{"include":[{"target":"t1","kind":"test"}]}' "$(cat "$out")"
git checkout -q in
run_tgraph list --since HEAD --format github-matrix
expect_status 0
same "nothing to do" '{"include":[]}' "$(cat "$out")"
run_tgraph list --since HEAD --format github-matrix --shards 4
same "nothing to do in shards" '{"include":[]}' "$(cat "$out")"

describe "a matrix of shards: its names are what --shard takes"
for i in $(seq 11); do echo 3 >"in/$i"; done
run_tgraph list --since HEAD --format github-matrix --shards 3
is_json
expect_json 'sum(x["targets"] for x in v[0]["include"])' 11
expect_json 'sorted(v[0]["include"][0])' "['duration_ms', 'shard', 'targets']"
for s in $(json '" ".join(x["shard"] for x in v[0]["include"])'); do
    rm -rf .tgraph
    cp -r "$TGRAPH_CACHE_DIR" "$work/cache.job"
    TGRAPH_CACHE_DIR=$work/cache.job run --since HEAD --shard "$s"
    expect_status 0
    rm -rf "$work/cache.job"
done
expect_marks $eleven
run_tgraph list --since HEAD --format github-matrix --shards 20
expect_json 'len(v[0]["include"])' 11

describe "without --since, and without groups"
run_tgraph list --format github-matrix
is_json
expect_json '[x["target"] for x in v[0]["include"] if x["kind"] != "test"]' '[]'
expect_json 'len(v[0]["include"])' 13

describe "more than 256 jobs"
echo 'for i = 1, 300 do test("m" .. i) { cmd = "true", inputs = {} } end' >>Testfile.lua
run_tgraph list --since HEAD --format github-matrix
expect_status 2
expect_silent_out
expect_err 'T020'
run_tgraph list --since HEAD --format github-matrix --shards 256
expect_status 0
is_json
expect_json 'len(v[0]["include"])' 256
run_tgraph list --format github-matrix --shards 0
expect_status 2
