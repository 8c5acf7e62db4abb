# SPDX-License-Identifier: MIT
"""A repository that is changed at random: its work tree, its Testfiles as data, its commits."""
import copy
import os
import stat

from . import spec as specs
from .repo import is_dir, is_file, lexists, remove

FOLDERS = ["", "", "src", "src", "src/deep", "src/deep/er", "lib", "lib/x y", "tests", "data", "tools", "gen",
           "docs.d", "out", "link", "sub"]
NAMES = ["a.txt", "b.txt", "c.c", "d.c", "e.h", "f.o", "g.log", "keep.txt", "ü.txt", "h.tmp", ".dot", "n[1].c",
         "list.json", "conf.yaml", "run.sh", "go.py", "x.lua", "o1.txt", "o2.txt", "B.TXT"]
HEADS = ["#!/bin/sh\n", "#!/usr/bin/env python3\n", "#!/usr/bin/env -S sh -e\n", "#!/bin/cat\n", "#! /bin/sh -e\n",
         "#!/usr/bin/env nosuch\n", "#!/no/such\n", "#!/usr/bin/env mytool\n", "", "#!/bin/sh\r\n"]
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"4d7a" * 16 + b"\nsize 12345\n"


def content(r, path):
    name = os.path.basename(path)
    if name.endswith(".json"):
        return r.choice(['["one", "two"]', '["one"]', '[]', '["x-1", "two", "three"]', '{"k": 1}', '[\n  "one"\n]\n',
                         '["one",\r\n"two"]\r\n']).encode()
    if name.endswith(".yaml"):
        return r.choice(["k: 1\n", "- one\n- two\n", "k: {a: 2}\n", "k: |\n  one\n  two\n",
                         "k: |\r\n  one\r\n"]).encode()
    if name.endswith((".sh", ".py")):
        return (r.choice(HEADS) + f"echo {r.randrange(4)}\n").encode()
    lines = [r.choice(["one", "two", "three", "x", ""]) for _ in range(r.choice([0, 1, 1, 2, 3]))]
    form = r.randrange(14)
    if form == 0:
        return b"\0bin" + bytes([r.randrange(256) for _ in range(4)]) + b"\r\n"
    if form == 1:
        return ("".join(w + r.choice(["\n", "\r\n"]) for w in lines)).encode()
    if form == 2:
        return b"a\rb\r"
    if form == 3:
        return b"$Id$ " + str(r.randrange(3)).encode() + b"\n"
    if form == 4:
        return POINTER.replace(b"12345", str(r.randrange(10, 13)).encode())
    if form == 5:
        return "\r\n".join(lines).encode()
    if form == 6:
        return f"{r.choice('ab')}".encode()
    return "".join(w + "\n" for w in lines).encode()


def put(path, data, file_mode=0o644):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(data)
    os.chmod(path, file_mode)


class World:
    def __init__(self, repo, r, say):
        self.repo, self.r, self.say = repo, r, say
        self.spec = specs.Spec()
        self.specs = {}  # commit -> the spec that it was made with
        self.commits = []
        self.variables = {}
        self.submodule = self.sparse = False
        self.attributes = []  # more lines for .gitattributes

    # ---- files ----

    def write(self, path, data, in_place=None):
        full = path if path.startswith("/") else self.repo.path(path)
        parent = os.path.dirname(full)
        at = self.repo.top
        for part in os.path.relpath(parent, at).split("/"):
            at = os.path.join(at, part)
            if lexists(at) and not os.path.isdir(at):
                os.unlink(at)
        if not (os.path.realpath(parent) + "/").startswith(self.repo.top + "/"):
            return  # through a link to a folder elsewhere
        os.makedirs(parent, exist_ok=True)
        if is_dir(full):
            remove(full)
        elif os.path.islink(full) and not self.is_inside(full):
            os.unlink(full)
        if in_place is None:
            in_place = self.r.random() < 0.6
        script = path.endswith((".sh", ".py")) and self.r.random() < 0.8
        mode = stat.S_IMODE(os.stat(full).st_mode) if os.path.isfile(full) else 0o755 if script else 0o644
        if in_place or os.path.islink(full):
            with open(full, "wb") as f:
                f.write(data)
            if not in_place or mode & 0o111:
                os.chmod(full, mode)
        else:
            with open(full + ".new", "wb") as f:
                f.write(data)
            os.chmod(full + ".new", mode)
            os.rename(full + ".new", full)

    def is_inside(self, link):
        """Leads to a file of the work tree: what lies elsewhere must stay as it is."""
        return os.path.isfile(link) and os.path.realpath(link).startswith(self.repo.top + "/")

    def is_own(self, path):
        """Written from the spec."""
        return os.path.basename(path) == "Testfile.lua" or path in self.spec.modules

    def files(self, own=0.07):
        files, _ = specs.known_files(self.repo)
        with_own = self.r.random() < own
        return [f for f in files if with_own or not self.is_own(f)]

    def pick(self, own=0.07, regular=False):
        files = [f for f in self.files(own) if not regular or is_file(self.repo.path(f))]
        return self.r.choice(files) if files else None

    def new_path(self):
        folder, name = self.r.choice(FOLDERS), self.r.choice(NAMES)
        return f"{folder}/{name}" if folder else name

    def free_path(self):
        for _ in range(8):
            path = self.new_path()
            if not lexists(self.repo.path(path)) and self.parents_are_real(path):
                return path
        return None

    def parents_are_real(self, path):
        while path := os.path.dirname(path):
            if lexists(self.repo.path(path)) and not is_dir(self.repo.path(path)):
                return False
        return True

    def render(self):
        specs.write_all(self.spec, self.repo, self.write)

    # ---- commits ----

    def commit(self, parents=None):
        head = self.repo.try_git("rev-parse", "-q", "--verify", "HEAD").stdout.decode().strip()
        self.repo.tick(self.r.choice([0, 1, 60, 3600, -30]))
        if parents is None:
            parents = [head] if head else []
        new = self.repo.commit_index(parents, f"commit {len(self.commits)}")
        self.repo.git("update-ref", "HEAD", new)
        self.specs[new] = copy.deepcopy(self.spec)
        if new not in self.commits:
            self.commits.append(new)
        return new

    def switch(self, rev, branch=None):
        """A clean work tree of another commit; ignored files stay."""
        full = self.repo.text("rev-parse", "--verify", rev + "^{commit}")
        args = ["checkout", "-q", "-f"] + (["-B", branch] if branch else []) + [rev]
        self.repo.try_git("update-index", "--really-refresh")
        self.repo.try_git("reset", "-q", "--hard")
        self.repo.try_git("clean", "-fdq")
        if self.repo.try_git(*args).returncode:
            os.unlink(self.repo.index())  # with its flags that keep git off some files
            self.repo.try_git("clean", "-fdxq", "-e", ".tgraph")
            self.repo.git(*args)
        os.makedirs(self.repo.root, exist_ok=True)
        self.spec = copy.deepcopy(self.specs.get(full, self.spec))
