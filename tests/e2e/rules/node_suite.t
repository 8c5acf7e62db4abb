#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

cp -R "$top/examples/node/." .
file Testfile.lua <<'END_LUA'
local node = use "node"
node.suite { tests = "test/*.test.js", options = options() }
END_LUA
slug='node#test/slug.test.js' registry='node#test/registry.test.js'

describe "a first run runs each file"
run
expect_status 0
expect_ran "$registry" "$slug"

describe "each test of a file is a result within the case"
expect_event '"target": ?"node#test/slug.test.js".*"subtests".*"outcome": ?"passed"'

describe "what tgraph keeps in the work tree is no test to a plain node --test"
node --test >"$out" 2>"$err"
status=$?
expect_status 0

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited test file runs alone"
echo '// a comment' >>test/slug.test.js
run
expect_status 0
expect_ran "$slug"

describe "a source runs everything"
echo '// a comment' >>src/slug.js
run
expect_ran "$registry" "$slug"

describe "a test file that another one names is an input of all"
echo "import './slug.test.js';" >>test/registry.test.js
run
expect_ran "$registry" "$slug"
echo '// another comment' >>test/slug.test.js
run
expect_ran "$registry" "$slug"

describe "a new test file is a new case, alone"
file test/new.test.js <<'END_JS'
import test from 'node:test';
test('skipped', { skip: 'not yet' }, () => {});
END_JS
run
expect_status 0
expect_ran 'node#test/new.test.js'
expect_event '"target": ?"node#test/new.test.js".*"mark": ?"skipped"'

describe "options are part of a selection's key"
run -- --test-name-pattern=nothing-like-it
expect_ran "$registry" "$slug" 'node#test/new.test.js'
run -- --test-name-pattern=nothing-like-it
expect_ran
run
expect_ran

describe "an option that there is not"
run -- --bogus
expect_status 1
expect_ran "$registry" "$slug" 'node#test/new.test.js'
expect_err '--bogus'

describe "a failing test"
sed -i "s/'a-b');/'a-c');/" test/slug.test.js
run
expect_status 1
expect_outcome "$slug" failed
expect_err "spaces at the ends leave nothing: Expected values to be strictly equal: 'a-b' !== 'a-c'"

describe "a file that kills its process fails alone"
file test/killed.test.js <<'END_JS'
process.kill(process.pid, 'SIGKILL');
END_JS
run --force 'node#test/new.test.js' 'node#test/killed.test.js'
expect_outcome 'node#test/killed.test.js' failed
expect_outcome 'node#test/new.test.js' passed

describe "a file that hangs is stopped at its time limit, with its processes"
cat >Testfile.lua <<'END_LUA'
local node = use "node"
node.suite { tests = "test/hangs.test.js", case_timeout = 1 }
END_LUA
file test/hangs.test.js <<END_JS
import { writeFileSync } from 'node:fs';
writeFileSync('$work/pid', String(process.pid));
setInterval(() => {}, 1000);
END_JS
run
expect_status 1
expect_outcome 'node#test/hangs.test.js' timed_out
wait_gone "$(cat "$work/pid")"
report $? "its process is gone"

describe "a mistake in the rule's options"
echo 'use("node").suite { test = "x" }' >Testfile.lua
run
expect_status 2
expect_err "did you mean 'tests'"
