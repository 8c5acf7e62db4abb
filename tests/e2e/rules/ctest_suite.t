#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

printf '/build/\n/.tgraph/\n' >.gitignore
file Testfile.lua <<'END'
use("ctest").suite {
  inputs = {},
  results = function(t)
    if t.labels[1] == "tap" then
      return { format = "tap", env = { STYLE = "tap" } }
    elseif t.labels[1] == "junit" then
      return { junit = "$TGRAPH_TMPDIR/r.xml", args = { "--xml", "$TGRAPH_TMPDIR/r.xml" } }
    end
  end,
}
END
file tool.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int argc, char **argv)
{
    const char *style = getenv("STYLE"), *one = getenv("ONE");
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-x") == 0)
            return atoi(argv[i + 1]);
        if (strcmp(argv[i], "-one") == 0)
            return one == NULL || strcmp(one, "1") != 0;
        if (strcmp(argv[i], "--xml") == 0) {
            FILE *f = fopen(argv[i + 1], "w");
            fprintf(f, "<testsuite><testcase name=\"x\"/><testcase name=\"y\"><failure message=\"no\"/></testcase></testsuite>");
            return fclose(f);
        }
    }
    if (style != NULL && strcmp(style, "tap") == 0)
        puts("1..2\nok 1 - a\nok 2 - b # SKIP later");
    return 0;
}
END
file CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.19)
project(suite C)
enable_testing()
add_executable(tool tool.c)
add_test(NAME plain COMMAND tool)
add_test(NAME fails COMMAND tool -x 3)
add_test(NAME crashes COMMAND sh -c "kill -SEGV $$")
add_test(NAME tap COMMAND tool)
set_tests_properties(tap PROPERTIES LABELS tap)
add_test(NAME junit COMMAND tool)
set_tests_properties(junit PROPERTIES LABELS junit)
add_test(NAME skips COMMAND tool -x 77)
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77)
add_test(NAME will-fail COMMAND tool -x 1)
set_tests_properties(will-fail PROPERTIES WILL_FAIL TRUE)
add_test(NAME env COMMAND tool -one)
set_tests_properties(env PROPERTIES ENVIRONMENT ONE=1)
add_test(NAME slow COMMAND sleep 600)
set_tests_properties(slow PROPERTIES TIMEOUT 0.3)
add_test(NAME first COMMAND tool)
add_test(NAME second COMMAND tool)
set_tests_properties(second PROPERTIES DEPENDS first)
END
is() { expect_event "\"target\":\"$1\",\"kind\":\"$2\",\"outcome\":\"$3\""; }

describe "tests are cases, with the results that their programs tell"
run
expect_status 1
is ctest#plain case passed
is ctest#fails case failed
is ctest#crashes case crashed
is ctest#will-fail case passed
is ctest#env case passed
is ctest#slow case timed_out
is ctest#tap case passed
expect_event '"target":"ctest#tap".*"subtests":\[{"name":"a","outcome":"passed"},{"name":"b","outcome":"skipped"'
is ctest#junit case failed
expect_event '"target":"ctest#junit".*"note":"y: no"'
expect_event '"target":"ctest#skips".*"mark":"skipped"'

describe "those that need others stay targets"
is first test passed
is second test passed

describe "a second run runs what failed"
run
expect_ran ctest#crashes ctest#fails ctest#junit ctest#slow

describe "a label is a tag"
run --tag tap
expect_cached compile configure ctest#tap

describe "an edit that changes the program runs its tests"
sed -i 's/1\.\.2/1..3/' tool.c
run --tag tap
expect_status 1
expect_event '"target":"ctest#tap".*"note":"planned 3, ran 2"'
