#!/bin/sh
# SPDX-License-Identifier: MIT
# docs/since.md, "For scripts": affected's exit status, list's fields, why's text.
. "$(dirname "$0")/git.sh"

file Testfile.lua <<'END_OF_TESTFILE'
include { "lib", "services/api" }
END_OF_TESTFILE
file lib/Testfile.lua <<'END_OF_TESTFILE'
build "db" { cmd = "cp //src/db.c db.out", inputs = { "//src/db.c" }, outputs = { "db.out" }, shell = true }
END_OF_TESTFILE
sed -i 's/, shell = true//; s,cp //src,cp ../src,' lib/Testfile.lua
file services/api/Testfile.lua <<'END_OF_TESTFILE'
test "unit" { cmd = "true", inputs = {}, deps = { "lib:db" }, tags = { "fast", "x" }, description = "checks" }
test "other" { cmd = "false", inputs = { "in" } }
END_OF_TESTFILE
printf '.tgraph/\ndb.out\n' >.gitignore
mkdir src
echo 1 >src/db.c
echo 1 >services/api/in
commit one

describe "exit status of affected"
affected --since HEAD
expect_affected
echo 2 >src/db.c
affected --since HEAD
expect_affected lib:db services/api:unit
affected --since HEAD services/api:other
expect_affected
affected --since HEAD nothing/...
expect_status 4
expect_silent_out
affected --since HEAD --no-such-option
expect_status 2
run --since HEAD nothing/...
expect_status 4
run_tgraph list --since HEAD nothing/...
expect_status 4
run --since HEAD services/api:other
expect_status 0
run_tgraph list --since HEAD services/api:other
expect_status 0
expect_silent_out

describe "list --json"
run_tgraph list --since HEAD --json
expect_status 0
expect_json '[x["target"] for x in v]' "['lib:db', 'services/api:unit']"
expect_json 'v[1]["kind"]' test
expect_json 'v[0]["kind"]' build
expect_json 'v[1]["state"]' dirty
expect_json 'v[1]["reason"]' 'src/db.c changed'
expect_json 'v[1]["path"]' "['src/db.c', 'lib:db', 'services/api:unit']"
expect_json 'v[0]["path"]' "['src/db.c', 'lib:db']"
expect_json 'v[1]["tags"]' "['fast', 'x']"
expect_json 'v[1]["description"]' checks
expect_json '(v[1]["file"], v[1]["line"])' "('services/api/Testfile.lua', 1)"
expect_json '[k for k in v[0] if "key" in k]' '[]'
run_tgraph list --since HEAD --format json
expect_json 'len(v)' 2

describe "state: clean once it has passed, failed once it has not"
echo 2 >services/api/in
run --since HEAD
expect_status 1
run_tgraph list --since HEAD --json
expect_json 'sorted((x["target"], x["state"]) for x in v)' "[('lib:db', 'clean'), ('services/api:other', 'failed'), ('services/api:unit', 'clean')]"
git checkout -q services

describe "keys"
run_tgraph list --json --keys
cp "$out" "$work/now"
run_tgraph list --since HEAD --json --keys
expect_json '[x["static_key"] for x in v] == [json.loads(l)["static_key"] for l in open("'"$work"'/now") if json.loads(l)["target"] in ("lib:db", "services/api:unit")]' True
expect_json 'all(len(x["base_static_key"]) == 32 and x["base_static_key"] != x["static_key"] for x in v)' True
echo 'test "new" { cmd = "true", inputs = {} }' >>Testfile.lua
run_tgraph list --since HEAD --json --keys
expect_json '[("base_static_key" in x, x["reason"]) for x in v if x["target"] == "new"]' "[(False, 'new is new')]"
run_tgraph list --since nothing --json --keys
expect_json '[x["target"] for x in v if "base_static_key" in x]' '[]'
git checkout -q Testfile.lua

describe "list as text"
run_tgraph list --since HEAD
expect_out '^lib:db +build +[a-z]+ +src/db\.c changed$'
expect_out '^services/api:unit +test +[a-z]+ +src/db\.c changed, through lib:db$'

describe "why"
run_tgraph why services/api:unit --since HEAD
expect_status 0
file "$work/expected" <<'END_OF_TEXT'
services/api:unit is affected: src/db.c changed.
     src/db.c
  -> lib:db
  -> services/api:unit
END_OF_TEXT
cmp -s "$out" "$work/expected"
report $? "the way, as the documentation shows it"
run_tgraph why services/api:other --since HEAD
expect_status 0
expect_out '^services/api:other is not affected'

describe "events"
run --since HEAD
expect_event '"run_started".*"since": ?\{"ref": ?"HEAD", ?"merge_base": ?"'"$(git rev-parse HEAD)"'", ?"chosen_by": ?null, ?"everything": ?null\}'
expect_event '"run_finished".*"affected": ?1'
run --since
expect_event '"since": ?\{"ref": ?"main".*"chosen_by": ?"the default branch"'
git checkout -q -b topic
git commit -q --allow-empty -m more
export GITHUB_ACTIONS=true GITHUB_BASE_REF=main
run --since
unset GITHUB_ACTIONS GITHUB_BASE_REF
expect_event '"chosen_by": ?"GITHUB_BASE_REF, GitHub Actions"'
run --since nothing
expect_event '"merge_base": ?null.*"everything": ?"git knows no revision'
run --staged
expect_event '"since": ?\{"ref": ?"HEAD"'
run
report "$(grep -c '"since"' "$events")" "no since without --since"
report "$(grep -c '"affected"' "$events")" "no affected without --since"
