# SPDX-License-Identifier: MIT
"""What the targets' commands do: once as text for the shell, once in Python.

command(spec, t, ran) gives a list of pieces of a shell command, or ("argv", items). Every command first appends its uid to
the file `ran`, so that what ran is known without asking tgraph. evaluate(view, t) does the same to a view of the files
(model.View) and gives a Result.
"""
import posixpath
import re

from .spec import entry_kind, relative

BUILDS = ["copy", "filter", "uniq", "count", "multi", "folder", "globs", "script", "depfile"]
TESTS = ["bad", "few", "env", "stdin", "made", "codes", "flaky", "chk", "repo_script", "sh_script", "run_made"]


class Result:
    def __init__(self, outcome, outputs=None, reads=None, marks=1):
        self.outcome = outcome
        self.outputs = outputs or {}  # path -> ("f" or "x", bytes) or ("l", text)
        self.reads = reads  # of a depfile: paths, relative to the root or absolute; with a slash a folder's names
        self.marks = marks  # how often the command leaves its mark


# ---- words of a command --------------------------------------------------------------------------------------------

def read_words(spec, t):
    """What the command names for each of t.reads, as pieces."""
    words = []
    for r in t.reads:
        if r[0] in ("file", "sh"):
            words.append(relative(r[1], t.where()))
        elif r[0] == "args":
            words.append(r)
        else:
            entry = spec.targets[r[1]].outputs[r[2]]
            if r[0] == "inner":
                entry += r[3]
            elif entry_kind(entry) == "folder":
                entry += "*"
            words.append(relative(entry, t.where()))
    return words


def data(spec, t):
    """The content of all reads, for a pipe. A file that is not there counts as empty."""
    pieces = ["cat /dev/null"]
    for w in read_words(spec, t):
        pieces += [" ", w]
    return pieces + [" 2>/dev/null"]


def word_of(t):
    w = t.p["word"]
    return ("lua", {"$conf": "conf.word", "$mode": "mode"}[w]) if w.startswith("$") else w


def outs(t):
    return [relative(o.rstrip("/"), t.where()) for o in t.outputs]


# ---- as shell text -------------------------------------------------------------------------------------------------

def build_body(spec, t):
    d, o = data(spec, t), outs(t)
    if t.op == "copy":
        return [*d, f" >{o[0]}"]
    if t.op == "filter":
        return [*d, " | grep '^", word_of(t), f"' >{o[0]}"]
    if t.op == "uniq":
        return [*d, f" | cut -d' ' -f1 | sort -u >{o[0]}"]
    if t.op == "count":
        return [*d, f" | wc -l >{o[0]}"]
    if t.op == "multi":
        return [*d, " | grep '^", word_of(t), f"' >{o[0]}; ", *d, " | grep -v '^", word_of(t), f"' >{o[1]}"]
    if t.op == "folder":
        return [*d, f" | grep '^[a-zA-Z]* ' | while read -r k v; do echo \"$v\" >{o[0]}/$k; done"]
    if t.op == "globs":
        return [f"mkdir -p {posixpath.dirname(o[0]) or '.'}; ", *d,
                f" | grep '^[a-zA-Z]* ' | while read -r k v; do echo \"$v\" >{o[0].replace('*', '$k')}; done"]
    if t.op == "script":
        return ["{ echo '#!/bin/sh'; echo 'echo $2 >>$1'; if ", *d, " | grep -q BAD; then echo 'exit 1'; fi; } "
                f">{o[0]}; chmod +x {o[0]}; ln -sfn {posixpath.basename(o[0])} {o[1]}"]
    raise AssertionError(t.op)


def depfile_body(spec, t):
    """Reads a main file, and of each line "use NAME" inc/NAME.txt where that is there."""
    here = t.where()
    o, dep, main = outs(t)[0], relative(t.depfile, here), relative(t.p["main"], here)
    inc, absent = relative("inc", here), "printf ' %s' $f >>%s; " % ("%s", dep)
    text = f"{{ printf '%s:' {o}; printf ' %s' {main}; }} >{dep}; cat {main} >{o} 2>/dev/null; "
    text += f"for n in $(sed -n 's/^use //p' {main} 2>/dev/null); do f={inc}/$n.txt; "
    text += f"if [ -e $f ]; then printf ' %s' $f >>{dep}; cat $f >>{o}; else "
    text += (absent if t.p["absent"] else "") + f"echo \"no $n\" >>{o}; fi; done; "
    if t.p["extra"]:
        extra = t.p["extra"] if t.p["extra"].startswith("/") else relative(t.p["extra"], here)
        text += f"printf ' %s' {extra} >>{dep}; cat {extra} >>{o} 2>/dev/null; "
    if t.p["names"]:
        text += f"printf ' %s' {inc}/ >>{dep}; ls {inc} >>{o}; "
    for w in read_words(spec, t):  # outputs of what it depends on
        text += f"for f in {w}; do if [ -e $f ]; then printf ' %s' $f >>{dep}; cat $f >>{o}; fi; done; "
    text += f"echo >>{dep}"
    if t.p["lossy"]:
        text += f"; cut -d' ' -f1 {o} | sort -u >{o}.tmp; mv {o}.tmp {o}"
    return [text]


def command(spec, t, ran):
    if t.kind == "group":
        return None
    mark = f"echo {t.uid} >>{ran}; "
    d = data(spec, t)
    if t.op == "depfile":
        fail = f"; if grep -q FAIL {outs(t)[0]}; then exit 3; fi" if t.p["failing"] else ""
        return [mark, *depfile_body(spec, t), fail]
    if t.op in BUILDS:
        fail = ["if ", *d, " | grep -q FAIL; then exit 3; fi"]
        before = [*fail, "; "] if t.p["failing"] == "before" else []
        after = ["; ", *fail] if t.p["failing"] == "after" else ["; :"]
        return [mark, *before, *build_body(spec, t), *after, t.p["noise"]]
    if t.op in ("chk", "repo_script", "sh_script"):
        words = read_words(spec, t)
        if t.op == "chk":
            head = ["chk"]
        else:
            path = relative("bin/chk.sh", t.where())
            head = [path if path.startswith("../") else "./" + path] if t.op == "repo_script" else ["sh", path]
        return "argv", [*head, ran, str(t.uid), *words]
    if t.op == "run_made":
        path = relative(spec.targets[t.p["by"]].outputs[0], t.where())
        return "argv", [path if path.startswith("../") else "./" + path, ran, str(t.uid)]
    text = {
        "bad": [*d, " | grep -q BAD && exit 1; exit 0"],
        "few": ["[ $(", *d, f" | wc -l) -lt {t.p.get('most')} ]"],
        "env": [f"[ \"$LEVEL\" != {t.p.get('bad')} ]"],
        "stdin": ["grep -q BAD && exit 1; ", *d, " | grep -q BAD && exit 1; exit 0"],
        "made": [*d, " | grep '^", word_of(t) if t.op == "made" else "", f"' >{(outs(t) or [''])[0]}; if ", *d,
                 " | grep -q BAD; then exit 1; fi"],
        "codes": [*d, " | grep -q BAD && exit 4; ", *d, " | grep -q FAIL && exit 5; exit 0"],
        "flaky": ["if ", *d, " | grep -q BAD; then [ $TGRAPH_ATTEMPT -ge 2 ]; fi"],
    }[t.op]
    return [mark, *text, t.p["noise"]]


# ---- the same in Python --------------------------------------------------------------------------------------------

def read_data(view, t):
    got = []
    for r in t.reads:
        if r[0] == "file":
            got.append(view.read(r[1]) or b"")
        elif r[0] == "args":
            got += [view.read(p) or b"" for p in view.args(t, r[1])]
        elif r[0] == "sh":
            got += [view.read(p) or b"" for p in view.shell_glob(r[1])]
        else:
            entry = view.spec.targets[r[1]].outputs[r[2]]
            if r[0] == "inner":
                got.append(view.read(entry + r[3]) or b"")
            else:
                got += [view.read(p) or b"" for p in view.shell_glob(entry + "*" if entry.endswith("/") else entry)]
    return b"".join(got)


def lines_of(text):
    return text.split(b"\n")[:-1] if text.endswith(b"\n") else text.split(b"\n") if text else []


def join(lines):
    return b"".join(line + b"\n" for line in lines)


def first_words(lines):
    return sorted({line.split(b" ")[0] for line in lines})


def word_value(view, t):
    w = t.p["word"]
    return (view.conf_word if w == "$conf" else view.mode if w == "$mode" else w).encode()


def evaluate_build(view, t):
    text = read_data(view, t)
    lines = lines_of(text)
    out, bad = {}, t.p["failing"] and b"FAIL" in text
    if bad:
        return Result("failed")
    o = t.outputs
    if t.op == "copy":
        out[o[0]] = ("f", text)
    elif t.op in ("filter", "multi"):
        w = word_value(view, t)
        out[o[0]] = ("f", join([x for x in lines if x.startswith(w)]))
        if t.op == "multi":
            out[o[1]] = ("f", join([x for x in lines if not x.startswith(w)]))
    elif t.op == "uniq":
        out[o[0]] = ("f", join(first_words(lines)))
    elif t.op == "count":
        out[o[0]] = ("f", b"%d\n" % len(lines))
    elif t.op in ("folder", "globs"):
        for x in lines:
            k, space, v = x.decode().partition(" ")
            if space and k.isalpha():
                out[o[0] + k if t.op == "folder" else o[0].replace("*", k)] = ("f", v.encode() + b"\n")
        if t.op == "globs" and not out:
            return Result("error")
    elif t.op == "script":
        body = b"#!/bin/sh\necho $2 >>$1\n" + (b"exit 1\n" if b"BAD" in text else b"")
        out[o[0]] = ("x", body)
        out[o[1]] = ("l", posixpath.basename(o[0]))
    return Result("passed", out)


def evaluate_depfile(view, t):
    main = view.read(t.p["main"])
    reads, text = [t.p["main"]], main or b""
    for line in lines_of(main or b""):
        if not line.startswith(b"use "):
            continue
        name = line[4:].decode()
        path = f"inc/{name}.txt"
        if view.exists(path):
            reads.append(path)
            text += view.read(path) or b""
        else:
            if t.p["absent"]:
                reads.append(path)
            text += b"no " + name.encode() + b"\n"
    if t.p["extra"]:
        reads.append(t.p["extra"])
        text += view.read(t.p["extra"]) or b""
    if t.p["names"]:
        reads.append("inc/")
        text += join([n.encode() for n in view.names_in("inc") if not n.startswith(".")])
    text += read_data(view, t)  # outputs of dependencies: their key is in this one's already
    if t.p["lossy"]:
        text = join(first_words(lines_of(text)))
    if t.p["failing"] and b"FAIL" in text:
        return Result("failed")
    return Result("passed", {t.outputs[0]: ("f", text)}, sorted(set(reads)))


def evaluate_test(view, t):
    text = read_data(view, t)
    bad = b"BAD" in text
    if t.op == "few":
        bad = len(lines_of(text)) >= t.p["most"]
    elif t.op == "env":
        bad = (dict(view.declared_env(t)).get("LEVEL") or "") == t.p["bad"]
    elif t.op == "stdin":
        given = t.stdin[1].encode() if t.stdin[0] == "text" else view.read(t.stdin[1]) or b""
        bad = bad or b"BAD" in given
    elif t.op == "codes":
        bad = b"FAIL" in text and not bad
    elif t.op == "flaky":
        return Result("flaky" if bad else "passed", marks=2 if bad else 1)
    elif t.op == "made" and not bad:
        w = word_value(view, t)
        return Result("passed", {t.outputs[0]: ("f", join([x for x in lines_of(text) if x.startswith(w)]))})
    elif t.op in ("chk", "repo_script", "sh_script"):
        if t.op == "chk":
            program = view.tool("chk")
        else:
            program = view.program("bin/chk.sh")
        if program is None or (program[0] != "x" and t.op != "sh_script"):
            return Result("error", marks=0)
        bad = re.search(rb"grep -q (\w+)", program[1])[1] in text
    elif t.op == "run_made":
        bad = b"exit 1" in view.read(view.spec.targets[t.p["by"]].outputs[0])
    # The wrapper of retries runs the command again.
    return Result("failed" if bad else "passed", marks=1 + t.retries if bad else 1)


def evaluate(view, t):
    if t.op == "generated":
        return Result("passed" if t.p["name"] != "BAD" else "failed")
    if t.op == "depfile":
        return evaluate_depfile(view, t)
    if t.op in BUILDS:
        return evaluate_build(view, t)
    return evaluate_test(view, t)
