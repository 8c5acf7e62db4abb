#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

js=${TGRAPH_TEST_JS:-$top/build/js}/node_modules
if [ ! -e "$js/vitest/package.json" ]; then
    describe "vitest.suite"
    report 0 "# SKIP vitest is not installed (tests/support/js_tools.sh installs it)"
    exit 0
fi
cp -R "$top/examples/vitest/." .
rm -rf node_modules .tgraph
ln -s "$js" node_modules
git add -A
one='vitest#test/parse.test.ts' two='vitest#test/format.test.ts'

describe "a first run runs each file"
run
expect_status 0
expect_ran "$one" "$two"

describe "each test of a file is a result within the case"
expect_event '"target": ?"vitest#test/parse.test.ts".*"subtests".*"outcome": ?"passed"'

describe "nothing is left in the work tree"
same "what git does not know" "" "$(git status --short | grep -v '^A ')"

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited test file runs alone"
echo '// a comment' >>test/parse.test.ts
run
expect_status 0
expect_ran "$one"

describe "a source runs everything"
for f in src/*; do echo '// a comment' >>"$f"; done
run
expect_status 0
expect_ran "$one" "$two"

describe "options are part of a selection's key"
run -- --testNamePattern=nothing-like-it
expect_status 0
expect_ran "$one" "$two"
run
expect_ran

describe "a failing test"
sed -i "s/'0s'/'1s'/" test/format.test.ts
run
expect_status 1
expect_outcome 'vitest#test/format.test.ts' failed
expect_err "nothing: expected '0s' to be '1s'"

describe "a globalSetup that changes the working folder"
repo leaves
ln -s "$js" node_modules
printf 'node_modules\nbuild/\n.tgraph/\n' >.gitignore
echo '{ "type": "module" }' >package.json
echo 'export default { test: { globalSetup: "./setup.js" } }' >vitest.config.js
echo 'export default () => process.chdir("/");' >setup.js
echo 'use("vitest").suite { tests = "j/*.test.js" }' >Testfile.lua
mkdir j
for f in a b; do echo 'import { test } from "vitest"; test("stays", () => {});' >j/$f.test.js; done
run -j1
expect_status 0
cd "$work/repo" || exit

describe "a test file that only vitest finds"
mkdir src/deep
file src/deep/more.test.ts <<'END_JS'
throw new Error('not to be forgotten');
END_JS
run
expect_status 1
expect_err 'src/deep/more.test.ts; add them'

describe "a tool that is not installed"
rm node_modules
run
expect_status 1
expect_err 'npm install --save-dev vitest'
