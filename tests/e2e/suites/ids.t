#!/bin/sh
# SPDX-License-Identifier: MIT
# Names of cases are what a test framework makes of them: spaces, brackets, quotes, any script, 4,096 bytes.
. "$(dirname "$0")/lib.sh"

cat >ids.py <<'END'
import json
ids = ["a b", "t[1-x]", "it's", 'say "hi"', "back\\slash", "ünï→日本", "a#b", "#", "x:y", "//:z", "*", "-n", "\U0001f600",
       "a/../b", "$HOME `id`", "%s%n", "Σ" * 2048, "y" * 4096]
for i in ids:
    print(json.dumps({"id": i, "group": i[:100], "data": {"do": "print " + i[:20]}}))
END
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = discover { cmd = { "python3", "ids.py" }, inputs = { "ids.py" } } }
END
python3 ids.py | python3 -c 'import json, sys
for l in sys.stdin: sys.stdout.buffer.write((json.loads(l)["id"] + "\n").encode())' | LC_ALL=C sort >"$work/want"

describe "each runs once, under its own name"
run -j2
expect_status 0
expect_count passed 18
LC_ALL=C sort "$work/ran" >"$work/got"
cmp -s "$work/want" "$work/got"
report $? "the worker got each name as it was written"
python3 - "$events" >"$work/told" <<'END'
import json, sys
for line in open(sys.argv[1], encoding="utf-8"):
    e = json.loads(line)
    if e["event"] == "target_finished" and e["kind"] == "case":
        sys.stdout.buffer.write((e["target"][2:] + "\n").encode())
END
LC_ALL=C sort "$work/told" | cmp -s "$work/want" -
report $? "the events have each name once"
rm -f "$work/ran"
expect_clean

describe "each can be asked for"
while IFS= read -r id; do
    run "s#$id"
    [ "$status" = 0 ] && [ "$(summary selected)" = 1 ]
    report $? "s#$(printf %.20s "$id") alone"
done <"$work/want"

describe "a label can be put into a shell as it is shown"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = { { id = "it's [a] \"b\"", data = { ["do"] = "fail" } } } }
END
run
expect_status 1
run_tgraph log "s#it's [a] \"b\""
expect_status 0
run_tgraph why "s#it's [a] \"b\""
expect_status 0

describe "what is no name"
for bad in '""' '"a\nb"' '("x"):rep(4097)' '"\255"' '7'; do
    echo "suite \"s\" { worker = { \"./w.py\" }, inputs = {}, cases = { $bad } }" >Testfile.lua
    run
    expect_status 2
    expect_err 'Testfile\.lua:1:'
done
describe "the same name twice"
echo 'suite "s" { worker = { "./w.py" }, inputs = {}, cases = { "a", "b", "a" } }' >Testfile.lua
run
expect_status 2
expect_err 'Testfile\.lua:1:.*"?a"?'
