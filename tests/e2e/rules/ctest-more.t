#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

printf '/build/\n/.tgraph/\n' >.gitignore
file Testfile.lua <<'END'
use("ctest").project { options = { CMAKE_BUILD_TYPE = "Release" } }
END
file tool.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
/* tool [-e NAME VALUE] [-p TEXT] [-f FILE] [-x STATUS] */
int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-p") == 0) {
            puts(argv[++i]);
        } else if (strcmp(argv[i], "-e") == 0) {
            const char *v = getenv(argv[i + 1]);
            if (v == NULL || strcmp(v, argv[i + 2]) != 0)
                return 1;
            i += 2;
        } else if (strcmp(argv[i], "-f") == 0) {
            FILE *f = fopen(argv[++i], "r");
            if (f == NULL)
                return 1;
            fclose(f);
        } else if (strcmp(argv[i], "-x") == 0) {
            return atoi(argv[++i]);
        }
    }
    return 0;
}
END
file CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.19)
project(properties C)
enable_testing()
add_executable(tool tool.c)

add_test(NAME pass COMMAND tool)
add_test(NAME fail COMMAND tool -x 1)
add_test(NAME will-fail COMMAND tool -x 1)
set_tests_properties(will-fail PROPERTIES WILL_FAIL TRUE)
add_test(NAME will-fail-passes COMMAND tool)
set_tests_properties(will-fail-passes PROPERTIES WILL_FAIL TRUE)
add_test(NAME regex COMMAND tool -p hello -x 3)
set_tests_properties(regex PROPERTIES PASS_REGULAR_EXPRESSION "hel+o")
add_test(NAME regex-fails COMMAND tool -p hello)
set_tests_properties(regex-fails PROPERTIES FAIL_REGULAR_EXPRESSION "hel+o")
add_test(NAME skips COMMAND tool -x 77)
set_tests_properties(skips PROPERTIES SKIP_RETURN_CODE 77 LABELS "quick;with space")
add_test(NAME environment COMMAND tool -e ONE 1 -e TWO "2 3")
set_tests_properties(environment PROPERTIES ENVIRONMENT "ONE=1;TWO=2 3")
add_test(NAME modified COMMAND tool -e ONE 1)
set_tests_properties(modified PROPERTIES ENVIRONMENT_MODIFICATION "ONE=set:1")
add_test(NAME folder COMMAND tool -f data.txt WORKING_DIRECTORY ${CMAKE_SOURCE_DIR}/data)
add_test(NAME "odd [name]: a+b" COMMAND tool -x 1)
set_tests_properties("odd [name]: a+b" PROPERTIES WILL_FAIL TRUE)
add_test(NAME disabled COMMAND tool -x 1)
set_tests_properties(disabled PROPERTIES DISABLED TRUE)
add_test(NAME slow COMMAND sleep 30)
set_tests_properties(slow PROPERTIES TIMEOUT 0.3)
add_test(NAME not-built COMMAND none)

add_test(NAME setup COMMAND ${CMAKE_COMMAND} -E touch ${CMAKE_BINARY_DIR}/fixture)
add_test(NAME uses COMMAND tool -f ${CMAKE_BINARY_DIR}/fixture)
add_test(NAME uses-too COMMAND tool -f ${CMAKE_BINARY_DIR}/fixture)
add_test(NAME cleanup COMMAND ${CMAKE_COMMAND} -E remove ${CMAKE_BINARY_DIR}/fixture)
set_tests_properties(setup PROPERTIES FIXTURES_SETUP F)
set_tests_properties(uses uses-too PROPERTIES FIXTURES_REQUIRED F)
set_tests_properties(cleanup PROPERTIES FIXTURES_CLEANUP F)

add_test(NAME after COMMAND tool)
set_tests_properties(after PROPERTIES DEPENDS pass RUN_SERIAL TRUE RESOURCE_LOCK "port" PROCESSORS 2)
END
sed -i '3i cmake_policy(SET CMP0110 NEW)' CMakeLists.txt
mkdir data
touch data/data.txt

describe "properties mean what they mean for ctest"
run
expect_status 1
for t in pass will-fail regex skips environment modified folder odd__name___a+b setup uses uses-too cleanup after; do
    expect_outcome "$t" passed
done
for t in fail will-fail-passes regex-fails not-built; do expect_outcome "$t" failed; done
expect_outcome slow timed_out
expect_outcome disabled ''

describe "labels are tags"
run --tag quick
expect_status 0
expect_cached skips configure compile
run --tag with_space
expect_status 0

describe "what a working folder in the source holds counts"
run uses after folder
expect_status 0
expect_ran
echo 1 >data/extra.c
run uses after folder
expect_status 0
expect_ran configure compile folder setup # which is no program of the project, and may read anything

describe "a fixture is set up for each test that asks for it, however clean its own test is"
sed -i 's/COMMAND tool -f ${CMAKE_BINARY_DIR}\/fixture)/COMMAND tool -f ${CMAKE_BINARY_DIR}\/fixture -p new)/' CMakeLists.txt
run uses uses-too
expect_status 0
expect_outcome uses passed
expect_outcome uses-too passed

describe "shared libraries, helper programs and scripts"
repo libraries
printf '/build/\n/.tgraph/\n' >.gitignore
file Testfile.lua <<'END'
use("ctest").project { inputs = {} }
END
file CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.19)
project(libraries C)
enable_testing()
add_library(one SHARED one.c)
add_library(two SHARED two.c)
add_executable(uses-one uses-one.c)
target_link_libraries(uses-one one)
add_executable(uses-two uses-two.c)
target_link_libraries(uses-two two)
add_executable(helper helper.c)
add_test(NAME uses-one COMMAND uses-one)
add_test(NAME uses-two COMMAND uses-two)
add_test(NAME script COMMAND sh ${CMAKE_SOURCE_DIR}/script.sh $<TARGET_FILE:helper>)
END
echo 'int one(void) { return 1; }' >one.c
echo 'int two(void) { return 2; }' >two.c
echo 'int one(void); int main(void) { return one() == 1 ? 0 : 1; }' >uses-one.c
echo 'int two(void); int main(void) { return two() == 2 ? 0 : 1; }' >uses-two.c
echo 'int main(void) { return 0; }' >helper.c
echo '"$1"' >script.sh
run
expect_status 0
expect_count passed 3
run
expect_ran
echo 'int two(void) { return 3; }' >two.c
run
expect_status 1
expect_ran compile uses-two
echo 'int two(void) { return 2; }' >two.c
run
expect_status 0
echo 'int main(void) { return 0; } int more = 1;' >helper.c
run
expect_status 0
expect_ran compile uses-one uses-two script
echo '"$1" again' >script.sh
run
expect_status 0
expect_ran compile configure script

describe "a header outside the repository"
repo outside
printf '/build/\n/.tgraph/\n' >.gitignore
echo 'use("ctest").project {}' >Testfile.lua
echo '#define VALUE 0' >"$work/value.h"
echo '#include <value.h>
int main(void) { return VALUE; }' >value.c
file CMakeLists.txt <<END
cmake_minimum_required(VERSION 3.19)
project(outside C)
enable_testing()
add_executable(value value.c)
target_include_directories(value PRIVATE $work)
add_test(NAME value COMMAND value)
END
run
expect_status 0
echo '#define VALUE 1' >"$work/value.h"
run
expect_status 1
expect_outcome value failed

describe "a build folder that was deleted, and a file of it"
echo '#define VALUE 0' >"$work/value.h"
run
expect_status 0
rm build/value
run
expect_status 0
rm -rf build
run --force
expect_status 0
expect_count passed 1
