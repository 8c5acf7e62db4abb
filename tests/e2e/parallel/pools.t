#!/bin/sh
# SPDX-License-Identifier: MIT
# Pools, slots and exclusive resources bound what runs side by side.
. "$(dirname "$0")/../lib.sh"

# Each command notes its beginning and end; the largest number between is what ran side by side.
file note.sh <<'END'
echo "+$1" >>"$TGRAPH_ROOT/../trace"
sleep 0.1
echo "-$1" >>"$TGRAPH_ROOT/../trace"
END
side_by_side() { # PATTERN: most at once of those that match
    awk -v p="$1" '$0 ~ p { if (/^\+/) n++; else n--; if (n > max) max = n } END { print max + 0 }' ../trace
}
file Testfile.lua <<'END'
pool "db" { slots = 1 }
pool "two" { slots = 2 }
for i = 1, 4 do
  test("db" .. i) { cmd = { "sh", "note.sh", "db" }, inputs = { "note.sh" }, pool = "db" }
  test("two" .. i) { cmd = { "sh", "note.sh", "two" }, inputs = { "note.sh" }, pool = "two" }
end
for i = 1, 3 do
  test("x" .. i) { cmd = { "sh", "note.sh", "x" }, inputs = { "note.sh" }, exclusive = { "port-80" } }
end
test "alone" { cmd = { "sh", "note.sh", "alone" }, inputs = { "note.sh" }, exclusive = true }
for i = 1, 3 do
  test("wide" .. i) { cmd = { "sh", "note.sh", "wide" }, inputs = { "note.sh" }, slots = 5 }
end
END

describe "with eight jobs"
run -j 8
expect_status 0
same "in the pool of one" 1 "$(side_by_side db)"
same "in the pool of two" 2 "$(side_by_side two)"
same "with one resource" 1 "$(side_by_side x)"
same "of those that take five of eight slots" 1 "$(side_by_side wide)"
same "alone" 1 "$(awk '/^\+alone/ { n0 = n } { if (/^\+/) n++; else n--; if (alone && !/alone/) bad = 1 } /^\+alone/ { alone = 1; if (n != 1) bad = 1 } /^-alone/ { alone = 0 } END { print bad ? 0 : 1 }' ../trace)"
most=$(side_by_side .)
[ "$most" -ge 3 ] && [ "$most" -le 8 ]
report $? "side by side at most: $most"

describe "with one job"
rm ../trace
run -j 1 --force
expect_status 0
same "side by side" 1 "$(side_by_side .)"

describe "a pool is not in the key"
sed -i 's/slots = 2/slots = 3/' Testfile.lua
run
expect_ran

describe "a pool that is not there"
sed -i 's/pool = "two"/pool = "tow"/' Testfile.lua
run_tgraph
expect_status 2
expect_err 'tow'
expect_err 'two'
