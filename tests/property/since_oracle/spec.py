# SPDX-License-Identifier: MIT
"""Random Testfiles: what they say as data, and that data as Lua. Literal inputs and scripts that are not there are left
out as the text is made, so that most repositories load."""
import json
import os

from .repo import is_dir, lexists

PATTERNS = ["*.txt", "**/*.txt", "**/*.c", "src/**", "src/*.c", "//src/**/*.c", "*", "**", "deep/**/*", "//data/*",
            "//lib/**/*.[ch]", "**/*.{c,h}", "?.txt", "//**/*.log", "gen/*", "//gen/**", "**/[!a-c]*.txt", "x y/*",
            "link/*", "//link/**", "**/deep/*", "//tools/*", "//**/.dot", "*.o", "er/*", "*/Testfile.lua",
            "**/*.lua", "dirlink/*"]
NOTS = ["!**/*.log", "!deep/**", "!*.txt", "!**/b.txt", "!gen", "!//src/deep", "!**/*.o", "!x y/**", "!**/.*",
        "!link", "!//data/**"]
TOOLS = ["true", "cat", "sh", "ls", "mytool", "nosuchtool"]


def lua(value):
    if value is None:
        return "nil"
    if value is True or value is False:
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, (list, tuple)):
        return "{ " + ", ".join(lua(v) for v in value) + " }"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items()) + " }"
    if isinstance(value, Code):
        return value.text
    raise TypeError(value)


class Code:
    """Lua as it is."""

    def __init__(self, text):
        self.text = text


class Target:
    def __init__(self, uid, kind, name):
        self.uid, self.kind, self.name = uid, kind, name
        self.fields = {}  # cmd, inputs, may_read, deps, outputs ...: in the terms that make_target uses


class Testfile:
    def __init__(self, folder):
        self.folder = folder
        self.targets = []
        self.include = None  # "star", "all", "list": the other Testfiles; None: none
        self.module, self.reads, self.loops, self.defaults = None, [], [], None
        self.comment, self.crlf, self.broken = 0, False, None


class Module:
    def __init__(self, path):
        self.path, self.number, self.flags = path, 0, []
        self.pattern, self.reads, self.makes, self.broken = None, None, None, False


class Spec:
    def __init__(self):
        self.testfiles, self.modules, self.next_uid = {"": Testfile("")}, {}, 1
        self.root_first = False

    def targets(self):
        return [(tf, t) for tf in self.testfiles.values() for t in tf.targets]

    def loaded(self):
        """The folders whose Testfiles the root's includes."""
        how = self.testfiles[""].include
        return [d for d in self.testfiles if not d or how in ("all", "list") or (how == "star" and "/" not in d)]

    def label_of(self, uid):
        loaded = self.loaded()
        for tf, t in self.targets():
            if t.uid == uid and tf.folder in loaded:
                return f"{tf.folder}:{t.name}" if tf.folder else f"//:{t.name}"
        return None


def seen_from(folder, path):
    """A path of the root as a Testfile in `folder` may name it."""
    if folder and path.startswith(folder + "/"):
        return path[len(folder) + 1:]
    return path if not folder else "//" + path


def command_path(folder, path):
    seen = seen_from(folder, path)
    return seen if seen.startswith("//") else "./" + seen


def outputs_of(tf, t):
    paths = {"file": f"gen/o{t.uid}.txt", "folder": f"build{t.uid}/", "glob": f"gen{t.uid}/*.txt",
             "flat": f"o{t.uid}.o"}
    return [paths[form] for form in t.fields.get("outputs", [])]


# ---- making things up ------------------------------------------------------------------------------------------

def known_files(repo):
    """Files and links of the root that are there, and folders."""
    files, folders = [], []
    for at, names, leaves in os.walk(repo.root):
        names[:] = sorted(n for n in names if n not in (".git", ".tgraph"))
        rel = os.path.relpath(at, repo.root)
        rel = "" if rel == "." else rel + "/"
        for n in names:
            (files if os.path.islink(os.path.join(at, n)) else folders).append(rel + n)
        files += [rel + n for n in sorted(leaves) if n != ".git"]
    return files, folders


def make_inputs(r, spec, tf, files, folders, before):
    if r.random() < 0.15:
        return None
    items = []
    for _ in range(r.choice([0, 1, 1, 2, 2, 3])):
        kind = r.choices(["file", "dir", "glob", "not", "out"], [5, 2, 5, 2, 2])[0]
        if kind == "file" and files:
            items.append(("file", r.choice(files)))
        elif kind == "dir" and folders:
            items.append(("dir", r.choice(folders)))
        elif kind == "glob":
            items.append(("glob", r.choice(PATTERNS)))
        elif kind == "not":
            items.append(("not", r.choice(NOTS)))
        elif kind == "out":
            builds = [t.uid for _, t in before if t.fields.get("outputs")]
            if builds:
                items.append(("out", r.choice(builds), r.randrange(3)))
    return items


def make_command(r, files):
    scripts = [f for f in files if f.endswith((".sh", ".py"))]
    form = r.choices(["shell", "tool", "script", "absolute"], [3, 3, 4 if scripts else 0, 1])[0]
    if form == "shell":
        return ("shell", f"echo {r.randrange(4)}")
    if form == "tool":
        return ("tool", r.choice(TOOLS), str(r.randrange(3)))
    if form == "script":
        return ("script", r.choice(scripts), str(r.randrange(2)))
    return ("absolute", r.choice(["/bin/true", "/usr/bin/env", "/no/such/program"]))


def make_target(r, spec, tf, repo):
    uid = spec.next_uid
    spec.next_uid += 1
    kind = r.choices(["test", "build", "group", "service"], [8, 5, 1.5, 0.7])[0]
    t = Target(uid, kind, f"t{uid}")
    fill_target(r, spec, tf, t, repo)
    tf.targets.append(t)
    return t


def fill_target(r, spec, tf, t, repo):
    """Anew, but for kind and name. Refers only to targets with a lower number: no cycles."""
    files, folders = known_files(repo)
    before = [(x, u) for x, u in spec.targets() if u.uid < t.uid]
    f = t.fields = {}
    some = [u.uid for _, u in before if u.kind != "service"]
    if t.kind == "group":
        f["members"] = r.sample(some, min(len(some), r.randint(1, 3)))
        return
    f["cmd"] = make_command(r, files)
    f["inputs"] = make_inputs(r, spec, tf, files, folders, before)
    if t.kind == "service":
        return
    if some and r.random() < 0.3:
        f["deps"] = r.sample(some, min(len(some), r.randint(1, 2)))
    services = [u.uid for _, u in before if u.kind == "service"]
    if services and r.random() < 0.2:
        f["deps"] = f.get("deps", []) + [r.choice(services)]
    if t.kind == "build":
        f["outputs"] = r.sample(["file", "folder", "glob", "flat"], r.choice([1, 1, 2]))
    if r.random() < 0.15:
        f["may_read"] = [("glob", r.choice(PATTERNS)), ("not", r.choice(NOTS))][:r.randint(1, 2)]
        f["depfile"] = f"dep{t.uid}.d"
    if r.random() < 0.2:
        f["env"] = r.choice([{"MODE": str(r.randrange(3))}, ["SEEN"], {"PATH": "/bin"}])
    if r.random() < 0.15:
        f["value"] = r.choice([{"n": r.randrange(3)}, [1, 2], "text"])
    if r.random() < 0.15:
        f["tools"] = r.sample(TOOLS, 2)
    if files and r.random() < 0.1:
        f["stdin"] = r.choice(files)
    if folders and r.random() < 0.08:
        f["cwd"] = r.choice(folders)
    if r.random() < 0.1:
        f["tags"] = ["slow"]
    if t.kind == "test" and r.random() < 0.06:
        f["shards"] = 2
    if r.random() < 0.05:
        f["description"] = "words"
    if r.random() < 0.05:
        f["success_codes"] = [0, r.randrange(1, 4)]


def make_reads(r):
    return r.choice([("json", "list.json"), ("json", "//data/list.json"), ("yaml", "//data/conf.yaml"),
                     ("read", "a.txt"), ("read", "//src/keep.txt"), ("env", "FOO"), ("tool", "mytool"),
                     ("read", "//link"), ("json", "//data/link.json")])


def make_loop(r):
    return (r.choice(["index", "name"]), r.choice(PATTERNS), r.random() < 0.2, r.choice(["one", "none", "glob"]))


def make_testfile(r, spec, folder, repo, most=4):
    tf = Testfile(folder)
    if r.random() < 0.25:
        tf.reads.append(make_reads(r))
    if r.random() < 0.25:
        tf.loops.append(make_loop(r))
    if r.random() < 0.15:
        tf.defaults = r.choice([{"env": {"D": str(r.randrange(2))}},
                                {"tags": ["x"], "inputs": [("glob", r.choice(PATTERNS))]}])
    spec.testfiles[folder] = tf
    for _ in range(r.randint(1, most)):
        make_target(r, spec, tf, repo)
    return tf


def make_module(r, path):
    m = Module(path)
    change_module(r, m)
    return m


def change_module(r, m):
    what = r.randrange(6)
    if what == 0:
        m.number += 1
    elif what == 1:
        m.flags = [str(r.randrange(3)) for _ in range(r.randrange(3))]
    elif what == 2:
        m.pattern = r.choice(["//src/**/*.c", "//**/*.txt", "*.txt", None])
    elif what == 3:
        m.reads = r.choice([None, ("read", "//a.txt"), ("json", "//data/list.json")])
    elif what == 4:
        m.makes = r.choice([None, "m-one", "m-two"])
    else:
        m.broken = r.random() < 0.3


# ---- as Lua ----------------------------------------------------------------------------------------------------

def there(repo, path):
    return lexists(repo.path(path))


def render_inputs(spec, tf, items, repo):
    out = []
    for it in items:
        if it[0] == "file" and there(repo, it[1]) and not is_dir(repo.path(it[1])):
            out.append(seen_from(tf.folder, it[1]))
        elif it[0] == "dir" and is_dir(repo.path(it[1])):
            out.append(seen_from(tf.folder, it[1]))
        elif it[0] in ("glob", "not"):
            out.append(it[1])
        elif it[0] == "out":
            for other, t in spec.targets():
                outs = outputs_of(other, t) if t.uid == it[1] and other.folder in spec.loaded() else []
                if outs:
                    path = outs[it[2] % len(outs)]
                    out.append(seen_from(tf.folder, f"{other.folder}/{path}" if other.folder else path))
    return out


def render_target(spec, tf, t, repo):
    f, rows = t.fields, []

    def labels(uids):
        return [label for label in map(spec.label_of, uids) if label]

    if t.kind == "group":
        members = labels(f["members"])
        rows.append(f"members = {lua(members)}")
    if "cmd" in f:
        form, *args = f["cmd"]
        if form == "shell":
            rows.append(f"cmd = {lua(args[0])}")
        elif form == "tool" or form == "absolute":
            rows.append(f"cmd = {lua(args)}")
        elif lexists(repo.path(args[0])) and not os.path.isdir(repo.path(args[0])):
            rows.append(f"cmd = {lua([command_path(tf.folder, args[0]), args[1]])}")
        else:
            rows.append('cmd = "true"')
    if f.get("inputs") is not None:
        rows.append(f"inputs = {lua(render_inputs(spec, tf, f['inputs'], repo))}")
    if "may_read" in f and "shards" not in f:
        rows.append(f"may_read = {lua(render_inputs(spec, tf, f['may_read'], repo))}")
    if f.get("deps"):
        rows.append(f"deps = {lua(labels(f['deps']))}")
    if "outputs" in f:
        rows.append(f"outputs = {lua(outputs_of(tf, t))}")
    if "stdin" in f and there(repo, f["stdin"]) and not os.path.isdir(repo.path(f["stdin"])):
        rows.append(f"stdin = {{ file = {lua(seen_from(tf.folder, f['stdin']))} }}")
    if "cwd" in f and f["cmd"][0] != "script" and is_dir(repo.path(f["cwd"])):
        rows.append(f"cwd = {lua(seen_from(tf.folder, f['cwd']))}")
    for name in ("depfile", "value", "tools", "tags", "shards", "description", "success_codes"):
        if name in f and not (name == "depfile" and "shards" in f):
            rows.append(f"{name} = {lua(f[name])}")
    if "env" in f:
        rows.append(f"env = {lua(f['env'])}")
    return f'{t.kind} "{t.name}" {{\n  ' + ",\n  ".join(rows) + ",\n}\n"


def render_read(kind, path):
    if kind == "env":
        return f'env("{path}", "unset")'
    if kind == "tool":
        return f'tool("{path}", {{ optional = true }}) or "none"'
    return f'{kind}("{path}", {{ optional = true }})'


def render_loop(i, loop):
    form, pattern, ignored, inputs = loop
    options = ", { ignored = true }" if ignored else ""
    name = f'"l{i}/" .. k' if form == "index" else f'"l{i}/" .. k .. "-" .. string.gsub(p, "[^%w_.-]", "_")'
    what = {"one": "{ p }", "none": "{}", "glob": '{ "*.txt" }'}[inputs]
    return (f"for k, p in ipairs(glob({lua(pattern)}{options})) do\n"
            f'  test({name}) {{ cmd = {{ "true", "x" }}, inputs = {what} }}\nend\n')


def render_testfile(spec, tf, repo):
    parts = [f"-- {tf.comment}\n"] if tf.comment else []
    if tf.module and tf.module in spec.modules:
        parts.append(f"local m = use {lua(module_name(tf.folder, tf.module))}\n")
        parts.append('test "uses-m" { cmd = "true", inputs = {}, value = { m.number, m.flags, m.data } }\n')
        parts.append('if m.make then m.make("made") end\n')
    includes = ""
    if tf.include == "star":
        includes = 'include(glob "*/Testfile.lua")\n'
    elif tf.include == "all":
        includes = 'include(glob { "**/Testfile.lua", "!Testfile.lua" })\n'
    elif tf.include == "list":
        others = [d for d in spec.testfiles if d and is_dir(repo.path(d))]
        includes = "".join(f"include {lua(d)}\n" for d in others)
    if not spec.root_first:
        parts.append(includes)
    if tf.defaults:
        d = dict(tf.defaults)
        if "inputs" in d:
            d["inputs"] = render_inputs(spec, tf, d["inputs"], repo)
        parts.append(f"defaults {lua(d)}\n")
    for i, (kind, path) in enumerate(tf.reads):
        if os.path.isdir(repo.path(os.path.normpath(path[2:] if path.startswith("//") else f"{tf.folder}/{path}"))):
            continue
        parts.append(f"local r{i} = {render_read(kind, path)}\n")
        parts.append(f'test "reads-{i}" {{ cmd = "true", inputs = {{}}, value = {{ r{i} }} }}\n')
        if kind == "json":
            parts.append(f'for _, n in ipairs(type(r{i}) == "table" and r{i} or {{}}) do\n'
                         f'  test("j{i}-" .. n) {{ cmd = "true", inputs = {{}} }}\nend\n')
    parts += [render_loop(i, loop) for i, loop in enumerate(tf.loops)]
    parts += [render_target(spec, tf, t, repo) for t in tf.targets]
    if spec.root_first:
        parts.append(includes)
    if tf.broken == "syntax":
        parts.append("test 'x' {\n")
    elif tf.broken == "error":
        parts.append('error("broken on purpose")\n')
    elif tf.broken == "missing":
        parts.append('test "missing" { cmd = "true", inputs = { "not-there.txt" } }\n')
    text = "".join(parts)
    return (text.replace("\n", "\r\n") if tf.crlf else text).encode()


def module_name(folder, path):
    seen = os.path.relpath(path, folder or ".")
    return seen if seen.startswith("../") else "./" + seen


def render_module(m):
    rows = ["local M = {}", f"M.number = {m.number}", f"M.flags = {lua(m.flags)}"]
    if m.pattern:
        rows.append(f"M.flags = lists.concat(M.flags, glob({lua(m.pattern)}))")
    rows.append(f"M.data = {render_read(*m.reads)}" if m.reads else "M.data = 1")
    if m.makes:
        rows.append(f'function M.make(name) test(name .. "-{m.makes}") {{ cmd = "true", inputs = {{ "*.txt" }} }} end')
    if m.broken:
        rows.append("nothing.has.this()")
    rows.append("return M")
    return ("\n".join(rows) + "\n").encode()


def write_all(spec, repo, write):
    """Writes what differs; write(path, data)."""
    for folder in [d for d in spec.testfiles if d and not is_dir(repo.path(d))]:
        del spec.testfiles[folder]
    for path, m in list(spec.modules.items()):
        if not is_dir(os.path.dirname(repo.path(path))):
            del spec.modules[path]
            continue
        put(repo, path, render_module(m), write)
    for tf in spec.testfiles.values():
        path = f"{tf.folder}/Testfile.lua" if tf.folder else "Testfile.lua"
        put(repo, path, render_testfile(spec, tf, repo), write)


def put(repo, path, data, write):
    full = repo.path(path)
    if os.path.isfile(full):
        with open(full, "rb") as f:
            if f.read() == data:
                return
    write(path, data)
