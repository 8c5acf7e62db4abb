# SPDX-License-Identifier: MIT
"""A git repository in a folder, with git kept from everything that a person or machine has configured.

    base/w/repo     the work tree (base/w/main: the repository of which it may be a linked work tree)
    base/a, base/b  where the oracle makes its checkouts: equally deep, so that links out of the repository lead
                    to the same things
    base/bin        tools, first on PATH
"""
import os
import shutil
import subprocess

NAME = ["-c", "user.name=T", "-c", "user.email=t@example.org"]


class GitError(Exception):
    pass


def lexists(path):
    return os.path.lexists(path)


def is_file(path):
    """A regular file, not a link to one."""
    return os.path.isfile(path) and not os.path.islink(path)


def is_dir(path):
    return os.path.isdir(path) and not os.path.islink(path)


def remove(path):
    if is_dir(path):
        shutil.rmtree(path)
    elif lexists(path):
        os.unlink(path)


def read(path):
    with open(path, "rb") as f:
        return f.read()


def copy_tree(source, target, leave_out=(".git", ".tgraph")):
    """Files, links and folders with their modes; names in leave_out are not copied, at no depth."""
    os.makedirs(target, exist_ok=True)
    with os.scandir(source) as entries:
        for e in entries:
            if e.name in leave_out:
                continue
            to = os.path.join(target, e.name)
            if e.is_symlink():
                os.symlink(os.readlink(e.path), to)
            elif e.is_dir():
                copy_tree(e.path, to, leave_out)
            else:
                copy_file(e.path, to)


def copy_file(source, target):
    with open(source, "rb") as f, open(target, "wb") as t:
        t.write(f.read())
        os.fchmod(t.fileno(), os.fstat(f.fileno()).st_mode & 0o777)


class Repo:
    def __init__(self, base, style, prefix):
        """style: "plain", "linked" (a linked work tree), "apart" (GIT_DIR and GIT_WORK_TREE name both);
        prefix: the tgraph root's folder below the top of the work tree, "" or "proj"."""
        self.base, self.style, self.prefix = base, style, prefix
        self.top = os.path.join(base, "w", "repo")
        self.root = os.path.join(self.top, prefix) if prefix else self.top
        self.git_dir = {"plain": os.path.join(self.top, ".git"), "linked": os.path.join(base, "w", "main", ".git"),
                        "apart": os.path.join(base, "w", "git-dir")}[style]  # after init: that of the work tree
        self.common_dir = self.git_dir
        self.clock = 1_700_000_000
        self.env = {"PATH": os.path.join(base, "bin") + ":" + os.environ.get("PATH", "/usr/bin:/bin"),
                    "HOME": os.path.join(base, "home"), "LC_ALL": "C.UTF-8", "GIT_CONFIG_GLOBAL": "/dev/null",
                    "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "GIT_OPTIONAL_LOCKS": "0",
                    "GIT_ADVICE": "0", "TGRAPH_CACHE_DIR": os.path.join(base, "cache"),
                    "GIT_AUTHOR_DATE": "1700000000 +0000", "GIT_COMMITTER_DATE": "1700000000 +0000"}
        for name in ("w", "bin", "home", "outside"):
            os.makedirs(os.path.join(base, name))

    def init(self):
        if self.style == "linked":
            main = os.path.join(self.base, "w", "main")
            self.run(["git", "init", "-q", "-b", "trunk", main], self.base)
            self.run(["git", *NAME, "commit", "-q", "--allow-empty", "-m", "empty"], main)
            self.run(["git", "worktree", "add", "-q", "-b", "main", self.top], main)
            self.git_dir = self.run(["git", "rev-parse", "--absolute-git-dir"], self.top).decode().strip()
        elif self.style == "apart":
            os.makedirs(self.top)
            self.run(["git", "init", "-q", "-b", "main", "--bare", self.git_dir], self.base)
            self.run(["git", "config", "core.bare", "false"], self.base, {"GIT_DIR": self.git_dir})
            self.env.update(GIT_DIR=self.git_dir, GIT_WORK_TREE=self.top)
        else:
            self.run(["git", "init", "-q", "-b", "main", self.top], self.base)
        os.makedirs(os.path.join(self.common_dir, "info"), exist_ok=True)
        os.makedirs(self.root, exist_ok=True)

    def run(self, argv, cwd, env=None, data=None, may_fail=False):
        p = subprocess.run(argv, cwd=cwd, env={**self.env, **env} if env else self.env, input=data,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120,
                           **({} if data is not None else {"stdin": subprocess.DEVNULL}))
        if p.returncode and not may_fail:
            raise GitError(f"{argv} in {cwd}: {p.returncode}: {p.stderr.decode(errors='replace')}")
        return p if may_fail else p.stdout

    def git(self, *args, **more):
        """In the work tree."""
        return self.run(["git", *args], self.top, **more)

    def try_git(self, *args, **more):
        return self.run(["git", *args], self.top, may_fail=True, **more)

    def text(self, *args, **more):
        return self.git(*args, **more).decode().strip()

    def sub(self, folder, *args, may_fail=True):
        """git in a submodule, or in another repository below the work tree."""
        env = {"GIT_DIR": "", "GIT_WORK_TREE": ""}
        saved, self.env = self.env, {k: v for k, v in self.env.items() if k not in env}
        try:
            p = self.run(["git", *NAME, *args], folder, may_fail=True)
        finally:
            self.env = saved
        if p.returncode and not may_fail:
            raise GitError(f"{args} in {folder}: {p.stderr.decode(errors='replace')}")
        return p

    def path(self, rel):
        """A path seen from tgraph's root."""
        return os.path.join(self.root, rel)

    def index(self):
        return os.path.join(self.git_dir, "index")

    def exclude_file(self):
        return os.path.join(self.common_dir, "info", "exclude")

    def tick(self, seconds):
        self.clock += seconds
        self.env["GIT_AUTHOR_DATE"] = self.env["GIT_COMMITTER_DATE"] = f"{self.clock} +0000"

    def commit_index(self, parents, message):
        """The index as a commit; no branch moves."""
        tree = self.text("write-tree")
        return self.text(*NAME, "commit-tree", tree, *[a for p in parents for a in ("-p", p)], "-m", message)

    def checkout_tree(self, tree, folder, git_dir=None):
        """A clean checkout of a tree (or commit) in a new folder, as git makes it with this repository's
        configuration and attributes. The work tree, its index and HEAD are not touched. Returns the environment in
        which git sees the checkout as its work tree."""
        os.makedirs(folder, exist_ok=True)
        index = folder + ".index"
        env = {"GIT_DIR": git_dir or self.git_dir, "GIT_WORK_TREE": folder, "GIT_INDEX_FILE": index}
        self.run(["git", "read-tree", "-m", "-u", tree], folder, env)
        return env

    def submodule_git_dir(self, path):
        """Of the repository at a path of the work tree, None if there is none."""
        folder = os.path.join(self.top, path)
        if not is_dir(folder) or not lexists(os.path.join(folder, ".git")):
            return None
        p = self.sub(folder, "rev-parse", "--absolute-git-dir")
        return p.stdout.decode().strip() if not p.returncode else None
