#!/bin/sh
# SPDX-License-Identifier: MIT
# What runs the first time, what does not run the second time, and what one edit makes dirty.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "a" { cmd = "echo a >>../ran; cat a.txt shared.txt", inputs = { "a.txt", "shared.txt" } }
test "b" { cmd = { "/bin/sh", "-c", "echo b >>../ran" }, inputs = { "b.txt", "shared.txt" } }
test "c" { cmd = "echo c >>../ran", inputs = {} }
END
echo 1 >a.txt
echo 1 >b.txt
echo 1 >shared.txt

describe "cold"
run
expect_status 0
expect_ran a b c
expect_marks a b c
expect_count ran 3
expect_count passed 3

describe "nothing changed"
run
expect_status 0
expect_ran
expect_cached a b c
expect_marks
expect_count ran 0
expect_count cached 3

describe "one file edited"
echo 2 >a.txt
run
expect_ran a
expect_marks a
expect_reason a 'a\.txt'

describe "a shared file edited"
echo 2 >shared.txt
run
expect_ran a b
expect_marks a b

describe "touched, but the content is the same"
touch a.txt b.txt shared.txt
run
expect_ran
expect_marks

describe "edited and edited back: both keys are known"
echo 3 >a.txt
run
expect_ran a
echo 2 >a.txt
run
expect_ran
echo 3 >a.txt
run
expect_ran
rm -f ../ran

describe "same size, same second"
for content in 4 5 6 7 8; do
    echo $content >b.txt
    run
    expect_marks b
done

describe "the command itself is edited"
sed -i 's/echo c /echo  c /' Testfile.lua
run
expect_ran c
expect_marks c

describe "a comment in the Testfile changes nothing"
echo '-- a remark' >>Testfile.lua
run
expect_ran
expect_marks

describe "the mode of a file counts"
chmod +x b.txt
run
expect_ran b
rm -f ../ran

describe "another clone of the same content shares the results"
cp -r . ../copy
cd ../copy || exit 1
rm -rf .tgraph
run
expect_ran
expect_cached a b c
