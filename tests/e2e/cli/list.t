#!/bin/sh
# SPDX-License-Identifier: MIT
# tgraph list: what is there and in which state, as text and as JSON.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "pass" { cmd = "true", inputs = { "x" }, description = "passes" }
test "fail" { cmd = "false", inputs = {} }
build "gen" { cmd = "touch gen.out", inputs = {}, outputs = { "gen.out" } }
group "g" { "pass", "gen" }
END
echo 1 >x

describe "before the first run all is dirty"
run_tgraph list --json
expect_status 0
same "four lines" 4 "$(wc -l <"$out" | tr -d ' ')"
expect_out '"target": ?"pass".*"kind": ?"test".*"state": ?"dirty".*"reason": ?"'
expect_out '"target": ?"gen".*"kind": ?"build"'
expect_out '"target": ?"g".*"kind": ?"group"'
expect_no_out 'static_key'

describe "afterwards"
run
run_tgraph list --json
expect_out '"target": ?"pass".*"state": ?"clean"'
expect_out '"target": ?"fail".*"state": ?"failed"'
echo 2 >x
run_tgraph list --json
expect_out '"target": ?"pass".*"state": ?"dirty".*"reason": ?"[^"]*x'
expect_out '"target": ?"fail".*"state": ?"failed"'

describe "keys: 32 hexadecimal digits, equal for equal content"
run_tgraph list --json --keys
expect_out '"target": ?"pass".*"static_key": ?"[0-9a-f]{32}"'
expect_out '"target": ?"pass".*"key": ?"[0-9a-f]{32}"'
cp "$out" "$work/keys1"
run_tgraph list --json --keys
cmp -s "$out" "$work/keys1"
report $? "asked twice, answered the same"
cp -r . ../clone
cd ../clone || exit 1
rm -rf .tgraph
run_tgraph list --json --keys
sed 's/.*"target": \{0,1\}\("[^"]*"\).*\("static_key": \{0,1\}"[^"]*"\).*/\1 \2/' "$out" >"$work/a"
sed 's/.*"target": \{0,1\}\("[^"]*"\).*\("static_key": \{0,1\}"[^"]*"\).*/\1 \2/' "$work/keys1" >"$work/b"
cmp -s "$work/a" "$work/b"
report $? "the same static keys in another folder"
cd ../repo || exit 1

describe "every line is JSON"
run_tgraph list --json --keys
python3 -c 'import json,sys
for line in sys.stdin: json.loads(line)' <"$out"
report $? "python reads it"

describe "patterns"
run_tgraph list --json gen
same "one line" 1 "$(wc -l <"$out" | tr -d ' ')"
run_tgraph list nothing
expect_status 4

describe "for people"
run_tgraph list
expect_status 0
expect_out 'pass'
expect_out 'fail'
