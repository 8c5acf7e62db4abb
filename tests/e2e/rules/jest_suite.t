#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

js=${TGRAPH_TEST_JS:-$top/build/js}/node_modules
if [ ! -e "$js/jest/package.json" ]; then
    describe "jest.suite"
    report 0 "# SKIP jest is not installed (tests/support/js_tools.sh installs it)"
    exit 0
fi
cp -R "$top/examples/jest/." .
rm -rf node_modules .tgraph
ln -s "$js" node_modules
git add -A
one='jest#test/shelf.test.js' two='jest#test/label.test.js'

describe "a first run runs each file"
run
expect_status 0
expect_ran "$one" "$two"

describe "each test of a file is a result within the case"
expect_event '"target": ?"jest#test/shelf.test.js".*"subtests".*"outcome": ?"passed"'

describe "nothing is left in the work tree"
same "what git does not know" "" "$(git status --short | grep -v '^A ')"

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited test file runs alone"
echo '// a comment' >>test/shelf.test.js
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
sed -i "s/toBe(0)/toBe(1)/" test/shelf.test.js
run
expect_status 1
expect_outcome 'jest#test/shelf.test.js' failed
expect_err "a shelf > is empty at first: expect"

describe "a file that changes the working folder leaves the next ones alone"
repo leaves
ln -s "$js" node_modules
printf 'node_modules\nbuild/\n.tgraph/\n' >.gitignore
echo '{}' >package.json
echo 'use("jest").suite { tests = "j/*.test.js" }' >Testfile.lua
file j/a.test.js <<'END_JS'
test("a", () => { process.chdir("/"); });
END_JS
for f in b c; do echo 'test("stays", () => {});' >j/$f.test.js; done
run -j1
expect_status 0

describe "an exit status that a file sets fails that file alone"
echo 'test("a", () => { process.exitCode = 3; });' >j/a.test.js
echo '// a comment' | tee -a j/b.test.js >>j/c.test.js
if node_modules/.bin/jest --ci j/a.test.js >/dev/null 2>&1; then
    report 0 "# SKIP jest keeps it from the process with this release of Node"
else
    run -j1
    expect_status 1
    expect_outcome 'jest#j/a.test.js' failed
    expect_outcome 'jest#j/b.test.js' passed
    expect_outcome 'jest#j/c.test.js' passed
    expect_err 'process.exitCode'
fi
cd "$work/repo" || exit

describe "a test file that only jest finds"
mkdir src/deep
file src/deep/more.test.js <<'END_JS'
throw new Error('not to be forgotten');
END_JS
run
expect_status 1
expect_err 'src/deep/more.test.js; add them'

describe "a tool that is not installed"
rm node_modules
run
expect_status 1
expect_err 'npm install --save-dev jest'
