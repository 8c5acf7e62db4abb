#!/bin/sh
# SPDX-License-Identifier: MIT
# How a case can end: each way is told for that case alone, and only a pass is kept.
. "$(dirname "$0")/lib.sh"

describe "one of each"
file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, retries = 1, case_timeout = 30,
  cases = {
    { id = "pass", data = { ["do"] = "print all is well, pass" } },
    { id = "skip", data = { ["do"] = "skip no such device" } },
    { id = "xfail", data = { ["do"] = "xfail known" } },
    { id = "xpass", data = { ["do"] = "xpass" } },
    { id = "fail", data = { ["do"] = "print it prints, details it explains, fail it says" } },
    { id = "error", data = { ["do"] = "error no fixture" } },
    { id = "flaky", data = { ["do"] = "flaky 2" } },
    { id = "crash", data = { ["do"] = "print last words, crash" } },
    { id = "exit", data = { ["do"] = "exit 3" } },
    { id = "last" },
  },
}
END
run -j1
expect_status 1
expect_outcome s#pass passed
expect_outcome s#skip passed
expect_outcome s#xfail passed
expect_outcome s#xpass passed
expect_outcome s#fail failed
expect_outcome s#error error
expect_outcome s#flaky flaky
expect_outcome s#crash crashed
expect_outcome s#exit crashed
expect_outcome s#last passed
expect_count passed 5
expect_count failed 4
expect_count flaky 1
expect_event '"target": ?"s#skip".*"mark": ?"skipped"'
expect_event '"target": ?"s#fail".*"note": ?"it says'
expect_event '"target": ?"s#fail".*it prints'
expect_event '"target": ?"s#fail".*it explains'
expect_event '"target": ?"s#crash".*"signal": ?11'
expect_event '"target": ?"s#crash".*last words'
expect_event '"target": ?"s#exit".*"exit_code": ?3'
expect_err '1 .*skipped'
# The failed one came after others: it was tried once more in a worker of its own, to see whether it depends on them.
expect_marks crash crash error error exit exit fail fail fail flaky flaky last pass skip xfail xpass
same "passes that the worker knows of" "flaky last pass skip xfail xpass" \
    "$(sort "$work/passed" | tr '\n' ' ' | sed 's/ $//')"

describe "again: what did not pass"
run -j1
expect_status 1
expect_marks crash crash error error exit exit fail fail fail flaky flaky
expect_count cached 5
expect_event '"target": ?"s#skip".*"cached": ?true'
expect_event '"target": ?"s#skip".*"mark": ?"skipped"'
expect_err '1 .*skipped'

describe "time limits"
file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, case_timeout = 0.3,
  cases = {
    { id = "hang", data = { ["do"] = "print about to hang, hang" } },
    { id = "slow", timeout = 20, data = { ["do"] = "sleep 0.6" } },
    { id = "setup", timeout = 0.8, data = { ["do"] = "sleep 0.5, started, sleep 0.5" } },
    { id = "last" },
  },
}
END
rm -f "$work/starts"
run -j1
expect_status 1
expect_outcome s#hang timed_out
expect_event '"target": ?"s#hang".*about to hang'
expect_outcome s#slow passed
expect_outcome s#setup passed
expect_outcome s#last passed
expect_starts 2

describe "the time limit of the suite"
file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, timeout = 1, order = "any",
  cases = { { id = "a", group = "g", data = { v = 1 } }, { id = "b", group = "g", data = { ["do"] = "hang" } },
            { id = "c", group = "g", data = { v = 1 } } },
}
END
rm -f "$work/ran"
run -j1
expect_status 1
expect_outcome s#a passed
expect_outcome s#b timed_out
expect_outcome s#c timed_out
expect_marks a b

describe "the suite's time limit also where its worker was started while its cases were being listed"
file Testfile.lua <<'END'
suite "d" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, timeout = 1, case_timeout = 20,
  cases = discover { cmd = "sleep 0.3; echo '{\"id\": \"a\", \"data\": {\"do\": \"hang\"}}'", inputs = {}, tools = { "sleep" } },
}
END
rm -f "$work/ran" "$work/starts"
run -j2
expect_status 1
expect_outcome d#a timed_out
expect_event '"target": ?"d#a".*time limit of (1|0[.]9[0-9]*) s'
expect_starts 1
rm -f "$work/ran"

describe "a worker that never gets ready"
file Testfile.lua <<'END'
suite "s" { worker = { "./w.py" }, inputs = {}, env = { MARKS = "..", START = "hang" }, start_timeout = 0.3, cases = { "a", "b" } }
suite "t" { worker = { "./w.py" }, inputs = {}, env = { MARKS = "..", START = "error no database" }, cases = { "a", "b" } }
suite "u" { worker = { "./w.py" }, inputs = {}, env = { MARKS = "..", START = "exit 4" }, cases = { "a", "b" } }
suite "v" { worker = { "no-such-program" }, inputs = {}, cases = { "a", "b" } }
suite "w" { worker = { "true" }, inputs = {}, cases = { "a", "b" } }
END
run
[ "$status" != 0 ]
report $? "it fails"
for c in s#a s#b t#a t#b u#a u#b v#a v#b w#a w#b; do expect_outcome "$c" error; done
expect_event '"target": ?"t#a".*no database'
expect_event '"target": ?"u#a".*cannot start'
expect_event '"target": ?"v#a".*no-such-program'
expect_marks
expect_count passed 0

describe "results within a case"
file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = { { id = "a", data = { ["do"] = "subtests" } } },
}
END
run
expect_status 0
expect_event '"target": ?"s#a".*"subtests": ?\[.*"name": ?"one".*"two".*not equal.*"three"'

describe "a worker that breaks the protocol"
file Testfile.lua <<'END'
local cases = {}
for _, what in ipairs { "half", "garbage", "binary", "much", "other", "before", "unknown", "close" } do
  cases[#cases + 1] = { id = what, group = "g", data = { ["do"] = what } }
  cases[#cases + 1] = { id = "after " .. what, group = "g" }
end
suite "s" { worker = { "./w.py" }, inputs = {}, env = { "MARKS" }, cases = cases }
END
for j in 1 4; do
    rm -f "$work/ran" "$work/passed"
    run -j$j --force
    expect_status 1
    for what in half garbage binary much other before unknown close; do
        names "\"target\": ?\"s#$what\"" '"outcome": ?"(error|crashed)"' | grep -q .
        report $? "-j$j: $what is no pass"
        expect_outcome "s#after $what" passed
    done
    expect_count failed 8
    expect_count passed 8
done
run
expect_count ran 8
expect_count cached 8

describe "an answer twice: the second is for no case"
file Testfile.lua <<'END'
suite "s" {
  worker = { "./w.py" }, inputs = {}, env = { "MARKS" },
  cases = { { id = "a", group = "g", data = { ["do"] = "twice" } }, { id = "b", group = "g" }, { id = "c", group = "g" } },
}
END
run -j1
expect_outcome s#c passed
same "told" "s#a s#b s#c" "$(names | tr '\n' ' ' | sed 's/ $//')"
