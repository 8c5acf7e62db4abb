# SPDX-License-Identifier: MIT
"""The naive model: everything from scratch, from what lies in the work tree now.

A View scans the files, asks git what it ignores, resolves every target's inputs, computes every target's outcome and
outputs in Python, and two keys for each:

    must  what can change the outcome, as a set: declaration, tools, inputs, outputs of all that it needs
    full  the same with the structure that tgraph's key has (docs/architecture.md, section 9), at least as fine

A target whose `must` never passed in a cache has to run; one whose `full` did has to be taken from there. Between the
two (a declaration was written in another way that means the same) either is right.
"""
import hashlib
import os
import re
import stat
import subprocess

from . import ops
from .spec import Target, entry_kind


def digest(*parts):
    return hashlib.blake2b(repr(parts).encode(), digest_size=12).hexdigest()


def content_digest(data):
    return hashlib.blake2b(data, digest_size=12).hexdigest()


# ---- files ---------------------------------------------------------------------------------------------------------

def entry_at(full):
    """("f"|"x", bytes), ("l", text, type of what it leads to, its content), ("d",) or None."""
    try:
        st = os.lstat(full)
    except (FileNotFoundError, NotADirectoryError):
        return None
    if stat.S_ISLNK(st.st_mode):
        text = os.readlink(full)
        try:
            to = os.stat(full)
        except OSError:
            return "l", text, None, None
        if not stat.S_ISREG(to.st_mode):
            return "l", text, "d", None
        with open(full, "rb") as f:
            return "l", text, "x" if to.st_mode & 0o100 else "f", f.read()
    if stat.S_ISDIR(st.st_mode):
        return ("d",)
    with open(full, "rb") as f:
        return "x" if st.st_mode & 0o100 else "f", f.read()


def scan(root):
    """All files and links of a work tree by path, and its folders."""
    files, folders, stack = {}, {""}, [""]
    while stack:
        folder = stack.pop()
        for name in os.listdir(os.path.join(root, folder)):
            if name in (".git", ".tgraph"):
                continue
            path = f"{folder}/{name}" if folder else name
            entry = entry_at(os.path.join(root, path))
            if entry == ("d",):
                folders.add(path)
                stack.append(path)
            elif entry:
                files[path] = entry
    return files, folders


def mark_of(entry):
    """Type and digest of an entry, as they are in a key."""
    if entry is None:
        return None, None
    if entry[0] == "l":
        return "l", digest(entry[1], entry[2], content_digest(entry[3]) if entry[3] is not None else None)
    return entry[0], content_digest(entry[1])


# ---- patterns ------------------------------------------------------------------------------------------------------

_regexes = {}


def glob_regex(pattern):
    if pattern in _regexes:
        return _regexes[pattern]
    out, i = "", 0
    while i < len(pattern):
        c = pattern[i]
        if pattern.startswith("**/", i) and (i == 0 or pattern[i - 1] == "/"):
            out, i = out + "(?:[^/]+/)*", i + 3
        elif pattern[i:] == "**" and (i == 0 or pattern[i - 1] == "/"):
            out, i = out + ".+", i + 2
        elif c == "*":
            out, i = out + "[^/]*", i + 1
        elif c == "?":
            out, i = out + "[^/]", i + 1
        elif c == "[":
            end = pattern.index("]", i + 2)
            out, i = out + "[" + pattern[i + 1:end].replace("!", "^", 1) + "]", end + 1
        elif c == "{":
            out, i = out + "(?:", i + 1
        elif c == "}":
            out, i = out + ")", i + 1
        elif c == "," and out.count("(?:") > out.count(")"):
            out, i = out + "|", i + 1
        else:
            out, i = out + re.escape(c), i + 1
    _regexes[pattern] = re.compile(out + r"\Z", re.S)
    return _regexes[pattern]


def matches(pattern, path):
    return glob_regex(pattern).match(path) is not None


def excluded(pattern, path):
    """A pattern that matches a folder excludes what is below it."""
    parts = path.split("/")
    return any(matches(pattern, "/".join(parts[:n])) for n in range(1, len(parts) + 1))


# ---- the view ------------------------------------------------------------------------------------------------------

class LoadError(Exception):
    pass


class Node:
    """What the model knows of one target."""

    def __init__(self, t):
        self.t = t
        self.edges = []  # (uid, entry index or None)
        self.literals, self.sets, self.names = [], [], None
        self.outcome, self.result = None, None
        self.missing = False  # an input does not exist
        self.by_entry, self.made = [], {}
        self.full = self.must = self.weak_full = self.weak_must = None
        self.static_full = self.static_must = None
        self.deps_full, self.deep_full, self.visible = None, None, frozenset()


class View:
    def __init__(self, world):
        self.world, self.spec = world, world.spec
        self.root = world.root
        self.files, self.folders = scan(self.root)
        self.mode = world.env.get("MODE") or "m0"
        self.owned = {}  # path -> (uid, entry) or (uid, None) for a depfile
        self.find_outputs()
        self.src = {p: e for p, e in self.files.items() if p not in self.owned}
        self.seen = self.not_ignored()
        self.virtual = {}  # outputs as computed
        self.conf_word = re.search(rb'"word": "(\w+)"', self.files["conf.json"][1])[1].decode()
        self.tools = {}
        self.nodes = {}
        self.load_errors = []
        self.evaluate()

    # -- files --
    def owner(self, path):
        for t in self.spec.targets.values():
            for i, o in enumerate(t.outputs):
                kind = entry_kind(o)
                if o == path or (kind == "folder" and path.startswith(o)) or (kind == "glob" and matches(o, path)):
                    return t.uid, i
            if t.depfile == path:
                return t.uid, None
        return None

    def find_outputs(self):
        for path in self.files:
            by = self.owner(path)
            if by:
                self.owned[path] = by

    def not_ignored(self):
        p = subprocess.run(["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=self.root,
                           env=self.world.plain_env, stdout=subprocess.PIPE, check=True)
        paths = set(p.stdout.decode().split("\0")) - {""}
        return sorted(x for x in paths if x in self.src and not x.startswith(".tgraph/"))

    def folder_ignored(self, path):
        rules = self.files.get(".gitignore", ("f", b""))[1].decode().split("\n")
        return path == "scratch" and "scratch/" in rules

    def entry(self, path):
        if path.startswith("/"):
            return entry_at(path)
        return self.virtual[path] if path in self.virtual else self.src.get(path)

    def read(self, path):
        e = self.entry(path)
        if e is None:
            return None
        if e[0] == "l":
            return e[3]
        return e[1]

    def exists(self, path):
        e = self.entry(path)
        return e is not None and (e[0] != "l" or e[2] is not None)

    def names_in(self, folder):
        return sorted(os.listdir(os.path.join(self.root, folder))) if folder in self.folders else []

    def program(self, path):
        """A program that is started by path: links are followed."""
        e = self.entry(path)
        return (e[2], e[3]) if e and e[0] == "l" and e[2] else e

    def shell_glob(self, pattern):
        if "*" not in pattern and "[" not in pattern:
            return [pattern]
        # What the scan saw in output folders may be of an earlier state: only what was computed counts there.
        found = [p for p in (*self.src, *self.virtual) if matches(pattern, p)
                 and not p.rsplit("/", 1)[-1].startswith(".")]
        return sorted(set(found))

    # -- inputs --
    def glob(self, patterns, nots=(), among=None):
        among = self.seen if among is None else among
        return [p for p in among if any(matches(g, p) for g in patterns)
                and not any(excluded(n, p) for n in nots)]

    def args(self, t, k):
        return self.glob([p for p in t.args[k] if not p.startswith("!")], [p[1:] for p in t.args[k] if p[0] == "!"])

    def tool(self, name):
        """(type, content, path) of what PATH gives, or None."""
        if name not in self.tools:
            self.tools[name] = None
            for folder in self.world.path.split(":"):
                path = os.path.join(folder, name)
                e = entry_at(path)
                if e and (e[0] == "x" or (e[0] == "l" and e[2] == "x")):
                    self.tools[name] = (e[0], e[1] if e[0] == "x" else e[3], path)
                    break
        return self.tools[name]

    def interpreters(self, content):
        """Names and paths that a script's first line asks for."""
        if not content.startswith(b"#!"):
            return []
        words = content.split(b"\n")[0][2:].decode().split()
        return words[:2] if words[0].endswith("/env") else words[:1]

    def tool_closure(self, name):
        """{(path, type, digest)} of a tool and of what runs it; a missing one is in it by name."""
        found, todo = {}, [name]
        while todo:
            n = todo.pop()
            if n in found:
                continue
            if "/" in n:
                e = entry_at(n)
                e = (e[0], e[3] if e[0] == "l" else e[1], n) if e else None
            else:
                e = self.tool(n)
            if e is None:
                found[n] = (n, None, None)
                continue
            found[n] = (e[2], e[0], content_digest(e[1] or b""))
            todo += self.interpreters(e[1] or b"")
        return found

    def target_tools(self, t, cmd):
        if not isinstance(cmd, tuple):
            return {}  # /bin/sh, whatever PATH gives: the same all the time
        program = cmd[1][0]
        if "/" not in program:
            return self.tool_closure(program)
        found = {}
        if t.op == "repo_script":
            e = self.program("bin/chk.sh")
            for name in self.interpreters(e[1]) if e else []:
                found.update(self.tool_closure(name))
        return found

    def declared_env(self, t):
        env = {n: self.world.env.get(n) for n in t.env_pass}
        env.update(t.env_set)
        return sorted(env.items())

    def is_input_dir(self, path):
        return path in self.folders

    def sort_inputs(self, node):
        """Literals, sets and edges of one target, as tgraph's documentation says."""
        t = node.t
        items = list(t.inputs) if t.inputs is not None else []
        lits, outs, globs, nots, ignored, edge_texts = set(), [], [], [], [], {}
        any_positive = False

        def literal(path, by_name):
            if path in self.folders:
                (ignored if self.folder_ignored(path) else globs).append(path + "/**")
            elif by_name:
                globs.append(path)
            elif path not in self.src:
                self.load_errors.append(f"{t.label()}: input {path} does not exist")
                node.missing = True
            else:
                lits.add(path)

        def out(item):
            entry = self.spec.targets[item[1]].outputs[item[2]]
            outs.append((entry + item[3] if item[0] == "inner" else entry, item[1], item[2]))

        for item in items:
            if item[0] == "not":
                nots.append(item[1])
                continue
            any_positive = True
            if item[0] == "glob":
                globs.append(item[1])
            elif item[0] == "lit":
                literal(item[1], False)
            elif item[0] == "args":
                for p in self.args(t, item[1]):
                    literal(p, False)
            else:
                out(item)
        if items and not any_positive:
            globs.append((t.dir + "/" if t.dir else "") + "**")
        if t.stdin and t.stdin[0] == "file":
            literal(t.stdin[1], False)
        for path in self.script_literal(t):
            literal(path, False)
        if t.op == "run_made":
            out(("out", t.p["by"], 0))
        if t.inputs is None and t.kind != "group":
            node.sets.append(self.glob([(t.dir + "/" if t.dir else "") + "**"]))
        if globs:
            node.sets.append(self.glob(globs, nots))
        if ignored:
            node.sets.append(sorted(self.glob(ignored, nots, self.src)))
        node.literals = sorted(lits)
        may_globs, may_nots = [], []
        for item in t.may:
            (may_nots if item[0] == "not" else may_globs).append(item[1])
        if t.may:
            node.names = self.glob(may_globs, may_nots)
        for uid in t.deps:
            node.edges.append((uid, None))
        for text, uid, i in sorted(outs):
            edge_texts[text] = (uid, i)
        for text in sorted(edge_texts):
            if (edge_texts[text][0], None) not in node.edges and edge_texts[text] not in node.edges:
                node.edges.append(edge_texts[text])

    def script_literal(self, t):
        return ["bin/chk.sh"] if t.op == "repo_script" else []

    # -- everything --
    def all_targets(self):
        """The spec's targets in order of need, with those that the generator's output declares."""
        yield from sorted(self.spec.targets.values(), key=lambda t: t.uid)
        if self.spec.generator is not None:
            made = self.virtual.get(self.spec.targets[self.spec.generator].outputs[0])
            for name in made[1].decode().split() if made else []:
                t = Target("gen-" + name, "test", "generated")
                t.name, t.p = "gen-" + name, {"name": name}
                yield t

    def evaluate(self):
        if self.spec.broken:
            self.load_errors.append("the Testfile is broken")
        for t in self.spec.targets.values():
            self.nodes[t.uid] = Node(t)
            self.sort_inputs(self.nodes[t.uid])
        if self.spec.broken:
            return
        for t in self.all_targets():
            self.evaluate_node(self.nodes.setdefault(t.uid, Node(t)))

    def is_bad(self, uid):
        return self.nodes[uid].outcome not in ("passed", "flaky")

    def evaluate_node(self, node):
        t = node.t
        if any(self.is_bad(uid) for uid, _ in node.edges):
            node.outcome = "skipped"
        elif t.kind == "group":
            node.outcome = "passed"
        else:
            node.result = ops.evaluate(self, t)
            node.outcome = node.result.outcome
            for path, entry in node.result.outputs.items():
                if entry[0] == "l":
                    to = node.result.outputs[os.path.join(os.path.dirname(path), entry[1])]
                    entry = ("l", entry[1], to[0], to[1])
                self.virtual[path] = node.made[path] = entry
        self.make_keys(node)

    # -- keys --
    def marks(self, paths):
        return tuple((p, *mark_of(self.entry(p))) for p in paths)

    def edge_full(self, uid, i):
        to = self.nodes[uid]
        return to.deep_full if i is None else ("edge", to.t.outputs[i], to.by_entry[i], to.deps_full)

    def command_key(self, t):
        if t.op == "generated":
            return f"echo {t.name} >>{self.world.ran}; [ {t.p['name']} != BAD ]"
        cmd = ops.command(self.spec, t, self.world.ran)
        argv = isinstance(cmd, tuple)
        words = []
        for p in cmd[1] if argv else cmd:
            if isinstance(p, str):
                words.append(p)
            elif p[0] == "lua":
                words.append(self.conf_word if p[1] == "conf.word" else self.mode)
            else:
                got = [p[len(t.dir) + 1:] if t.dir else p for p in self.args(t, p[1])]
                words += got if argv else [" ".join(got)]
        return tuple(words) if argv else "".join(words)

    def make_keys(self, node):
        t = node.t
        for i, o in enumerate(t.outputs):
            kind = entry_kind(o)
            paths = sorted(p for p in node.made if p == o or (kind == "folder" and p.startswith(o)) or
                           (kind == "glob" and matches(o, p)))
            node.by_entry.append(tuple((p, *mark_of(node.made[p])) for p in paths))
        if node.edges:
            node.deps_full = digest([self.edge_full(uid, i) for uid, i in node.edges])
        folders = [o for o in t.outputs if o.endswith("/")]  # an empty one counts too
        node.deep_full = digest("deep", t.kind, folders, node.by_entry, node.deps_full)
        visible = set()
        for uid, i in node.edges:
            to = self.nodes[uid]
            visible |= to.visible
            for k, files in enumerate(to.by_entry):
                if i is None or i == k:
                    visible |= set(files)
        node.visible = frozenset(visible)
        if t.kind == "group":
            node.static_full = digest("group", t.dir, [(i, self.nodes[u].static_full) for u, i in node.edges])
            node.static_must = digest("group", sorted({self.nodes[u].static_must for u, i in node.edges}))
            return
        cmd = self.command_key(t)
        tools = self.target_tools(t, ops.command(self.spec, t, self.world.ran) if t.op != "generated" else "")
        own = [t.label(), t.kind, cmd, t.where(), self.declared_env(t), t.stdin, t.outputs, t.depfile, t.codes,
               self.world.path, self.world.home]
        content = [self.marks(s) for s in node.sets]
        if node.literals:
            content.insert(0, self.marks(node.literals))
        flat = sorted({m for s in content for m in s}, key=repr)
        may = list(node.names or [])
        if may and not t.depfile:  # counts by content then
            content.append(self.marks(may))
            flat = sorted({*flat, *self.marks(may)}, key=repr)
            may = []
        tools_full, tools_must = sorted(tools.items()), sorted(set(tools.values()), key=repr)
        node.weak_full = digest(own, tools_full, content, node.names, node.deps_full)
        node.weak_must = digest(own, tools_must, flat, sorted(may), sorted(node.visible, key=repr))
        static = [(self.nodes[u].t.outputs[i] if i is not None else None, self.nodes[u]) for u, i in node.edges]
        node.static_full = digest(own, tools_full, content, self.marks(may), [(o, n.static_full) for o, n in static])
        node.static_must = digest(own, tools_must, flat, self.marks(may),
                                  sorted({(str(o), n.static_must) for o, n in static}))
        node.full, node.must = node.weak_full, node.weak_must
        if t.depfile and node.result and node.result.reads is not None:
            node.full, node.must = self.strong(node, self.not_made(node.result.reads))

    def not_made(self, reads):
        return tuple(p for p in reads if p not in self.virtual)

    def strong(self, node, reads):
        now = []
        for p in reads:
            if p.endswith("/"):
                names = [(n, "d" if f"{p}{n}" in self.folders else "l" if self.files[f"{p}{n}"][0] == "l" else "f")
                         for n in sorted(self.names_in(p[:-1]))]
                now.append((p, names if p[:-1] in self.folders else None))
            else:
                now.append((p, *mark_of(self.entry(p))))
        return digest(node.weak_full, now), digest(node.weak_must, now)

    # -- which --
    def needed(self, uids):
        need, todo = set(), list(uids)
        while todo:
            u = todo.pop()
            if u not in need:
                need.add(u)
                todo += [e[0] for e in self.nodes[u].edges]
        return need
