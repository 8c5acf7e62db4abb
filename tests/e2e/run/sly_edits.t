#!/bin/sh
# SPDX-License-Identifier: MIT
# Edits that hide from time stamps and sizes, or that come through links: each must run the test.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo t >>../ran; cat a b", inputs = { "a", "b" } }
test "link" { cmd = "echo link >>../ran; cat via", inputs = { "via" } }
test "dir" { cmd = "echo dir >>../ran; cat d/*", inputs = { "d" } }
END
echo 1111 >a
echo 2222 >b
mkdir d
echo 1 >d/x
mkdir real
echo 1 >real/file
ln -s real/file via
touch -d '2020-01-01 00:00:00' a b
run
expect_status 0
expect_marks t link dir

describe "the same size and the old time stamp"
echo 3333 >a
touch -d '2020-01-01 00:00:00' a
run
expect_marks t

describe "two files of the same size and time stamp change places"
mv a c && mv b a && mv c b
run
expect_marks t

describe "an older file moved over a newer one"
echo 4444 >../old
touch -d '2019-01-01 00:00:00' ../old
mv ../old a
run
expect_marks t

describe "written through a hard link of another name"
ln a ../hard
echo 5555 >../hard
run
expect_marks t

describe "written in place through a memory map, the time stamp put back"
python3 - <<'END'
import mmap, os
st = os.stat("a")
with open("a", "r+b") as f:
    with mmap.mmap(f.fileno(), 0) as m:
        m[0:4] = b"6666"
os.utime("a", ns=(st.st_atime_ns, st.st_mtime_ns))
END
run
expect_marks t

describe "many edits within a tick of the clock"
for i in 1 2 3 4 5 6 7 8 9; do
    echo "777$i" >a
    run
    expect_marks t
done

describe "the file behind a link"
echo 2 >real/file
run
expect_marks link

describe "the link leads elsewhere"
echo 3 >real/other
ln -sfn real/other via
run
expect_marks link

describe "a link becomes a file with the same content"
rm via
echo 3 >via
run
expect_marks link

describe "a file becomes a folder with a file in it, and back"
rm d/x
mkdir d/x
echo 1 >d/x/y
run
expect_marks dir
rm -r d/x
echo 1 >d/x
run
# That is known to pass.
expect_marks

describe "an input that is gone is an error, not a skip"
rm a
run
expect_status 2
expect_err '[^a-z]a[^a-z]'
expect_marks
echo 1111 >a
echo 2222 >b
run
expect_status 0

describe "git operations that put old content under new time stamps"
git -c user.name=n -c user.email=e add -A
git -c user.name=n -c user.email=e commit -qm one
run
expect_ran
echo 8888 >a
git -c user.name=n -c user.email=e commit -qam two
run
expect_ran t
git checkout -q HEAD~1
run
expect_ran
git checkout -q -
run
expect_ran
rm -f ../ran
