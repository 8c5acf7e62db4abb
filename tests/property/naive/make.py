# SPDX-License-Identifier: MIT
"""Random repositories: files, tools and targets, all from one random.Random."""
from . import ops
from .spec import Spec, Target, entry_kind

WORDS = ["a", "b", "c", "d"]
TEXTS = ["src/a.txt", "src/b.txt", "src/c.txt", "src/x1.txt", "src/deep/d.txt", "src/deep/e.txt", "sub/m.txt",
         "sub/src/n.txt", "scratch/s.txt", "top.txt"]
NOISE = ["src/y.tmp", "src/z.log", "scratch/t.tmp", "src/deep/q.log", "sub/o.tmp"]
DATA = ["data/p.dat", "data/q.dat", "data/r.dat"]
INCLUDED = ["inc/x1.txt", "inc/x2.txt"]
OPTIONAL = ["src/b2.txt", "src/x2.txt", "src/deep/f.txt", "src/new/g.txt", "inc/x3.txt", "inc/x4.txt", "data/s.dat",
            "sub/src/k.txt", "scratch/u.txt", "extra/e1.txt", "src/y2.tmp", "sub/p.log", "data/deep/v.dat"]
IGNORES = ["*.tmp", "*.log", "scratch/", "out/", "/sub/out/", "!src/z.log", "src/*.tmp", "*.tm?", "data/q.dat", "data/[rs]*",
           "**/deep/*.dat", "data/**/v.dat", "# a comment", "!data/q.dat", "/src/deep/q.log", "sub/*.log"]

CHK = """#!{interpreter}
# {version}
echo "$2" >>"$1"; shift 2
cat /dev/null "$@" 2>/dev/null | grep -q {word} && exit 1
exit 0
"""
INTERPRETER = """#!/bin/sh
# {version}
exec /bin/sh "$@"
"""


def chk_text(interpreter, word="BAD", version=0):
    return CHK.format(interpreter=interpreter, word=word, version=version).encode()


def content(r, path=""):
    """A few lines "word number", now and then a word that makes some commands fail."""
    lines = []
    for _ in range(r.randint(0, 4)):
        kind = r.random()
        word = "BAD" if kind < 0.03 else "FAIL" if kind < 0.06 else r.choice(WORDS)
        lines.append(f"{word} {r.randint(1, 3)}")
    if path.endswith("m.txt") or "src/a" in path or "src/b" in path:
        for _ in range(r.randint(0, 2)):
            lines.append(f"use x{r.randint(1, 4)}")
    return "".join(line + "\n" for line in lines).encode()


def base_files(r, bench):
    files = {p: content(r, p) for p in TEXTS + NOISE + DATA + INCLUDED}
    files.update({p: content(r, p) for p in OPTIONAL if r.random() < 0.3})
    files["conf.json"] = b'{ "word": "a" }\n'
    files["lib.lua"] = b'local M = {}\nfunction M.test(n) return test(n) end\nfunction M.build(n) return build(n) end\n' \
                       b'return M\n'
    files["bin/chk.sh"] = chk_text(r.choice(["/bin/sh", bench.tools + "/myint", "/usr/bin/env myint"]))
    files[".gitignore"] = "".join(x + "\n" for x in r.sample(IGNORES, r.randint(0, 4))).encode()
    return files


# ---- targets -------------------------------------------------------------------------------------------------------

def add_read(t, inputs, reads):
    if t.inputs is not None:
        t.inputs += inputs
    t.reads += reads


def add_piece(r, spec, t, plain):
    """One more thing that the target reads. plain: only what is one file, for argument vectors."""
    older = [s for s in spec.targets.values() if s.uid < t.uid and s.outputs and s.op != "flaky"]
    choices = ["file", "file", "out", "out"]
    if not plain:
        choices += ["glob", "glob", "exclude", "folder", "deep", "braces", "inner", "dep", "scratch", "may"]
    if not t.args and t.cwd is None and not t.dir:
        choices.append("args")
    kind = r.choice(choices)
    if t.inputs is None and kind != "dep":
        kind = "dep" if older else "none"
    # An exclusion holds for all patterns of its target, so the command must not read by another one what it excludes.
    patterns = any(i[0] in ("glob", "not") or i in (("lit", "src"), ("lit", "sub/src")) for i in t.inputs or [])
    if (kind == "exclude" and patterns) or (
            kind in ("glob", "deep", "braces", "folder", "scratch") and any(i[0] == "not" for i in t.inputs or [])):
        kind = "file"
    if kind == "file":
        path = r.choice(TEXTS + DATA[:1])
        add_read(t, [("lit", path)], [("file", path)])
    elif kind == "glob":
        pattern = r.choice(["src/*.txt", "src/*", "src/[ab]*.txt", "src/?.txt", "sub/src/*.txt", "src/[a-c].*"])
        add_read(t, [("glob", pattern)], [("sh", {"src/*": "src/*.txt", "src/?.txt": "src/[a-z].txt",
                                                  "src/[a-c].*": "src/[a-c].txt"}.get(pattern, pattern))])
    elif kind == "exclude":
        pattern, no, sh = r.choice([("src/*.txt", "src/x*", "src/[!x]*.txt"), ("src/**", "src/deep", "src/*.txt"),
                                    ("src/**/*.txt", "src/deep/**", "src/*.txt")])
        add_read(t, [("glob", pattern), ("not", no)], [("sh", sh)])
    elif kind == "deep":
        add_read(t, [("glob", "src/**/*.txt")], [("sh", "src/*.txt"), ("sh", "src/*/*.txt")])
    elif kind == "braces":
        add_read(t, [("glob", "src/{a,b}*.txt")], [("sh", "src/[ab]*.txt")])
    elif kind == "folder":
        add_read(t, [("lit", r.choice(["src", "src", "sub/src"]))], [])
        folder = t.inputs[-1][1]
        t.reads += [("sh", folder + "/*.txt")] + ([("sh", "src/*/*.txt")] if folder == "src" else [])
    elif kind == "scratch":
        add_read(t, [("lit", "scratch")], [("sh", "scratch/*.txt")])
    elif kind == "may" and not t.may:
        t.may = [("glob", "inc/*.txt")] + ([("not", "inc/x2.txt")] if r.random() < 0.3 else [])
        t.reads.append(("sh", "inc/*.txt") if len(t.may) == 1 else ("sh", "inc/x[!2]*.txt"))
    elif kind == "args":
        t.args.append(r.choice([["data/*.dat"], ["data/**/*.dat"], ["data/*.dat", "!data/r*"]]))
        add_read(t, [("args", 0)], [("args", 0)])
    elif older and kind in ("out", "inner", "dep"):
        by = r.choice(older)
        i = r.randrange(len(by.outputs))
        entry = entry_kind(by.outputs[i])
        if kind == "dep" or (t.inputs is None):
            if by.uid not in t.deps:
                t.deps.append(by.uid)
            if not plain and entry != "folder" or entry == "file":
                t.reads.append(("out", by.uid, i))
        elif kind == "inner" and entry == "folder":
            name = r.choice(WORDS)
            add_read(t, [("inner", by.uid, i, name)], [("inner", by.uid, i, name)])
        elif entry == "file" or not plain:
            add_read(t, [("out", by.uid, i)], [("out", by.uid, i)])


def some_deps(r, spec, t):
    """Dependencies that it does not read: tests that must pass, groups, builds."""
    older = [s for s in spec.targets.values() if s.uid < t.uid and s.uid not in t.deps]
    for s in r.sample(older, min(len(older), r.choice([0, 0, 0, 1, 1, 2]))):
        t.deps.append(s.uid)


def some_fields(r, t):
    if r.random() < 0.3:
        t.misc = r.choice([{"timeout": "60"}, {"tags": '{ "x" }'}, {"description": '"d"'}, {"slots": "2"},
                           {"exclusive": '{ "db" }'}, {"exclusive": "true"}])
    if r.random() < 0.25:
        t.env_pass = ["LEVEL"]
    elif r.random() < 0.15:
        t.env_set = {"LEVEL": r.choice(["1", "2", ""])}
    if r.random() < 0.06:
        t.cache = False


def output_names(r, t):
    out = (t.dir + "/" if t.dir else "") + "out/" + (r.choice(["", "", "deep/"]))
    base = f"{out}{t.op}{t.uid}.{r.randint(0, 9)}"
    t.outputs = {"folder": [base + ".d/"], "globs": [base + "-*.o"], "multi": [base + ".o", base + ".p"],
                 "script": [base + ".sh", base + ".lnk"]}.get(t.op, [base + ".o"])
    if t.op == "depfile":
        t.depfile = base + ".dep"


def new_build(r, spec, op=None):
    t = Target(spec.next_uid, "build", op or r.choice(ops.BUILDS + ["folder", "depfile", "filter"]),
               r.choice(["", "", "", "sub"]))
    t.p = {"failing": r.choice([None, None, "before", "after"]), "noise": "",
           "word": r.choice(["a", "b", "a", "$conf"] + (["$mode"] if not t.dir else []))}
    if t.dir and t.p["word"] == "$conf":
        t.p["word"] = "b"
    output_names(r, t)
    if t.op == "depfile":
        main = r.choice(["src/a.txt", "src/b.txt", "sub/m.txt"])
        t.p.update(main=main, absent=r.random() < 0.3, lossy=r.random() < 0.5, names=r.random() < 0.2,
                   extra=r.choice([None, None, "extra/e1.txt", "OUTSIDE"]))
        t.inputs = [("lit", main)] if r.random() < 0.6 else []
        t.may = [("glob", "inc/*.txt")] + ([("glob", "src/*.txt")] if r.random() < 0.5 else [])
        for _ in range(r.choice([0, 0, 1])):
            files = [s for s in spec.targets.values() if s.outputs and entry_kind(s.outputs[0]) == "file"]
            if files:
                by = r.choice(files)
                t.deps.append(by.uid)
                t.reads.append(("out", by.uid, 0))
    else:
        if r.random() < 0.15:
            t.cwd = r.choice(["src", "inc", ""])
        for _ in range(r.choice([1, 1, 2, 3])):
            add_piece(r, spec, t, False)
        some_deps(r, spec, t)
        t.module = not t.dir and r.random() < 0.2
    if r.random() < 0.2:
        t.env_pass = ["LEVEL"]
    if r.random() < 0.04:
        t.cache = False
    return t


def new_test(r, spec):
    op = r.choice(ops.TESTS + ["bad", "bad", "made", "chk"])
    scripts = [s for s in spec.targets.values() if s.op == "script"]
    if op == "run_made" and not scripts:
        op = "bad"
    t = Target(spec.next_uid, "test", op, r.choice(["", "", "", "sub"]))
    t.p = {"noise": "", "word": r.choice(WORDS)}
    plain = op in ("chk", "repo_script", "sh_script", "run_made")
    if not plain and r.random() < 0.1:
        t.cwd = r.choice(["src", "inc", ""])
    if op == "run_made":
        t.p["by"] = r.choice(scripts).uid
    else:
        if r.random() < 0.15 and not plain:  # left out: everything below the Testfile's folder
            t.inputs = None
            folder = t.dir + "/" if t.dir else ""
            t.reads = [("sh", folder + "*.txt"), ("sh", folder + "src/*.txt")]
        elif op == "sh_script":
            t.inputs.append(("lit", "bin/chk.sh"))
        for _ in range(r.choice([0, 1, 1, 2, 3])):
            add_piece(r, spec, t, plain)
    t.reads.sort(key=lambda x: x[0] == "args")  # a list of arguments can only be unpacked at the end
    some_deps(r, spec, t)
    if op == "made":
        output_names(r, t)
    some_fields(r, t)
    if op == "few":
        t.p["most"] = r.randint(2, 12)
    elif op == "env":
        t.p["bad"] = "3"
        t.env_pass, t.env_set = (["LEVEL"], {}) if r.random() < 0.7 else ([], {"LEVEL": r.choice(["1", "3"])})
    elif op == "stdin":
        t.stdin = ("text", r.choice(["a 1\n", "BAD 1\n"])) if r.random() < 0.4 else ("file", r.choice(TEXTS))
    elif op == "codes":
        t.codes = [0, 4]
    elif op == "flaky":
        t.retries = 1
    if op == "bad" and r.random() < 0.1:
        t.retries = 1
    t.module = not t.dir and r.random() < 0.15
    return t


def new_group(r, spec):
    t = Target(spec.next_uid, "group", "group", r.choice(["", "sub"]))
    older = list(spec.targets.values())
    t.deps = [s.uid for s in r.sample(older, min(len(older), r.randint(1, 3)))]
    return t


def new_target(r, spec, bench):
    kind = r.random()
    if kind < 0.45 or not spec.targets:
        t = new_build(r, spec)
    elif kind < 0.93:
        t = new_test(r, spec)
    else:
        t = new_group(r, spec)
    if t.p.get("extra") == "OUTSIDE":
        t.p["extra"] = bench.base + "/outside/h1.txt"
    spec.add(t)
    return t


def make_spec(r, bench):
    spec = Spec()
    if r.random() < 0.25:  # first, so that it needs no other target
        t = Target(1, "build", "uniq")
        t.p = {"failing": None, "noise": "", "word": "a"}
        t.inputs, t.reads = [("glob", "src/*.txt")], [("sh", "src/*.txt")]
        output_names(r, t)
        spec.add(t)
        spec.generator = 1
    for _ in range(r.randint(5, 13)):
        new_target(r, spec, bench)
    if not any(t.kind == "test" for t in spec.targets.values()):
        spec.add(new_test(r, spec))
    return spec
