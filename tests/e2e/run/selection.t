#!/bin/sh
# SPDX-License-Identifier: MIT
# What patterns select: labels, folders, globs, tags, exclusions, groups; and the builds that those need, no others.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
include "api"
include "web"
build "lib" { cmd = "cp lib.in lib.out", inputs = { "lib.in" }, outputs = { "lib.out" } }
build "unused" { cmd = "touch unused.out", inputs = {}, outputs = { "unused.out" } }
test "unit" { cmd = "true", inputs = { "lib.out" }, tags = { "fast" } }
group "quick" { "unit", "api:unit" }
END
file api/Testfile.lua <<'END'
test "unit" { cmd = "true", inputs = {}, tags = { "fast" } }
test "slow" { cmd = "true", inputs = {}, tags = { "slow", "db" } }
END
file web/Testfile.lua <<'END'
include "deep"
test "unit" { cmd = "true", inputs = {} }
END
file web/deep/Testfile.lua <<'END'
test "x" { cmd = "true", inputs = {} }
END

echo 1 >lib.in

describe "no pattern: every test and the builds that they need"
run
expect_status 0
expect_ran unit lib api:unit api:slow web:unit web/deep:x

describe "a label"
run --force api:unit
expect_ran api:unit

describe "a label's needs: --force is for what is selected, but what is dirty below it runs too"
run --force unit
expect_ran unit
echo 2 >lib.in
run --force unit
expect_ran unit lib

describe "a build"
run unused
expect_ran unused

describe "a folder"
run --force web/...
expect_ran web:unit web/deep:x

describe "a glob"
run --force '*:unit'
expect_ran api:unit web:unit

describe "a group"
run --force quick
expect_ran unit api:unit

describe "tags"
run --force --tag fast
expect_ran unit api:unit
run --force --tag slow --tag fast --exclude 'api:*'
expect_ran unit

describe "exclusions"
run --force --exclude 'web/...' --exclude unit
expect_ran api:unit api:slow

describe "several patterns"
run --force web:unit api:slow
expect_ran api:slow web:unit

describe "in a folder, labels are those of its Testfile"
cd web || exit 1
run --force
expect_status 0
cd .. || exit 1
run --force -C web
expect_status 0

describe "a pattern that matches nothing"
run nothing
expect_status 4
expect_err 'nothing'
run api:unti
expect_status 4
expect_err 'api:unit'
