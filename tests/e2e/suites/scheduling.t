#!/bin/sh
# SPDX-License-Identifier: MIT
# Which worker gets which case: order, isolate, recycle, slots, pools, --fail-fast and Ctrl-C.
. "$(dirname "$0")/lib.sh"

per_worker() { # each worker's cases in a line of its own, sorted
    awk '{ w[$1] = w[$1] " " $2 } END { for (p in w) print w[p] }' "$work/served" | sed 's/^ //' | sort
    rm -f "$work/served"
}
fresh() { rm -f "$work/starts" "$work/ran" "$work/served" "$work/passed"; }

describe "order = group: a group has one worker, in order"
file Testfile.lua <<'END'
local cases = {}
for g = 1, 6 do
  for i = 1, 5 do cases[#cases + 1] = { id = g .. "." .. i, group = "g" .. g, data = { ["do"] = "sleep 0.01" } } end
end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, order = "group", cases = cases }
END
run -j4
expect_status 0
per_worker >"$work/rows"
same "each group is in one row, whole and in order" "6" "$(for g in 1 2 3 4 5 6; do
    grep -E "(^| )$g.1 $g.2 $g.3 $g.4 $g.5( |\$)" "$work/rows"
done | wc -l | tr -d ' ')"
[ "$(starts)" -le 4 ]
report $? "no more workers than -j"
fresh

describe "the next case is told, and within a group it comes"
run -j1 --force
same "next" "" "$(awk 'NR > 1 && want != "None" && $2 != want { print } { want = $4 }' "$work/served")"
fresh

describe "in the order declared, whatever the cases wait for: a discover step, a build, a service"
file Testfile.lua <<'END'
build "lib" { cmd = "echo >lib.out", inputs = {}, outputs = { "lib.out" } }
service "srv" { cmd = "echo ready; exec sleep 300", inputs = {}, ready = { line = "ready" } }
local cases = {}
for i = 1, 5 do cases[i] = { id = "c" .. i, group = "g" } end
suite "d" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = discover { cmd = "cat list", inputs = { "list" } } }
suite "l" { worker = { "./w.py" }, inputs = { "lib.out" }, env = { "MARKS" }, cases = cases }
suite "v" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, deps = { "srv" }, cases = cases }
END
for i in 1 2 3 4 5; do echo "{\"id\":\"c$i\",\"group\":\"g\"}"; done | file list
fresh
for s in d l v; do
    run -j1 $s
    expect_served c1 c2 c3 c4 c5
    run -j1 --force $s
    expect_served c1 c2 c3 c4 c5
done
fresh

describe "order = any: an idle worker takes of what is left"
file Testfile.lua <<'END'
local cases = { { id = "first", group = "g", data = { ["do"] = "wait other" } } }
for i = 1, 6 do cases[#cases + 1] = { id = "c" .. i, group = "g", data = { ["do"] = "touch other" } } end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, order = "any", cases = cases }
END
run -j2
expect_status 0
expect_count passed 7
expect_starts 2
rm -f "$work/other"
fresh

describe "isolate"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, isolate = true,
  cases = { { id = "a", group = "g", data = { ["do"] = "spoil" } }, { id = "b", group = "g", data = { ["do"] = "unspoilt" } },
            { id = "c", group = "g", data = { ["do"] = "unspoilt" } } } }
END
run -j1
expect_status 0
expect_starts 3
fresh

describe "recycle"
file Testfile.lua <<'END'
local cases = {}
for i = 1, 7 do cases[i] = { id = "c" .. i, group = "g" } end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, recycle = { cases = 3 }, cases = cases }
suite "t" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = { { id = "a", group = "g", data = { ["do"] = "recycle" } }, { id = "b", group = "g" } } }
suite "u" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, recycle = { memory = "1MiB" },
  cases = { { id = "a", group = "g" }, { id = "b", group = "g" } } }
END
run -j1 s
expect_status 0
same "cases of each worker" "c1 c2 c3|c4 c5 c6|c7" "$(per_worker | tr '\n' '|' | sed 's/|$//')"
expect_starts 3
run -j1 t
expect_status 0
expect_starts 2
run -j1 u
expect_status 0
expect_starts 2
fresh

# A worker that finds another one alive, or anybody who holds the resource, says so in ../clash.
script alone.sh <<'END'
#!/bin/sh
mkdir ../held 2>/dev/null || echo clash >>../clash
./w.py
s=$?
rmdir ../held 2>/dev/null
exit $s
END
describe "exclusive: one worker at a time, as long as it lives"
file Testfile.lua <<'END'
local function cases(p)
  local list = {}
  for i = 1, 8 do list[i] = { id = p .. i, data = { ["do"] = "sleep 0.04" } } end
  return list
end
local cmd = "mkdir ../held || echo clash >>../clash; sleep 0.02; rmdir ../held"
suite "s" { worker = { "./alone.sh" }, inputs = { "w.py" }, env = { "MARKS" }, exclusive = { "db" }, cases = cases("s") }
suite "t" { worker = { "./alone.sh" }, inputs = { "w.py" }, env = { "MARKS" }, exclusive = { "db" }, cases = cases("t") }
test "u" { cmd = cmd, inputs = {}, exclusive = { "db" } }
test "v" { cmd = cmd, inputs = {}, exclusive = { "db" } }
END
run -j4
expect_status 0
expect_count passed 18
expect_no_file ../clash
rm -f ../clash
fresh

describe "a pool of one"
file Testfile.lua <<'END'
pool "p" { slots = 1 }
local list = {}
for i = 1, 8 do list[i] = { id = "c" .. i, data = { ["do"] = "sleep 0.04" } } end
suite "s" { worker = { "./alone.sh" }, inputs = { "w.py" }, env = { "MARKS" }, pool = "p", cases = list }
test "u" { cmd = "sleep 0.01", inputs = {} }
END
run -j4
expect_status 0
expect_no_file ../clash
expect_starts 1
rm -f ../clash
fresh

describe "slots: a worker that takes all of -j is alone"
file Testfile.lua <<'END'
local list = {}
for i = 1, 6 do list[i] = { id = "c" .. i, data = { ["do"] = "sleep 0.04" } } end
local cmd = "mkdir ../held || echo clash >>../clash; sleep 0.02; rmdir ../held"
suite "s" { worker = { "./alone.sh" }, inputs = { "w.py" }, env = { "MARKS" }, slots = 4, cases = list }
test "u" { cmd = cmd, inputs = {}, slots = 4 }
test "v" { cmd = cmd, inputs = {}, slots = 4 }
END
run -j4
expect_status 0
expect_no_file ../clash
rm -f ../clash
fresh

describe "batch: cases without a group stay together by so many"
file Testfile.lua <<'END'
local cases = {}
for i = 1, 12 do cases[i] = { id = "n" .. i, data = { ["do"] = "sleep 0.02" } } end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, order = "group", batch = 4, cases = cases }
END
run -j3
expect_status 0
per_worker >"$work/rows"
for row in "n1 n2 n3 n4" "n5 n6 n7 n8" "n9 n10 n11 n12"; do
    grep -qE "(^| )$row( |\$)" "$work/rows"
    report $? "$row on one worker, in order"
done
fresh

describe "--fail-fast"
file Testfile.lua <<'END'
local list = { { id = "ok", group = "g" }, { id = "bad", group = "g", data = { ["do"] = "fail" } } }
for i = 1, 6 do list[#list + 1] = { id = "c" .. i, group = "g", data = { v = 1 } } end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = list }
END
run -j1 --fail-fast
expect_status 1
expect_outcome s#ok passed
expect_outcome s#bad failed
expect_outcome s#c6 skipped
expect_count selected 8
same "told" 8 "$(names | wc -l | tr -d ' ')"
same "none is told as passed that did not" "" "$(names '"outcome": ?"passed"' | sed 's/^s#//' | grep -vxFf "$work/passed")"
fresh

describe "what failed goes first"
run -j1
same "first" bad "$(head -n 1 "$work/served" | cut -d' ' -f2)"
fresh

describe "Ctrl-C"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = { { id = "a", group = "g" }, { id = "b", group = "g", inputs = "b.txt", data = { file = "b.txt" } },
            { id = "c", group = "g" } } }
END
echo 'touch running, hang' | file b.txt
rm -rf .tgraph "$TGRAPH_CACHE_DIR"
start -j1
wait_for ../running
kill -INT "$pid"
finished
expect_status 130
expect_marks a b
wait_gone "$(cat "$work/starts")"
report $? "the worker is gone"
expect_event '"run_finished".*"exit_status": ?130'
echo pass >b.txt
fresh
run -j1
expect_status 0
expect_cached s#a
expect_marks b c
