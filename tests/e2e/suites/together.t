#!/bin/sh
# SPDX-License-Identifier: MIT
# Suites beside and below others: tests, builds, services, other suites; two tgraphs at once; a cache that is read only.
. "$(dirname "$0")/lib.sh"

describe "two suites and plain tests in one run"
file Testfile.lua <<'END'
local many = {}
for i = 1, 12 do many[i] = "m" .. i end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = many }
suite "t" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = { "a", "b" } }
for i = 1, 6 do test("p" .. i) { cmd = "echo p >>../ran", inputs = {} } end
END
run -j3
expect_status 0
expect_count passed 20
same "each once" 20 "$(names | sort -u | wc -l | tr -d ' ')"
same "told once" 20 "$(names | wc -l | tr -d ' ')"
same "run once" 20 "$(wc -l <"$work/ran" | tr -d ' ')"
expect_clean -j3

describe "a test that depends on a suite, one that depends on a suite that fails"
file Testfile.lua <<'END'
suite "good" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = { "a", "b" } }
suite "bad" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = { "a", { id = "b", inputs = "b.txt", data = { file = "b.txt" } } } }
test "after good" { cmd = "echo good >>../ran", inputs = {}, deps = { "good" } }
test "after-bad" { cmd = "echo bad >>../ran", inputs = {}, deps = { "bad" } }
END
sed -i 's/after good/after-good/' Testfile.lua
echo fail | file b.txt
rm -f "$work/ran"
run
expect_status 1
expect_marks a a b b good
expect_outcome after-good passed
expect_outcome after-bad skipped
echo pass >b.txt
run
expect_status 0
expect_marks b bad
expect_clean
run after-good
expect_status 0
expect_count selected 1

describe "a suite needs a build, and cases need builds of their own"
file Testfile.lua <<'END'
build "lib" { cmd = "cat lib.in >lib.out", inputs = { "lib.in" }, outputs = { "lib.out" } }
build "own" { cmd = "cat own.in >own.out", inputs = { "own.in" }, outputs = { "own.out" } }
suite "s" { worker = { "./w.py" }, inputs = { "lib.out" }, env = { "MARKS" },
  cases = { { id = "a", data = { ["do"] = "holds lib.out 1" } },
            { id = "b", inputs = "own.out", data = { ["do"] = "holds own.out 2" } }, "c" } }
END
echo 1 | file lib.in
echo 2 | file own.in
rm -f "$work/ran"
run
expect_status 0
expect_marks a b c
expect_clean
echo 3 >own.in
run
expect_status 1
expect_outcome s#b failed
expect_marks b
echo 2 >own.in
run
expect_status 0
expect_marks
echo ' 1' >lib.in
run
expect_status 0
expect_marks a b c

describe "a case whose own input is made late is not served by a worker that may have read what was there before"
file Testfile.lua <<'END'
build "own" { cmd = "while ! test -e ../go; do sleep 0.01; done; cat own.in >own.out", inputs = { "own.in" }, outputs = { "own.out" } }
suite "s" { worker = { "./w.py" }, inputs = {}, env = { MARKS = "..", START = "load own.out" }, order = "group",
  cases = { { id = "a", group = "g", inputs = "v.txt", data = { ["do"] = "touch go, sleep 0.3" } },
            { id = "b", group = "g", inputs = "own.out", data = { ["do"] = "loaded own.out, holds own.out new" } },
            { id = "c", group = "g", inputs = "v.txt", data = { ["do"] = "sleep 0.1" } } } }
END
rm -f "$work/ran"
echo 1 >v.txt
echo old >own.in
touch ../go
run -j2
expect_status 1 # b holds that it is new
rm -f "$work/ran" ../go
echo 2 >v.txt
echo new >own.in
settle
run -j2
expect_status 0
expect_marks a b c
expect_clean -j2

describe "a build fails: no case runs"
file Testfile.lua <<'END'
build "lib" { cmd = "exit 1", inputs = {}, outputs = { "lib.out" } }
suite "s" { worker = { "./w.py" }, inputs = {}, deps = { "lib" }, env = { "MARKS" }, cases = { "a", "b" } }
END
run
expect_status 3
expect_outcome s#a skipped
expect_outcome s#b skipped
expect_count passed 0
expect_marks

describe "a service comes up once"
file Testfile.lua <<'END'
service "srv" { cmd = "echo up >>../up; echo ready; exec sleep 300", inputs = {}, ready = { line = "ready" } }
local many = {}
for i = 1, 8 do many[i] = { id = "c" .. i, data = { ["do"] = "sleep 0.01" } } end
suite "s" { worker = { "./w.py" }, inputs = {}, deps = { "srv" }, env = { "MARKS" }, cases = many }
test "t" { cmd = "true", inputs = {}, deps = { "srv" } }
END
run -j3
expect_status 0
expect_count passed 9
same "up" 1 "$(wc -l <"$work/up" | tr -d ' ')"
rm -f "$work/ran" "$work/up"
expect_clean -j3
expect_no_file ../up

describe "a service that does not come up"
file Testfile.lua <<'END'
service "srv" { cmd = "echo cannot; exit 1", inputs = {}, ready = { line = "ready" } }
suite "s" { worker = { "./w.py" }, inputs = {}, deps = { "srv" }, env = { "MARKS" }, cases = { "a", "b", "c" } }
END
run -j2
expect_status 3
for c in a b c; do expect_outcome s#$c skipped; done
same "told once" 3 "$(names '"kind": ?"case"' | wc -l | tr -d ' ')"
expect_marks

describe "a service that ends while a suite is served: what used it is not kept"
file Testfile.lua <<'END'
service "srv" { cmd = "echo $$ >../srvpid; echo ready; exec sleep 300", inputs = {}, ready = { line = "ready" } }
suite "s" { worker = { "./w.py" }, inputs = {}, deps = { "srv" }, env = { "MARKS" }, order = "group",
  cases = { { id = "a2", group = "g" }, { id = "b2", group = "g", data = { ["do"] = "touch serving, wait ended" } },
            { id = "c2", group = "g" } } }
END
rm -f "$work/ran"
start -j1
wait_for ../serving
for _ in $(seq 400); do # what was not told yet may be taken back
    ! grep -q '"target_finished".*"s#a2"' "$events" || break
    sleep 0.05
done
srv=$(cat ../srvpid)
kill -KILL "$srv"
wait_gone "$srv"
for _ in $(seq 400); do
    ! grep -q '"service_stopped"' "$events" || break
    sleep 0.05
done
touch ../ended
finished
expect_status 0
expect_event '"target": ?"s#b2".*a service that it uses ended'
rm -f "$work/ran"
run -j1
expect_status 0
grep -qx b2 "$work/ran"
report $? "b2 runs again"
if grep -qx a2 "$work/ran"; then false; else true; fi
report $? "a2 does not"
expect_clean

describe "two tgraphs at once: each case runs once"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = { { id = "a", group = "g", data = { ["do"] = "touch begun, wait second" } }, { id = "b", group = "g" } } }
END
rm -f "$work/ran"
start -j1
wait_for ../begun
"$TGRAPH" run -j1 --json "$work/events2" >"$work/out2" 2>"$work/err2" </dev/null &
second=$!
for _ in $(seq 400); do
    ! grep -q 'another tgraph' "$work/err2" 2>/dev/null || break
    sleep 0.05
done
touch ../second
finished
expect_status 0
wait "$second"
same "the second's exit status" 0 $?
expect_marks a b
same "the second found them clean" 2 "$(grep -c '"target_finished".*"cached": \?true' "$work/events2")"

describe "a cache that is read only"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = { "a", "b", "new" } }
END
if [ "$(id -u)" != 0 ]; then
    chmod -R a-w "$TGRAPH_CACHE_DIR"
    run
    expect_status 0
    expect_marks a new
    chmod -R u+w "$TGRAPH_CACHE_DIR"
else
    rm -rf "$TGRAPH_CACHE_DIR" "$work/ran"
    echo 'not a folder' >"$TGRAPH_CACHE_DIR"
    run
    expect_status 0
    expect_marks a new
    expect_count passed 3
    rm -f "$TGRAPH_CACHE_DIR"
fi
run
expect_status 0
expect_clean
