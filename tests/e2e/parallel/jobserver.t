#!/bin/sh
# SPDX-License-Identifier: MIT
# GNU make's jobserver: as a client tgraph takes no more than make gives, as a server it gives its own slots.
. "$(dirname "$0")/../lib.sh"

file note.sh <<'END'
echo "+$1" >>"$TRACE"
sleep 0.1
echo "-$1" >>"$TRACE"
END
side_by_side() { awk '{ if (/^\+/) n++; else n--; if (n > max) max = n } END { print max + 0 }' ../trace; }

describe "client: below make -j2 two at most, though -j is not given"
file Testfile.lua <<'END'
for i = 1, 6 do
  test("t" .. i) { cmd = { "sh", "note.sh", "t" }, inputs = { "note.sh" }, env = { TRACE = "../trace" } }
end
END
file Makefile <<'END'
all: a b
a:
	+$(TGRAPH) -q --force
b:
	sh note.sh make
	sh note.sh make
	sh note.sh make
END
export TGRAPH
TRACE=../trace make -j2 >"$out" 2>"$err" </dev/null
same "make's status" 0 "$?"
[ "$(side_by_side)" -le 2 ]
report $? "two at most: $(side_by_side)"
same "all ran" 9 "$(grep -c '^+' ../trace)"

describe "all tokens go back"
file Makefile <<'END'
all: first second
first:
	+$(TGRAPH) -q --force
second: s1 s2 s3 s4
s1 s2 s3 s4: first
	sh note.sh $@
END
rm ../trace
TRACE=../trace make -j3 >"$out" 2>"$err" </dev/null
same "make's status" 0 "$?"
expect_no_err 'jobserver'
expect_no_err 'INTERNAL'

describe "server: a make below takes part of -j 2"
rm -f ../trace
file sub.mk <<'END'
all: 1 2 3 4 5 6
1 2 3 4 5 6:
	@sh note.sh m$@
END
file Testfile.lua <<'END'
test "make" { cmd = { "make", "-f", "sub.mk" }, inputs = { "sub.mk", "note.sh" }, env = { TRACE = "../trace" }, jobserver = true }
test "make2" { cmd = { "make", "-f", "sub.mk" }, inputs = { "sub.mk", "note.sh" }, env = { TRACE = "../trace" }, jobserver = true }
END
unset TRACE
run -j 3
expect_status 0
same "all ran" 12 "$(grep -c '^+' ../trace)"
most=$(side_by_side)
[ "$most" -le 3 ]
report $? "three at most: $most"
[ "$most" -ge 2 ]
report $? "more than one: $most"
