# SPDX-License-Identifier: MIT
"""What `--since` must say, from two checkouts in two folders and nothing but `tgraph list --json --keys` in each.

Side A is a clean checkout of the base. Side B is a copy of the work tree, or a clean checkout of the index or of a
revision. A file that git does not track and that the ignore rules of both sides cover belongs to no revision: it is
copied to both.
"""
import json
import os
import shutil

from .repo import copy_file, copy_tree, is_dir, lexists

LOADED, BROKEN = "loaded", "broken"


class Side:
    def __init__(self, status, keys, text, groups=()):
        self.status, self.keys, self.text, self.groups = status, keys, text, groups


class Oracle:
    def __init__(self, repo, tgraph):
        self.repo, self.tgraph = repo, tgraph
        self.commands = 0

    # ---- tgraph ----

    def call(self, cwd, args, variables, env=None):
        self.commands += 1
        p = self.repo.run([self.tgraph, *args], cwd, {**variables, **(env or {})}, may_fail=True)
        return p.returncode, p.stdout.decode(errors="replace"), p.stderr.decode(errors="replace")

    def list_side(self, folder, variables):
        """Static keys by label of what is in a folder."""
        root = os.path.join(folder, self.repo.prefix)
        if not os.path.isdir(root):
            return Side(BROKEN, {}, "T001: the root is not there")
        env = {k: v for k, v in self.repo.env.items() if not k.startswith("GIT_")}
        cache = os.path.join(self.repo.base, "oracle-cache")
        p = self.plain([self.tgraph, "list", "--json", "--keys"], root, {**env, **variables, "TGRAPH_CACHE_DIR": cache})
        if p.returncode not in (0, 2):
            raise AssertionError(f"tgraph list in {root}: status {p.returncode}: {p.stderr.decode(errors='replace')}")
        text = p.stderr.decode(errors="replace")
        if p.returncode == 2:
            return Side(BROKEN, {}, text)
        rows = [json.loads(line) for line in p.stdout.decode().splitlines()]
        return Side(LOADED, keys_of(rows), text, {row["target"] for row in rows if row["kind"] == "group"})

    def plain(self, argv, cwd, env):
        saved, self.repo.env = self.repo.env, env
        try:
            self.commands += 1
            return self.repo.run(argv, cwd, may_fail=True)
        finally:
            self.repo.env = saved

    # ---- checkouts ----

    def folder(self, side):
        top = os.path.join(self.repo.base, side, "repo")
        shutil.rmtree(top, ignore_errors=True)
        for name in (top + ".index", top + ".index.lock"):
            if lexists(name):
                os.unlink(name)
        return top

    def finish(self, top):
        """What makes a folder a repository for tgraph: .git with the exclude file, if the work tree has one."""
        if self.repo.style == "apart":
            return
        os.makedirs(os.path.join(top, ".git", "info"), exist_ok=True)
        if os.path.isfile(self.repo.exclude_file()):
            shutil.copyfile(self.repo.exclude_file(), os.path.join(top, ".git", "info", "exclude"))

    def copy_of_work_tree(self, variables):
        top = self.folder("b")
        copy_tree(self.repo.top, top)
        self.finish(top)
        return self.list_side(top, variables)

    def index_tree(self):
        """The tree that `git commit` would record."""
        copy = os.path.join(self.repo.base, "index.copy")
        if not os.path.exists(self.repo.index()):
            return self.repo.text("hash-object", "-t", "tree", "/dev/null", "-w")
        shutil.copyfile(self.repo.index(), copy)
        return self.repo.text("write-tree", env={"GIT_INDEX_FILE": copy})

    def two_checkouts(self, tree_a, tree_b, variables, with_ignored):
        a, b = Checkout(self.repo, tree_a, self.folder("a")), Checkout(self.repo, tree_b, self.folder("b"))
        if with_ignored:
            both = b.ignored(a.ignored(untracked(self.repo))) - a.tracked - b.tracked
            a.add_ignored(both)
            b.add_ignored(both)
        self.finish(a.top)
        self.finish(b.top)
        return self.list_side(a.top, variables), self.list_side(b.top, variables)

    def base_of_work_tree(self, tree, variables):
        a = Checkout(self.repo, tree, self.folder("a"))
        a.add_ignored(a.ignored(ignored_in_work_tree(self.repo)))
        self.finish(a.top)
        return self.list_side(a.top, variables)


class Checkout:
    """A tree in a folder of its own. Where the work tree has a submodule checked out, so does this."""

    def __init__(self, repo, tree, top):
        self.repo, self.top = repo, top
        self.env = {"": repo.checkout_tree(tree, top)}  # by the path of the repository, "" = the one itself
        self.links, self.tracked = {}, set()
        for row in repo.git("ls-tree", "-r", "-z", tree).decode(errors="surrogateescape").split("\0"):
            if row:
                meta, path = row.split("\t", 1)
                self.tracked.add(("", path))
                if meta.startswith("160000"):
                    self.links[path] = meta.split()[2]
        for path, commit in self.links.items():
            git_dir = repo.submodule_git_dir(path)
            folder = os.path.join(top, path)
            if git_dir and not repo.sub(os.path.join(repo.top, path), "cat-file", "-e", commit + "^{tree}").returncode:
                self.env[path] = repo.checkout_tree(commit, folder, git_dir)
                os.unlink(folder + ".index")
            else:
                os.makedirs(folder, exist_ok=True)

    def ignored(self, paths):
        """Which of (repository, path) the rules here cover. What lies behind a link or a file is not here at all."""
        out = set()
        for sub in {s for s, _ in paths}:
            mine = [p for s, p in paths if s == sub]
            if sub == "":
                mine = [p for p in mine if not any(p.startswith(link + "/") for link in self.links)]
            if sub in self.env:
                out |= {(sub, p) for p in check_ignore(self.repo, os.path.join(self.top, sub), self.env[sub], mine)}
        return out

    def add_ignored(self, paths):
        """From the work tree, where nothing tracked is in the way."""
        for sub, path in sorted(paths):
            top = os.path.join(self.top, sub)
            to = os.path.join(top, path)
            if lexists(to) or not parents_are_folders(top, path):
                continue
            os.makedirs(os.path.dirname(to), exist_ok=True)
            source = os.path.join(self.repo.top, sub, path)
            if os.path.islink(source):
                os.symlink(os.readlink(source), to)
            elif os.path.isfile(source):
                copy_file(source, to)


def work_tree_repositories(repo):
    """The repository itself and its submodules that are checked out: path and environment."""
    out = {"": {}}
    for row in repo.git("ls-files", "-s", "-z").decode(errors="surrogateescape").split("\0"):
        if row.startswith("160000"):
            path = row.split("\t", 1)[1]
            git_dir = repo.submodule_git_dir(path)
            if git_dir:
                out[path] = {"GIT_DIR": git_dir, "GIT_WORK_TREE": os.path.join(repo.top, path)}
    return out


def untracked(repo):
    """Files of the work tree, ignored or not: repository and path."""
    out = []
    for sub, env in work_tree_repositories(repo).items():
        rows = repo.run(["git", "ls-files", "-o", "-z"], os.path.join(repo.top, sub), env)
        rows = rows.decode(errors="surrogateescape").split("\0")
        out += [(sub, p) for p in rows if p and not p.endswith("/") and ".tgraph" not in p.split("/")]
    return out


def ignored_in_work_tree(repo):
    out, paths = set(), untracked(repo)
    for sub, env in work_tree_repositories(repo).items():
        mine = [p for s, p in paths if s == sub]
        out |= {(sub, p) for p in check_ignore(repo, os.path.join(repo.top, sub), env, mine)}
    return out


def check_ignore(repo, folder, env, paths):
    paths = [p for p in paths if parents_are_folders(folder, p)]
    if not paths:
        return set()
    data = "\0".join(paths).encode(errors="surrogateescape") + b"\0"
    p = repo.run(["git", "check-ignore", "--no-index", "--stdin", "-z"], folder, env, data, may_fail=True)
    if p.returncode not in (0, 1):
        raise AssertionError(f"check-ignore: {p.stderr.decode(errors='replace')}")
    return set(x for x in p.stdout.decode(errors="surrogateescape").split("\0") if x)


def parents_are_folders(top, path):
    """Or can be made."""
    at = top
    for part in path.split("/")[:-1]:
        at = os.path.join(at, part)
        if not lexists(at):
            return True
        if not is_dir(at):
            return False
    return True


def keys_of(rows):
    keys = {}
    for row in rows:
        if row["target"] in keys:
            raise AssertionError(f"listed twice: {row['target']}")
        keys[row["target"]] = row["static_key"]
    return keys


def affected(a, b):
    """The labels of b that a does not have with the same key; everything if the base does not load."""
    if a is None or a.status != LOADED:
        return set(b.keys)
    return {label for label, key in b.keys.items() if a.keys.get(label) != key}
