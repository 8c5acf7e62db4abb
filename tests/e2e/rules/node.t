#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

cp -R "$top/examples/node/." .
file Testfile.lua <<'END'
local node = use "node"

node.files { tests = "test/*.test.js" }
END
slug=test/slug.test.js registry=test/registry.test.js

describe "a first run runs each file"
run
expect_status 0
expect_ran $registry $slug

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited test file runs alone"
echo '// a comment' >>$slug
run
expect_status 0
expect_ran $slug

describe "a source and package.json run everything"
echo '// a comment' >>src/slug.js
run
expect_ran $registry $slug
sed -i 's/1.0.0/1.0.1/' package.json
run
expect_ran $registry $slug

describe "what a package manager installed"
mkdir -p node_modules/left
run
expect_ran
echo '{}' >node_modules/.package-lock.json
run
expect_ran $registry $slug
echo '{ "packages": {} }' >node_modules/.package-lock.json
run
expect_ran $registry $slug

describe "a test file that another one names is an input of all"
echo "import './slug.test.js';" >>$registry
run
expect_status 0
expect_ran $registry
echo '// another comment' >>$slug
run
expect_ran $registry $slug

describe "a failing test"
sed -i "s/'a-b');/'a-c');/" $slug
run
expect_status 1
expect_outcome $slug failed
