#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

o=build/tgraph
printf '/build/\n/.tgraph/\n' >.gitignore

describe "shared libraries: a test runs again when one that it loads changes"
file Testfile.lua <<'END'
local cc = use "cc"
local low = cc.library { name = "low", srcs = "low.c", kind = "shared" }
local high = cc.library { name = "high", srcs = "high.c", kind = "shared", libs = { low } }
local other = cc.library { name = "other", srcs = "other.c", kind = "both" }
cc.test { name = "uses-high", srcs = "t_high.c", libs = { high }, inputs = {} }
cc.test { name = "uses-other", srcs = "t_other.c", libs = { other }, inputs = {} }
END
echo 'int low(void) { return 1; }' >low.c
echo 'int low(void); int high(void) { return low() + 1; }' >high.c
echo 'int other(void) { return 3; }' >other.c
echo 'int high(void); int main(void) { return high() == 2 ? 0 : 1; }' >t_high.c
echo 'int other(void); int main(void) { return other() == 3 ? 0 : 1; }' >t_other.c
run
expect_status 0
expect_count passed 2
run
expect_ran
echo 'int low(void) { return 7; }' >low.c
run
expect_status 1
expect_outcome uses-high failed
expect_outcome uses-other passed
echo 'int low(void) { return 1; }' >low.c
run
expect_status 0
expect_ran
echo 'int other(void) { return 4; }' >other.c
run
expect_status 1
expect_outcome uses-other failed

describe "C++ beside C"
repo cxx
file Testfile.lua <<'END'
local cc = use "cc"
local lib = cc.library { name = "mixed", srcs = { "a.c", "b.cpp" } }
cc.test { name = "mixed-test", srcs = "t.c", libs = { lib, "-lm" }, inputs = {} }
END
echo 'int a(void) { return 1; }' >a.c
echo '#include <string>
extern "C" int b() { return (int)std::string("ab").size(); }' >b.cpp
echo '#include <math.h>
int a(void); int b(void); int main(void) { return a() + b() == (int)sqrt(9.0) ? 0 : 1; }' >t.c
run
expect_status 0
expect_outcome mixed-test passed

describe "a generated header"
repo generated
file Testfile.lua <<'END'
local cc = use "cc"
build "header" {
  cmd = [[echo "#define N $(cat number)" >build/tgraph/gen/number.h]],
  tools = { "cat" },
  inputs = { "number" },
  outputs = { "build/tgraph/gen/number.h" },
}
cc.test {
  name = "number",
  srcs = "t.c",
  include = "build/tgraph/gen",
  generated = "build/tgraph/gen/number.h",
  inputs = {},
}
END
echo 1 >number
echo '#include "number.h"
int main(void) { return N == 1 ? 0 : 1; }' >t.c
run
expect_status 0
echo 2 >number
run
expect_status 1
expect_outcome number failed

describe "a header outside the repository"
repo outside
echo "use('cc').test { name = 'value', srcs = 'value.c', include = '$work/headers', inputs = {} }" >Testfile.lua
mkdir "$work/headers"
echo '#define VALUE 0' >"$work/headers/value.h"
echo '#include <value.h>
int main(void) { return VALUE; }' >value.c
run
expect_status 0
echo '#define VALUE 1' >"$work/headers/value.h"
run
expect_status 1
expect_outcome value failed

describe "what a test reads: everything but compiled languages, if nothing is said"
repo inputs
file Testfile.lua <<'END'
local cc = use "cc"
cc.test { name = "reads", srcs = "t.c" }
cc.test { name = "reads-one", srcs = "t.c", inputs = "data/one" }
END
mkdir data
echo 1 >data/one
echo 'int main(void) { return 0; }' >t.c
run
expect_status 0
echo 2 >data/two
run
expect_ran reads
echo 2 >data/one
run
expect_ran reads reads-one
echo 'int f(void);' >unused.h
run
expect_ran "$o/reads.objects/t.c.o" "$o/reads-one.objects/t.c.o"

describe "the options of the rule are checked"
repo options
file Testfile.lua <<'END'
local cc = use "cc"
cc.test { name = "a", srsc = "t.c" }
END
run
expect_status 2
expect_err "Testfile.lua:2"
expect_err "unknown field 'srsc', did you mean 'srcs'"

describe "a cmocka program ends with the number of its failures"
repo cmocka
file Testfile.lua <<'END'
local cc = use "cc"
for _, name in ipairs { "good", "bad" } do
  cc.test { name = name, srcs = name .. ".c", libs = "-lcmocka", harness = "cmocka", inputs = {} }
end
END
for name in good bad; do
    file $name.c <<END
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
static void is_$name(void **state)
{
    (void)state;
    assert_string_equal("$name", "good");
}
int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_$name)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
END
done
run
expect_status 1
expect_outcome good passed
expect_outcome bad failed

describe "Testfiles in folders share what is known of the compiler"
repo folders
printf 'build/\n' >.gitignore
echo 'include { "a", "b" }' >Testfile.lua
for d in a b; do
    mkdir $d
    echo 'int main(void) { return 0; }' >$d/t.c
    echo 'use("cc").test { name = "t", srcs = "t.c", include = { ".", "//a", "//" }, inputs = {} }' >$d/Testfile.lua
done
run
expect_status 0
expect_outcome a:t passed
expect_outcome b:t passed
same "targets that look at the compiler" 1 "$(names toolchain | wc -l)"
echo '#include "shared.h"
int main(void) { return SHARED; }' >b/t.c
echo '#define SHARED 0' >a/shared.h
run
expect_status 0
echo '#define SHARED 1' >a/shared.h
run
expect_status 1
expect_outcome b:t failed
expect_outcome a:t passed
