#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
# tgraph bisect: the case after which another one fails.
. "$(dirname "$0")/../lib.sh"

# A case's data say after which others it fails: {"after": ["a1", "a2"]} after all of these; {"fails": true} always;
# {"script": "pf"}: as the letters of ../script say, one for each time that it is served anywhere, then the last one again;
# {"hang": true}; {"needs": "FILE"}: fails without it; {"dies": true}: its worker ends.
file w.py <<'END'
import json, os, sys, time
source = os.fdopen(int(os.environ["TGRAPH_WORKER_IN"]), "rb")
target = int(os.environ["TGRAPH_WORKER_OUT"])
def send(**message):
    os.write(target, (json.dumps(message) + "\n").encode())
def mark(name, text):
    fd = os.open("../" + name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(fd, (text + "\n").encode())
    os.close(fd)
mark("starts", str(os.getpid()))
seen = []
for line in source:
    m = json.loads(line)
    if m["type"] == "hello":
        send(type="ready", protocol=1)
    elif m["type"] == "exit":
        sys.exit(0)
    elif m["type"] == "run":
        d, outcome = m.get("data") or {}, "passed"
        mark("served", "%s next=%s" % (m["case"], m["next"]))
        print("log of", m["case"], flush=True)
        if "after" in d and all(a in seen for a in d["after"]) or d.get("fails"):
            outcome = "failed"
        if "needs" in d and not os.path.exists(d["needs"]):
            outcome = "failed"
        if "script" in d:
            mark("times", "x")
            at = len(open("../times").read().split()) - 1
            outcome = "failed" if (d["script"] + d["script"][-1] * at)[at] == "f" else "passed"
        if d.get("dies"):
            os._exit(3)
        if d.get("hang"):
            mark("hangs", "x")
            time.sleep(60)
        seen.append(m["case"])
        send(type="done", id=m["id"], outcome=outcome, message="told so" if outcome == "failed" else "")
END
cat >"$work/head.lua" <<'END'
local function unit(name, ids, extra)
  local s = { worker = { "python3", "w.py" }, inputs = { "w.py" }, order = "group", cases = {} }
  for k, v in pairs(extra or {}) do s[k] = v end
  for i, c in ipairs(ids) do
    if type(c) == "string" then c = { id = c } end
    c.group = "g"
    s.cases[i] = c
  end
  suite(name)(s)
end
END
testfile() { # the declarations are standard input
    { cat "$work/head.lua"; cat; } >Testfile.lua
    rm -f "$work/starts" "$work/served" "$work/times"
}
fresh() { # the same, and nothing is known of it
    rm -rf .tgraph "$TGRAPH_CACHE_DIR"
    testfile
}
lines() { if [ -e "$1" ]; then wc -l <"$1" | tr -d ' '; else echo 0; fi; }
starts() { lines "$work/starts"; }
expect_starts() { same "workers started: $1" "$1" "$(starts)"; rm -f "$work/starts"; }
states() { "$TGRAPH" list --json --keys 'unit#*' 2>/dev/null; }
bisect() { # ARGS: and that nothing changed what is known of the cases
    before=$(states)
    rm -f "$work/starts" "$work/served"
    run_tgraph bisect "$@"
    same "nothing is known that was not before" "$before" "$(states)"
}
expect_found() { # what is on standard output
    cat >"$work/wanted"
    same "it finds" "$(cat "$work/wanted")" "$(cat "$out")"
    expect_status 0
}
orders() { find .tgraph -path '*/order/*' | wc -l | tr -d ' '; }

describe "a case that fails after another one"
testfile <<'END'
unit("unit", { "a", "c", "d", "e", { id = "b", data = { after = { "c" } } } })
END
run -j1
expect_status 1
expect_ran 'unit#a' 'unit#b' 'unit#c' 'unit#d' 'unit#e'
expect_err "told so; passes in a worker of its own: .tgraph bisect 'unit#b'. finds the case that it depends on"
same "its order is kept" 1 "$(orders)"
bisect 'unit#b'
expect_found <<'END'
unit#b fails after unit#c
END
expect_err '^trial 1: no cases before it: passes$'
expect_err '^trial 2: 4 cases before it: fails$'
expect_err "^see it again: tgraph bisect --after 'unit#c' 'unit#b'$"
same "a new worker for each trial" "$(grep -c '^trial' "$err")" "$(starts)"
bisect -q 'unit#b'
expect_found <<'END'
unit#b fails after unit#c
END
expect_no_err '^trial'

describe "the command that shows it again"
bisect --after 'unit#c' 'unit#b'
expect_status 0
expect_starts 1
same "one worker serves both" "c next=b
b next=None" "$(cat "$work/served")"
same "their logs" "log of c
log of b" "$(cat "$out")"
expect_err '^unit#b: failed in .*: told so$'
expect_err '^unit#b fails after unit#c$'
bisect --after 'unit#a' --after 'unit#d' 'unit#b'
expect_status 1
expect_err '^unit#b passes after them$'

describe "nothing of it is a result"
run
expect_ran 'unit#b'
expect_outcome 'unit#b' passed
same "it passed, first in its worker: no order is kept" 0 "$(orders)"
bisect 'unit#b'
expect_found <<'END'
unit#b fails after unit#c
END
run
expect_status 0
expect_ran

describe "without a kept order: what is declared before it"
expect_err 'clean'
bisect 'unit#b'
expect_err '^no order is kept in which unit#b failed: trying the 4 cases of its suite that are declared before it$'
expect_found <<'END'
unit#b fails after unit#c
END
bisect 'unit#a'
expect_status 1
expect_err '^no order is kept in which unit#a failed, and no case is declared before it'
expect_starts 0

describe "an edit that makes it dirty is not lost"
echo '# edited' >>w.py
bisect 'unit#b'
expect_status 0
run -j1
expect_ran 'unit#a' 'unit#b' 'unit#c' 'unit#d' 'unit#e'
expect_outcome 'unit#b' failed

describe "a damaged order"
for f in .tgraph/order/*; do echo more >>"$f"; done
bisect 'unit#b'
expect_err 'T615: line 9 of the kept order is one too many'
expect_err '^  hint: delete .*/.tgraph/order/'
expect_err '^no order is kept'
expect_found <<'END'
unit#b fails after unit#c
END

describe "cases that are gone"
run_tgraph --force -j1
testfile <<'END'
unit("unit", { "a", "c", { id = "b", data = { after = { "c" } } } })
END
bisect 'unit#b'
expect_err "^2 of the 4 cases that were served before it are no longer in suite 'unit'$"
expect_found <<'END'
unit#b fails after unit#c
END

describe "tgraph clean takes the orders with it, but not what was moved aside"
mkdir .tgraph/replaced
run_tgraph clean
expect_status 0
expect_no_file .tgraph/order
rmdir .tgraph/replaced

describe "a single case before it is named at once"
fresh <<'END'
unit("unit", { "a", { id = "b", data = { after = { "a" } } } })
END
run -j1
expect_err "told so; fails after unit#a, and passes in a worker of its own: .tgraph bisect --after 'unit#a' 'unit#b'. shows it"
bisect 'unit#b'
expect_found <<'END'
unit#b fails after unit#a
END
run_tgraph log 'unit#b'
expect_out '^log of b$'

describe "two are needed"
fresh <<'END'
unit("unit", { "c", "a1", "d", "e", "a2", "f", { id = "b", data = { after = { "a1", "a2" } } } })
END
run -j1
bisect 'unit#b'
expect_found <<'END'
unit#b fails after these 2 together, in this order:
  unit#a1
  unit#a2
END
expect_err "^see it again: tgraph bisect --after 'unit#a1' --after 'unit#a2' 'unit#b'$"
bisect --after 'unit#a1' --after 'unit#a2' 'unit#b'
expect_status 0

describe "retries are no cases before it"
fresh <<'END'
unit("unit", { "a", { id = "b", data = { after = { "a" } } } }, { retries = 2 })
END
run -j1
expect_err "fails after unit#a, and passes in a worker of its own"

describe "it fails alone too"
fresh <<'END'
unit("unit", { "a", { id = "b", data = { fails = true } } })
END
run -j1
expect_no_err 'passes in a worker of its own'
bisect 'unit#b'
expect_status 1
expect_silent_out
expect_err '^unit#b fails alone too: no case before it is to blame$'
expect_starts 1

describe "it fails at random"
fresh <<'END'
unit("unit", { "a", "c", { id = "b", data = { script = "fp" .. "pfpfp" .. "p" } } })
END
run -j1
expect_err 'passes in a worker of its own'
bisect 'unit#b'
expect_status 1
expect_silent_out
expect_err '^unit#b fails at random'

describe "it does not fail any more"
fresh <<'END'
unit("unit", { "a", "c", { id = "b", data = { script = "fp" } } })
END
run -j1
expect_err 'passes in a worker of its own'
bisect 'unit#b'
expect_status 1
expect_silent_out
expect_err '^unit#b does not fail after them any more: tried 3 times$'
expect_starts 4

describe "a worker that does not get so far"
fresh <<'END'
unit("unit", { "a", { id = "dies", data = { dies = true } }, "c", { id = "b", data = { after = { "a" } } } })
END
bisect 'unit#b'
expect_status 1
expect_err '^trial 2: 3 cases before it: the worker was of no more use after unit#dies$'

describe "a worker that does not start"
fresh <<'END'
suite "unit" { worker = "echo cannot >&2; exit 4", inputs = {}, cases = { "a", "b" } }
END
bisect 'unit#b'
expect_status 1
expect_silent_out
expect_err "^tgraph: unit#b cannot be tried: no worker of suite 'unit' can serve it: .*exit status 4"

describe "a worker that is not there"
fresh <<'END'
suite "unit" { worker = { "tgraph-no-such-program" }, inputs = {}, cases = { "a", "b" } }
END
bisect 'unit#b'
expect_status 1
expect_err "^tgraph: unit#b was not tried: 'tgraph-no-such-program' is not on PATH"

describe "interrupted"
fresh <<'END'
unit("unit", { { id = "a", data = { hang = true } }, { id = "b" } })
END
before=$(states)
env --default-signal=INT,QUIT "$TGRAPH" bisect 'unit#b' >"$out" 2>"$err" </dev/null &
pid=$!
wait_for "$work/hangs"
kill -INT "$pid"
finished
expect_status 130
expect_err 'interrupted: nothing was found'
wait_gone "$(tail -n 1 "$work/starts")"
report $? "its worker is gone"
same "nothing is known that was not before" "$before" "$(states)"

describe "odd ids"
fresh <<'END'
unit("unit", { "x", "it's $HOME \"now\"", "t.py::test_ü[a-1 *?]", { id = "-b \\ ;&", data = { after = { "it's $HOME \"now\"" } } } })
END
run -j1
expect_err 'passes in a worker of its own'
bisect 'unit#-b \ ;&'
expect_found <<'END'
unit#-b \ ;& fails after unit#it's $HOME "now"
END
again=$(sed -n 's/^see it again: tgraph //p' "$err")
eval "run_tgraph $again"
expect_status 0
expect_err '^unit#-b .* fails after unit#it'

describe "500 cases before it"
fresh <<'END'
local ids = {}
for i = 1, 500 do ids[i] = "c" .. i end
ids[501] = { id = "b", data = { after = { "c123" } } }
unit("unit", ids)
END
run -j1
expect_count failed 1
bisect 'unit#b'
expect_found <<'END'
unit#b fails after unit#c123
END
n=$(starts)
[ "$n" -ge 5 ] && [ "$n" -le 15 ]
report $? "few trials ($n)"

describe "what the cases need is made first, and is a result"
fresh <<'END'
build "made" { cmd = "echo made >>../ran; echo 1 >made.txt", outputs = { "made.txt" }, inputs = {} }
build "only_a" { cmd = "echo only_a >>../ran; echo 1 >a.txt", outputs = { "a.txt" }, inputs = {} }
service "up" { cmd = "touch ../up; trap 'rm ../up; exit 0' TERM; echo ready; while :; do sleep 0.1; done", inputs = {}, ready = { line = "ready" } }
unit("unit", { { id = "a", inputs = { "a.txt" }, data = { needs = "a.txt" } }, { id = "c", data = { needs = "../up" } }, { id = "b", data = { after = { "a" } } } },
  { deps = { "made", "up" } })
END
rm -f "$work/ran"
run_tgraph bisect 'unit#b'
expect_found <<'END'
unit#b fails after unit#a
END
expect_marks made only_a
expect_no_file "$work/up"
run 'unit#a'
expect_marks
run_tgraph bisect --after 'unit#a' --after 'unit#c' 'unit#b'
expect_status 0
expect_err '^unit#a: passed'
expect_err '^unit#c: passed'

describe "or fails"
fresh <<'END'
build "made" { cmd = "echo no >&2; exit 1", outputs = { "made.txt" }, inputs = {} }
unit("unit", { "a", { id = "b", data = { after = { "a" } } } }, { deps = { "made" } })
END
bisect 'unit#b'
expect_status 3
expect_silent_out
expect_err '^no$'
expect_err '^tgraph: unit#b was not tried: made did not pass$'
expect_starts 0

describe "cases from a discover step"
fresh <<'END'
suite "unit" { worker = { "python3", "w.py" }, inputs = { "w.py" }, order = "group", cases = discover {
  cmd = [[printf '{"id":"a","group":"g"}\n{"id":"b","group":"g","data":{"after":["a"]}}\n']], inputs = {} } }
END
run_tgraph bisect 'unit#b'
expect_found <<'END'
unit#b fails after unit#a
END

describe "what it cannot do"
fresh <<'END'
unit("unit", { "a", "b" }, { isolate = true })
unit("other", { "a" })
test "t" { cmd = "true" }
END
run_tgraph bisect
expect_status 2
expect_err 'T002: .tgraph bisect. takes one case'
run_tgraph bisect 'unit#a' 'unit#b'
expect_status 2
run_tgraph bisect unit
expect_status 2
expect_err "T002: 'unit' is no case of a suite, but a suite"
run_tgraph bisect t
expect_status 2
expect_err "T002: 't' is no case of a suite, but a test"
run_tgraph bisect 'unit#x'
expect_status 4
expect_err 'T010'
run_tgraph bisect 'unit#*'
expect_status 2
expect_err "names 2 targets"
run_tgraph bisect --after 'other#a' 'unit#b'
expect_status 2
expect_err 'T002: other#a and unit#b are of two suites'
run_tgraph bisect 'unit#b'
expect_status 1
expect_err '^every case of suite .unit. has a worker of its own'
