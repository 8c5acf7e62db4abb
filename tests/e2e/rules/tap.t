#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
local tap = use "tap"
for _, path in ipairs(glob("*.tap")) do
  test(path) { cmd = tap.command { "sh", path }, tools = tap.tools, inputs = { path } }
end
END
case_() { # NAME OUTCOME: the program is standard input
    file "$1.tap"
    echo "$1.tap $2" >>"$work/expected"
}

case_ plain passed <<'END'
printf '1..2\nok 1 - a\nok 2\n'
END
case_ plan-last passed <<'END'
printf 'TAP version 13\nok 1 - a\nok 2\n1..2'
END
case_ not-ok failed <<'END'
printf '1..2\nok 1 - a\nnot ok 2 - b\n'
END
case_ todo passed <<'END'
printf '1..2\nnot ok 1 - a # TODO later\nnot ok 2 - b # skip\n'
END
case_ escaped-todo failed <<'END'
printf '1..1\nnot ok 1 - a \\# TODO later\n'
END
case_ no-plan failed <<'END'
printf 'ok 1 - a\n'
END
case_ silent failed <<'END'
true
END
case_ too-few failed <<'END'
printf '1..3\nok 1\nok 2\n'
END
case_ too-many failed <<'END'
printf '1..1\nok 1\nok 2\n'
END
case_ wrong-number failed <<'END'
printf '1..2\nok 1\nok 1\n'
END
case_ two-plans failed <<'END'
printf '1..1\nok 1\n1..1\n'
END
case_ all-skipped passed <<'END'
printf '1..0 # SKIP no network\n'
END
case_ bails-out failed <<'END'
printf '1..1\nok 1\nBail out! no disk\n'
END
case_ subtest passed <<'END'
printf '1..1\n    1..1\n    not ok 1 - inner # TODO later\nok 1 - outer\n'
END
case_ status failed <<'END'
printf '1..1\nok 1\n'
exit 3
END
case_ signal crashed <<'END'
printf '1..1\nok 1\n'
kill -SEGV $$
END

describe "a test passes if TAP says so"
run
expect_status 1
while read -r name outcome; do
    expect_outcome "$name" "$outcome"
done <"$work/expected"

describe "the output is passed on as it came, and the message says why"
run_tgraph log not-ok.tap
expect_out '^not ok 2 - b$'
expect_out 'tap: not ok 2 - b'
run_tgraph log too-few.tap
expect_out 'tap: planned 3, ran 2'
