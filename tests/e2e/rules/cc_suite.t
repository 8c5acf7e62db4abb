#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

printf '/build/\n/.tgraph/\n' >.gitignore
mkdir tests
file Testfile.lua <<'END'
local cc = use "cc"
local one = cc.library { name = "one", srcs = "one.c", kind = "shared" }
cc.suite { name = "unit", srcs = glob("tests/*.c"), libs = { one }, harness = "tap", inputs = {} }
END
echo 'int one(void) { return 1; }' >one.c
for t in a b; do
    cat >tests/$t.c <<END
#include <stdio.h>
int one(void);
int main(void) { printf("1..1\n%sok 1 - $t is one\n", one() == 1 ? "" : "not "); return 0; }
END
done
is() { expect_event "\"target\":\"$1\",\"kind\":\"case\",\"outcome\":\"$2\""; }

describe "a program of each source, a case for each program"
run
expect_status 0
is unit#tests/a passed
expect_event '"target":"unit#tests/b".*"subtests":\[{"name":"b is one","outcome":"passed"}\]'
run
expect_ran

describe "an edited test, an edited library"
sed -i 's/a is one/still/' tests/a.c
run
expect_status 0
is unit#tests/a passed
same "b did not run" "" "$(ran | grep unit#tests/b)"
sed -i 's/return 1/return 2/' one.c
run
expect_status 1
is unit#tests/a failed
is unit#tests/b failed

describe "JUnit XML that the program writes where it is told"
file Testfile.lua <<'END'
use("cc").suite {
  name = "xml", srcs = "x.c", harness = "junit", junit = "$TGRAPH_TMPDIR/x.xml", args = { "$TGRAPH_TMPDIR/x.xml" }, inputs = {},
}
END
cat >x.c <<'END'
#include <stdio.h>
int main(int argc, char **argv)
{
    FILE *f = argc > 1 ? fopen(argv[1], "w") : NULL;
    return f == NULL || fputs("<testsuite><testcase name='in'/></testsuite>", f) < 0 || fclose(f) != 0;
}
END
run
expect_status 0
expect_event '"target":"xml#x".*"subtests":\[{"name":"in","outcome":"passed"}\]'

describe "cmocka"
file Testfile.lua <<'END'
use("cc").suite { name = "mocka", srcs = "m.c", libs = "-lcmocka", harness = "cmocka", inputs = {} }
END
cat >m.c <<'END'
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
static void good(void **state) { (void)state; }
static void bad(void **state) { (void)state; assert_int_equal(1, BAD); }
int main(void)
{
    const struct CMUnitTest first[] = {cmocka_unit_test(good)}, second[] = {cmocka_unit_test(bad)};
    return cmocka_run_group_tests(first, NULL, NULL) + cmocka_run_group_tests(second, NULL, NULL);
}
END
sed -i 's/BAD/1/' m.c
run
expect_status 0
expect_event '"target":"mocka#m".*"subtests":\[{"name":"good","outcome":"passed".*{"name":"bad","outcome":"passed"'
sed -i 's/(1, 1)/(1, 2)/' m.c
run
expect_status 1
expect_event '"target":"mocka#m".*"note":"bad: 0x1 != 0x2'
