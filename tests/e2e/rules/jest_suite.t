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
