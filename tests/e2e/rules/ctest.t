#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

cp -R "$top/examples/ctest/." .

describe "a first run configures, builds and runs what ctest lists"
run
expect_status 0
expect_count passed 4
for t in area scale table no-table; do expect_outcome $t passed; done

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited test runs alone"
sed -i 's/{0, 4}/{0, 5}/' tests/test_area.c
run
expect_status 0
expect_ran compile area

describe "an edited source of the library runs those whose program came out different"
sed -i 's/r.width \* factor/factor * r.width + 0/' src/scale.c
run
expect_status 0
case "$(ran | tr '\n' ' ')" in
'compile ' | 'compile scale ') report 0 "at most scale ran" ;;
*) report 1 "at most scale ran" "ran: $(ran | tr '\n' ' ')" ;;
esac
echo 'int unused_anywhere = 3;' >>src/scale.c
run
expect_status 0
expect_ran compile scale

describe "a comment runs no test"
sed -i 's/return r.width/return \/* w *\/ r.width/' src/area.c
run
expect_status 0
expect_ran compile

describe "a data file"
echo '1 0' >>tests/data/shapes.txt
run
expect_status 1
expect_outcome table failed
cp "$top/examples/ctest/tests/data/shapes.txt" tests/data/
run
expect_status 0

describe "a new test is found without being asked for"
sed -i 's/add_test(NAME area.*/&\nadd_test(NAME area-again COMMAND test_area)/' CMakeLists.txt
run
expect_status 0
expect_outcome area-again passed
run
expect_ran

describe "a build that fails"
echo 'int x = ;' >>src/area.c
run
expect_status 3
expect_outcome compile failed
cp "$top/examples/ctest/src/area.c" src/
run
expect_status 0
