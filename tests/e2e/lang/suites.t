#!/bin/sh
# SPDX-License-Identifier: MIT
# A suite whose cases a discover step lists: when it is run, when its list is read, and what a list that is old, gone
# or broken leads to.
. "$(dirname "$0")/../lib.sh"

# It passes a case, leaves a mark, and knows nothing else.
file worker.py <<'END'
import json, os
inp = os.fdopen(int(os.environ["TGRAPH_WORKER_IN"]))
out = os.fdopen(int(os.environ["TGRAPH_WORKER_OUT"]), "w")
def say(**m):
    out.write(json.dumps(m) + "\n")
    out.flush()
for line in inp:
    m = json.loads(line)
    if m["type"] == "hello":
        say(type="ready", protocol=1, name="test")
    elif m["type"] == "run":
        with open("../ran", "a") as f:
            f.write(m["case"] + json.dumps(m.get("data", "")).replace(" ", "") + "\n")
        say(type="done", id=m["id"], outcome="passed")
    elif m["type"] == "exit":
        break
END
file list.py <<'END'
import glob, json
open("../ran", "a").write("list\n")
for path in sorted(glob.glob("t/*.txt")):
    text = open(path).read().strip()
    print(text if text.startswith("!") else json.dumps({"id": path, "inputs": [path], "data": {"n": len(text)}}))
END
file Testfile.lua <<'END'
suite "s" {
  worker = { "python3", "worker.py" },
  inputs = { "worker.py" },
  cases = discover { cmd = { "python3", "list.py" }, inputs = { "list.py", "t/*.txt" } },
}
END
file .gitignore <<'END'
/gone
END
mkdir t
echo a >t/a.txt
echo bb >t/b.txt

describe "before anything ran, list says that the cases are not known"
run_tgraph list
expect_status 0
expect_out '^s .*dirty +its cases are not known'

describe "cold: the cases are listed and run"
run
expect_status 0
expect_ran s.discover 's#t/a.txt' 's#t/b.txt'
expect_marks list 't/a.txt{"n":1}' 't/b.txt{"n":2}'
run_tgraph list --json
expect_out '"target":"s#t/a.txt","kind":"case","state":"clean"'

describe "nothing changed: no process"
run
expect_ran
expect_marks

describe "a file changed: the list is made anew, and its case runs"
settle
echo cc >t/a.txt
run
expect_marks list 't/a.txt{"n":2}'

describe "a file is new"
echo d >t/c.txt
run
expect_marks list 't/c.txt{"n":1}'

describe "a file is gone: an old list is no error"
rm t/b.txt
run_tgraph list
expect_status 0
run
expect_status 0
expect_marks list
run_tgraph list --json
expect_no_out 'b\.txt'

describe "the list is gone: it comes back"
rm -r .tgraph/cases
run
expect_status 0
expect_marks

describe "somebody broke the list: it comes back"
echo '{"id":' >.tgraph/cases/s.jsonl
run_tgraph list
expect_err '^\.tgraph/cases/s\.jsonl:1:[0-9]+: warning T218: the cases of suite .s. are not known: the line ends within the case'
expect_err 'python3 list\.py. wrote it .target .s\.discover'
expect_out '^s .*dirty +its cases are not known'
run
expect_status 0
expect_marks
run_tgraph list
expect_no_err T218

describe "the command writes what is no list: the run fails, whatever is asked for, and again"
echo '!' >t/a.txt
for args in '' '--failed' "s" "'s*'" '--since HEAD'; do
    [ -n "$args" ] || { git add -A && git -c user.name=t -c user.email=t@t commit -q -m t; }
    eval "run $args"
    expect_status 3
    expect_event 'T612'
done
expect_marks list

describe "mended: it is listed and run"
echo e >t/a.txt
run
expect_status 0
expect_marks list 't/a.txt{"n":1}'

describe "a discover step that fails fails the run, and is run again"
echo 'raise SystemExit(1)' >>list.py
run
expect_status 3
rm -f ../ran
run
expect_status 3
expect_marks list
sed -i '$d' list.py
run
expect_status 0

describe "a case of a list that names what is not there runs again when it is"
file Testfile.lua <<'END'
suite "s" {
  worker = { "python3", "worker.py" },
  inputs = { "worker.py" },
  cases = discover { cmd = [[echo '{"id":"a","inputs":["gone"]}']], inputs = {} },
}
END
rm -f ../ran
run
expect_status 0
expect_marks 'a""'
run
expect_status 0
expect_marks
echo x >gone
run
expect_status 0
expect_marks 'a""'

describe "cases of a list in the Testfile"
file Testfile.lua <<'END'
suite "s" {
  worker = { "python3", "worker.py" },
  inputs = { "worker.py" },
  cases = { "a", { id = "b", data = { x = 1 }, tags = "slow" } },
}
END
rm -f ../ran
run
expect_status 0
expect_ran 's#a' 's#b'
expect_marks 'a""' 'b{"x":1}'
run --force --tag slow
expect_ran 's#b'
rm -f ../ran

describe "an error in a case stands at its place"
file Testfile.lua <<'END'
suite "s" {
  worker = { "python3", "worker.py" },
  inputs = {},
  cases = { "a", "b",
    { id = "a" } },
}
END
run
expect_status 2
expect_err "^Testfile.lua:4:13: error T204: case 'a' of suite 's' is there twice: as item 1 and as item 3"
