#!/bin/sh
# SPDX-License-Identifier: MIT
# File names with spaces, quotes, newlines and bytes that are no UTF-8; a text with each kind of end.
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
test "t" { cmd = "echo t >>../ran", inputs = { "in/**" } }
END
mkdir in
echo 1 >"in/with space"
echo 1 >"in/quote\"'"
echo 1 >"in/new
line"
printf 1 >"in/$(printf 'latin\351')"
echo 1 >in/-rf
echo 1 >'in/*'

describe "cold and unchanged"
run
expect_status 0
expect_marks t
run
expect_ran

describe "each of them counts"
for f in in/*; do
    echo 2 >>"$f"
    run
    expect_status 0
    expect_marks t
    python3 -c 'import json,sys
for line in open(sys.argv[1], "rb"): json.loads(line.decode("utf-8"))' "$events"
    report $? "the events are JSON in UTF-8"
done
