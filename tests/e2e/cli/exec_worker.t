#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

engine=$top/tests/e2e/cli/exec_worker_engine.py
mkdir "$work/private"
# A worker serves the cases on standard input; what it answers is in $out, the cases' own output too, on standard error.
serve() { # ARGS of exec-worker
    WORKER_TMP=$work/private python3 "$engine" "$TGRAPH" exec-worker "$@" >"$work/all" 2>"$err"
    status=$?
    cp "$work/all" "$out"
}
expect_answers() { # standard input, whole
    cat >"$work/expected"
    same "it answers" "$(cat "$work/expected")" "$(cat "$out")"
}

describe "the exit status"
serve -- sh -c <<'END'
{"cmd": ["true"]}
{"cmd": ["exit 3"]}
{"cmd": ["exit 3"], "success_codes": [0, 3]}
{"cmd": ["exit 77"], "skip_codes": [77]}
{"skip": "not today"}
END
expect_answers <<'END'
passed||
failed|exit status 3|
passed||
skipped|exit status 77|
skipped|not today|
exit 0
END

describe "a command of the case alone, its folder and its environment"
mkdir sub
script sub/here <<'END'
#!/bin/sh
pwd | sed 's,.*/,,' >&2
echo "$ONE ${TWO-unset} $TGRAPH_ATTEMPT" >&2
env | grep TGRAPH_WORKER >&2
for fd in 3 4 5 6 7 8 9; do
    [ ! -e /proc/$$/fd/$fd ] || echo "descriptor $fd is open" >&2
done
END
TWO=2 serve <<'END'
{"cmd": ["./here"], "cwd": "sub", "env": {"ONE": "1", "TWO": null}}
END
expect_answers <<'END'
passed||
exit 0
END
same "it sees" "sub
1 unset 1" "$(cat "$err")"

describe "each case has a private folder of its own"
serve -- sh -c <<'END'
{"cmd": ["[ \"$TMPDIR\" = \"$TGRAPH_TMPDIR\" ] && [ -z \"$(ls \"$TMPDIR\")\" ] && touch \"$TMPDIR/x\""]}
{"cmd": ["[ \"$TMPDIR\" = \"$TGRAPH_TMPDIR\" ] && [ -z \"$(ls \"$TMPDIR\")\" ] && touch \"$TMPDIR/x\""]}
END
expect_answers <<'END'
passed||
passed||
exit 0
END
same "nothing is left" "" "$(ls "$work/private")"

describe "TAP: the results within, and the output as it came"
serve --format tap -- sh -c <<'END'
{"cmd": ["printf '1..2\\nok 1 - a\\nnot ok 2 - b\\n'; echo oops >&2"]}
{"cmd": ["printf '1..1\\nok 1 - a\\n'; exit 2"]}
{"cmd": ["printf '1..2\\nok 1 - a\\n'"]}
{"cmd": ["echo hello"]}
{"cmd": ["echo hello"], "format": "exit"}
END
expect_answers <<'END'
1..2
ok 1 - a
not ok 2 - b
failed|b|a=passed,b=failed
1..1
ok 1 - a
failed|exit status 2, though no test of it failed (1)|a=passed
1..2
ok 1 - a
failed|planned 2, ran 1|a=passed
hello
error|it wrote no TAP: neither a plan (1..N) nor a test point|
hello
passed||
exit 0
END
expect_err '^oops$'

describe "JUnit XML: never that of an earlier run, nor none"
# shellcheck disable=SC2016 # exec-worker puts the folder's name there
serve --format junit --junit-file '$TGRAPH_TMPDIR/r.xml' -- sh -c <<'END'
{"cmd": ["echo '<testsuite><testcase name=\"a\"/></testsuite>' >$TGRAPH_TMPDIR/r.xml"]}
{"cmd": ["echo '<testsuite><testcase name=\"a\"><failure message=\"no\"/></testcase></testsuite>' >\"$0\"", "$TGRAPH_TMPDIR/r.xml"]}
{"cmd": ["echo '<testsuite><testcase name=\"a\"/></testsuite>' >out.xml"], "junit": "out.xml"}
{"cmd": ["true"], "junit": "out.xml"}
{"cmd": ["exit 1"], "junit": "out.xml"}
{"cmd": ["echo '<testsuite>' >out.xml"], "junit": "out.xml"}
{"cmd": ["true"], "junit": "sub/here"}
{"cmd": ["for n in a b; do echo \"<testsuite><testcase name='$n'/></testsuite>\" >reports/$n.xml; done"], "junit": "reports/"}
{"cmd": ["echo '<testsuite><testcase name=\"c\"><failure/></testcase></testsuite>' >reports/c.xml"], "junit": "reports/"}
{"cmd": ["true"], "junit": "reports/"}
END
expect_answers <<END
passed||a=passed
failed|a: no|a=failed
passed||a=passed
error|$work/repo/out.xml: it was not written|
failed|exit status 1; $work/repo/out.xml: it was not written|
error|$work/repo/out.xml: line 2: no element found|
error|the file for JUnit XML, $work/repo/sub/here, does not end in .xml (or in /, as a folder of such files)|
passed||a=passed,b=passed
failed|c|c=failed
error|$work/repo/reports/: no .xml file was written there|
exit 0
END
[ -x sub/here ]
report $? "a file that is no XML is not deleted"

describe "go test -json is shown as go test would"
serve --format go -- sh -c <<'END'
{"cmd": ["echo '{\"Action\":\"run\",\"Package\":\"p\",\"Test\":\"T\"}'; printf '%s\\n' '{\"Action\":\"output\",\"Package\":\"p\",\"Test\":\"T\",\"Output\":\"hello\\n\"}'; echo '{\"Action\":\"pass\",\"Package\":\"p\",\"Test\":\"T\"}'; echo '{\"Action\":\"pass\",\"Package\":\"p\"}'"]}
END
expect_answers <<'END'
hello
passed||T=passed
exit 0
END

describe "a crash stays a crash, and says how far it came"
serve --format tap -- sh -c <<'END'
{"cmd": ["printf '1..2\\nok 1 - a\\n'; kill -SEGV $$"]}
{"cmd": ["printf '1..1\\nok 1 - a\\n'"]}
END
expect_answers <<'END'
1..2
ok 1 - a
signal 11
1..1
ok 1 - a
passed||a=passed
exit 0
END
expect_err 'ended by SIGSEGV .* after 1 result, the last: a$'

describe "what cannot be run, and data that says it wrongly"
serve <<'END'
{"cmd": ["no-such-program-anywhere"]}
{"cmd": ["./missing"]}
null
[1]
{"cmd": "true"}
{"cmd": ["true"], "formt": 1}
{"cmd": ["true"], "success_codes": [256]}
{"cmd": ["true"], "format": "xml"}
{"cmd": ["true"], "env": {"A": 1}}
{"cmd": ["true"], "format": "junit"}
END
expect_answers <<END
error|cannot run no-such-program-anywhere: there is no such program on PATH|
error|cannot run $work/repo/./missing: there is no such file|
error|there is nothing to run: neither a command after -- nor 'cmd' in the case's data|
error|the case's data is not an object|
error|the case's data: 'cmd' is not a list of strings|
error|the case's data: unknown member 'formt', did you mean 'format'?|
error|the case's data: 'success_codes' is not a list of numbers from 0 to 255|
error|the case's data: 'format' is none of exit, tap, junit, go and libtest|
error|the case's data: 'env' is not an object of strings (null takes a variable away)|
error|the format is junit, but neither --junit-file nor the case's 'junit' names the file|
exit 0
END

describe "told to end in the middle of a case, it takes the case's process group with it"
for how in exit eof term; do
    rm -f pid child
    printf '%s\n%s\n' '{"cmd": ["sleep 600 & echo $! >child; echo $$ >pid.new; mv pid.new pid; wait"]}' "!pid $how" >cases
    serve -- sh -c <cases
    case $how in term) expected='exit 143' ;; *) expected='exit 0' ;; esac
    same "$how" "$expected" "$(cat "$out")"
    for p in pid child; do
        wait_gone "$(cat $p)"
        report $? "$how: its $p is gone"
    done
done

describe "a child of it that stays behind is ended and named"
serve -- sh -c <<'END'
{"cmd": ["sleep 600 >/dev/null 2>&1 &"]}
END
expect_out '^passed\|left-over processes, ended now: sleep \([0-9]+\)\|$'

describe "started by hand it says what it is for"
run_tgraph exec-worker -- true
expect_status 2
expect_err 'exec-worker serves the cases of a suite'
run_tgraph --help
expect_no_out 'exec-worker'
run_tgraph exec-worker --help
expect_out '--junit-file FILE'

describe "it judges TAP as rules/tap.lua does"
file Testfile.lua <<'END'
local tap = use "tap"
for _, path in ipairs(glob("*.tap")) do
  test(path) { cmd = tap.command { "cat", path }, tools = tap.tools, inputs = { path } }
end
END
file streams <<'END'
1..2\nok 1 - a\nok 2\n
ok 1\nok 2\n1..2
TAP version 13\n1..1\nok 1\n
TAP version 15\n1..1\nok 1\n
ok 1\n1..2\nok 2\n
1..1\nnot ok 1 - a \\# TODO later\n
1..1\nnot ok 1 - a \\\\# TODO later\n
1..1\nnot ok 1 - a # todo\n
1..1\nnot ok 1 - a # TODOS\n
1..1x\nok 1\n
1..1 # comment\nok 1\n
1..2\nok 1\nok 1\n
1..1\nok 1\n1..1\n
1..0 # SKIP\n
1..0\nok 1\n
ok 1\n
nothing\n
1..1\nok 3d rendering\n
1..1\nok 3 rendering\n
1..1\nokay\n
1..1\nok 1\nBail out!\n
1..1\n    bail out! now\nok 1\n
1..1\n  bail out! now\nok 1\n
1..1\n    not ok 1 - inner\nok 1 - outer\n
1..1\n    not ok 1 - inner # TODO\nok 1 - outer\n
1..1\n    not ok 1 - inner\nnot ok 1 - outer # TODO\n
1..1\nok 1 - outer\n    not ok 1 - inner\n
1..1\n  not ok 1 - text\nok 1\n
1..1\nok 1\n  ---\n    not ok 1 - text\n    Bail out!\n  ...\n
1..2\nok 1\n  ---\n  a: 1\nok 2\n
1..2\nok 1\n  ---\n  a: 1\nnot ok 2\n
pragma +strict\n1..1\nok 1\nhello\n
pragma +strict\n1..1\n# a\n\nok 1\n
hello\n1..1\nok 1\n
1..2\r\nok 1\r\nnot ok 2 # TODO\r\n
END
n=0
: >cases
while IFS= read -r text; do
    n=$((n + 1))
    # shellcheck disable=SC2059 # it is a format
    printf "$text" >"$n.tap"
    echo "{\"cmd\": [\"$n.tap\"]}" >>cases
done <streams
serve --format tap -- cat <cases
grep -Eo '(passed|failed|error|skipped)\|' "$out" | sed 's/|//; s/error/failed/; s/skipped/passed/' | nl >"$work/ours"
run
for i in $(seq "$n"); do
    sed -n '/"target_finished"/{/"target": \{0,1\}"'"$i"'.tap"/s/.*"outcome": \{0,1\}"\([a-z_]*\)".*/\1/p}' "$events"
done | nl >"$work/theirs"
same "the same on $n streams" "$(cat "$work/theirs")" "$(cat "$work/ours")"
same "so many of which pass" 17 "$(grep -c passed "$work/ours")"
