# SPDX-License-Identifier: MIT
"""Targets as plain data, and the Testfiles that declare them.

All paths here are relative to the repository's root. A target refers to another one by its uid, so that a new name
changes nothing else. Items of `inputs` and `may`:

    ("lit", path)          a file or folder          ("glob", pattern), ("not", pattern)
    ("out", uid, i)        output entry i of a target ("inner", uid, i, name)  a file in its output folder
    ("args", k)            what the Testfile's own glob number k gave, file by file

Items of `reads`, in the order in which the command reads them:

    ("file", path)   ("sh", shell pattern)   ("out", uid, i)   ("inner", uid, i, name)   ("args", k)
"""
import copy
import json
import os


class Target:
    def __init__(self, uid, kind, op, folder=""):
        self.uid, self.kind, self.op, self.dir = uid, kind, op, folder
        self.name = f"{kind[0]}{uid}"
        self.p = {}  # parameters of the operation
        self.reads, self.inputs, self.may, self.deps, self.outputs = [], [], [], [], []
        self.args = []  # patterns for the Testfile's glob(): lists
        self.depfile = None
        self.env_pass, self.env_set = [], {}
        self.stdin = None  # ("text", s) or ("file", path)
        self.cwd = None
        self.cache = True
        self.codes, self.retries = [], 0
        self.misc = {}  # fields that must not change a key
        self.module = False  # declared through lib.lua

    def label(self):
        return f"{self.dir}:{self.name}" if self.dir else self.name

    def where(self):
        return self.dir if self.cwd is None else self.cwd


class Spec:
    def __init__(self):
        self.targets = {}  # uid -> Target; a target's uid is higher than those that it needs
        self.next_uid = 1
        self.comment = {"": 0, "sub": 0}
        self.broken = False
        self.generator = None  # uid of the build whose output names further tests

    def copy(self):
        return copy.deepcopy(self)

    def add(self, t):
        self.targets[t.uid] = t
        self.next_uid = max(self.next_uid, t.uid + 1)

    def users(self, uid):
        found = []
        for t in self.targets.values():
            refs = set(t.deps) | {i[1] for i in t.inputs or [] if i[0] in ("out", "inner")}
            refs |= {i[1] for i in t.reads if i[0] in ("out", "inner")}
            if uid in refs:
                found.append(t)
        return found


def entry_kind(text):
    return "folder" if text.endswith("/") else "glob" if "*" in text else "file"


def relative(path, folder):
    """`path` as a command started in `folder` names it; wildcards stay as they are."""
    return os.path.relpath(path, folder or ".") if folder else path


def q(text):
    """A Lua string. All text here is ASCII, for which JSON's escapes are Lua's, but for \\u."""
    return json.dumps(text)


def written(path, folder):
    """A path as the Testfile in `folder` writes it."""
    if not folder:
        return path
    if path.startswith(folder + "/"):
        return path[len(folder) + 1:]
    return "//" + path


def lua_concat(pieces, glob_names):
    """Text pieces, ("args", k) and ("lua", expression) as one Lua expression."""
    out = []
    for p in pieces:
        if isinstance(p, str):
            if out and isinstance(out[-1], str):
                out[-1] += p
            else:
                out.append(p)
        else:
            out.append(p)
    return " .. ".join(q(p) if isinstance(p, str) else p[1] if p[0] == "lua" else
                       f'table.concat({glob_names[p[1]]}, " ")' for p in out)


def label_in(spec, uid, folder):
    t = spec.targets[uid]
    if t.dir == folder:
        return t.name
    return f"{t.dir}:{t.name}" if t.dir else f"//:{t.name}"


def item_text(spec, item, folder):
    kind = item[0]
    if kind == "not":
        return "!" + written(item[1], folder)
    if kind in ("lit", "glob"):
        return written(item[1], folder)
    entry = spec.targets[item[1]].outputs[item[2]]
    return written(entry + item[3] if kind == "inner" else entry, folder)


def lua_list(spec, items, folder, glob_names):
    parts = []
    for item in items:
        parts.append(glob_names[item[1]] if item[0] == "args" else q(item_text(spec, item, folder)))
    return "{ " + ", ".join(parts) + " }"


def render_target(spec, t, command):
    """The declaration of one target. `command` is what ops.command gives."""
    lines, fields = [], []
    glob_names = []
    for k, patterns in enumerate(t.args):
        name = f"g{t.uid}_{k}"
        glob_names.append(name)
        lines.append(f"local {name} = glob {{ {', '.join(q(written(p, t.dir)) for p in patterns)} }}")
    if t.kind == "group":
        members = ", ".join(q(label_in(spec, d, t.dir)) for d in t.deps)
        return f"group {q(t.name)} {{ {members} }}\n"
    if isinstance(command, tuple):  # ("argv", [items])
        args = []
        for a in command[1]:
            args.append(q(a) if isinstance(a, str) else f"table.unpack({glob_names[a[1]]})")
        fields.append(f"cmd = {{ {', '.join(args)} }}")
    else:
        fields.append(f"cmd = {lua_concat(command, glob_names)}")
    if t.inputs is not None:
        fields.append(f"inputs = {lua_list(spec, t.inputs, t.dir, glob_names)}")
    if t.may:
        fields.append(f"may_read = {lua_list(spec, t.may, t.dir, glob_names)}")
    if t.deps:
        fields.append(f"deps = {{ {', '.join(q(label_in(spec, d, t.dir)) for d in t.deps)} }}")
    if t.outputs:
        fields.append(f"outputs = {{ {', '.join(q(written(o, t.dir)) for o in t.outputs)} }}")
    if t.depfile:
        fields.append(f"depfile = {q(written(t.depfile, t.dir))}")
    if t.env_pass or t.env_set:
        env = [q(n) for n in t.env_pass] + [f"{n} = {q(v)}" for n, v in sorted(t.env_set.items())]
        fields.append(f"env = {{ {', '.join(env)} }}")
    if t.stdin:
        fields.append("stdin = " + (q(t.stdin[1]) if t.stdin[0] == "text" else
                                    f"{{ file = {q(written(t.stdin[1], t.dir))} }}"))
    if t.cwd is not None:
        fields.append(f"cwd = {q(written(t.cwd, t.dir) if t.cwd else '//')}")
    if not t.cache:
        fields.append("cache = false")
    if t.codes:
        fields.append(f"success_codes = {{ {', '.join(map(str, t.codes))} }}")
    if t.retries:
        fields.append(f"retries = {t.retries}")
    for name, value in sorted(t.misc.items()):
        fields.append(f"{name} = {value}")
    function = f"lib.{t.kind}" if t.module else t.kind
    lines.append(f"{function}({q(t.name)}) {{\n  " + ",\n  ".join(fields) + ",\n}")
    return "\n".join(lines) + "\n"


GENERATED = """for name in (read({path}, {{ optional = true }}) or ""):gmatch("(%w+)\\n") do
  test("gen-" .. name) {{ cmd = "echo gen-" .. name .. " >>{ran}; [ " .. name .. " != BAD ]", inputs = {{}} }}
end
"""


def render(spec, command_of, ran):
    """{path: text} of all Testfiles."""
    files = {}
    for folder in ("", "sub"):
        text = [f"-- comment {spec.comment[folder]}\n"]
        if not folder:
            text.append('local lib = use "./lib.lua"\nlocal conf = json "conf.json"\nlocal mode = env("MODE", "m0")\n')
            text.append("local _ = { lib, conf, mode }\n")
            if any(t.dir == "sub" for t in spec.targets.values()):
                text.append('include "sub"\n')
        for t in sorted(spec.targets.values(), key=lambda t: t.uid):
            if t.dir == folder:
                text.append(render_target(spec, t, command_of(t)))
        if not folder and spec.generator is not None:
            text.append(GENERATED.format(path=q(spec.targets[spec.generator].outputs[0]), ran=ran))
        if spec.broken and not folder:
            text.append("test {{\n")
        files["Testfile.lua" if not folder else folder + "/Testfile.lua"] = "".join(text)
    return files
