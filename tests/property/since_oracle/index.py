# SPDX-License-Identifier: MIT
"""Changes of the index: staged, unstaged, both, intent to add, modes, flags, races."""
import os

from .repo import is_file, read, remove
from .world import content


def tracked(w):
    return [p for p in w.repo.git("ls-files", "-z").decode().split("\0") if p]


def changed(w):
    rows = w.repo.git("status", "--porcelain", "-z", "--no-renames", "-uall").decode().split("\0")
    return [x[3:] for x in rows if x]


def stage_some(w):
    paths = [p for p in changed(w) if w.r.random() < 0.5]
    if paths:
        w.repo.try_git("add", "-A", "--", *[":(literal,top)" + p for p in paths])
        return f"git add {paths}"


def stage_all(w):
    w.repo.try_git("add", "-A")
    return "git add -A"


def stage_known(w):
    w.repo.try_git("add", "-u")
    return "git add -u"


def intend(w):
    paths = [p for p in w.repo.git("ls-files", "-o", "--exclude-standard", "-z").decode().split("\0") if p]
    if paths:
        path = w.r.choice(paths)
        w.repo.try_git("add", "-N", "--", ":(literal,top)" + path)
        return f"git add -N {path}"


def index_op(w, name, *args, pool=None):
    paths = pool if pool is not None else tracked(w)
    if paths:
        path = w.r.choice(paths)
        if not w.repo.try_git(*args, path if args[0] == "update-index" else ":(literal,top)" + path).returncode:
            return f"{name} {path}"


def uncache(w):
    return index_op(w, "git rm --cached", "rm", "-q", "-f", "--cached", "--")


def git_rm(w):
    paths = [p for p in tracked(w) if not w.is_own(os.path.relpath(p, w.repo.prefix or "."))]
    return index_op(w, "git rm", "rm", "-q", "-f", "--", pool=paths)


def index_mode(w):
    return index_op(w, "chmod in the index", "update-index", w.r.choice(["--chmod=+x", "--chmod=-x"]))


def unstage(w):
    return index_op(w, "git reset", "reset", "-q", "--")


def force_add(w):
    paths = w.repo.git("ls-files", "-o", "-i", "--exclude-standard", "-z").decode().split("\0")
    paths = [p for p in paths if p and ".tgraph/" not in p]
    return index_op(w, "git add -f", "add", "-f", "--", pool=paths) if paths else None


def blind(w):
    """git is told not to look at a file, and it changes."""
    path = w.pick(regular=True, own=0)
    if path:
        rel = os.path.relpath(w.repo.path(path), w.repo.top)
        flag = w.r.choice(["--assume-unchanged", "--skip-worktree"])
        if not w.repo.try_git("update-index", flag, rel).returncode:
            w.write(path, content(w.r, path))
            return f"{flag} {path}, and an edit"


def from_revision(w):
    if w.commits:
        rev = w.r.choice(w.commits)
        paths = w.repo.git("ls-tree", "-r", "--name-only", "-z", rev).decode().split("\0")
        paths = [p for p in paths if p and not p.endswith("Testfile.lua")]
        if paths:
            path = w.r.choice(paths)
            w.repo.try_git("checkout", "-q", "-f", rev, "--", ":(literal,top)" + path)
            return f"git checkout {rev[:8]} {path}"


def racy(w):
    """Staged, then other content of the same size at once, at times with the time that the index knows."""
    path = w.pick(regular=True, own=0)
    if not path or not read(w.repo.path(path)):
        return None
    rel = os.path.relpath(w.repo.path(path), w.repo.top)
    if rel not in tracked(w):
        return None
    full = w.repo.path(path)
    w.repo.try_git("add", "--", ":(literal,top)" + rel)
    before = os.stat(full)
    data = read(full)
    new = bytes([data[0] ^ 1]) + data[1:] if data[0] > 32 else data[:-1] + b"Q"
    w.write(path, new, in_place=True)
    if w.r.random() < 0.6:
        os.utime(full, ns=(before.st_atime_ns, before.st_mtime_ns))
    if w.r.random() < 0.5:
        w.repo.try_git("update-index", "-q", "--refresh")
    return f"racy {path}"


def staged_and_edited(w):
    path = w.pick(regular=True)
    if path:
        rel = ":(literal,top)" + os.path.relpath(w.repo.path(path), w.repo.top)
        w.write(path, content(w.r, path))
        w.repo.try_git("add", "--", rel)
        w.write(path, content(w.r, path))
        return f"staged and edited again {path}"


def refresh(w):
    w.repo.try_git("update-index", "-q", "--refresh")
    return "index refreshed"


def as_checked_out(w):
    """Where git sees no change, the bytes of a checkout: of line endings and ident git thinks the other one as good."""
    base = w.repo.base
    folder = os.path.join(base, "c", "repo")
    for name in (folder, folder + ".index"):
        remove(name)
    index = os.path.join(base, "index.copy")
    with open(index, "wb") as f:
        f.write(read(w.repo.index()))
    w.repo.try_git("update-index", "-q", "--really-refresh", env={"GIT_INDEX_FILE": index})
    tree = w.repo.text("write-tree", env={"GIT_INDEX_FILE": index})
    w.repo.checkout_tree(tree, folder)
    differ = set(w.repo.git("diff-files", "--name-only", "-z", env={"GIT_INDEX_FILE": index}).decode().split("\0"))
    n = 0
    for path in tracked(w):
        mine, theirs = os.path.join(w.repo.top, path), os.path.join(folder, path)
        if path not in differ and is_file(mine) and is_file(theirs) and read(mine) != read(theirs):
            w.write(mine, read(theirs), in_place=True)
            n += 1
    return f"{n} files as a checkout has them" if n else None


def wake(w):
    """After a change of attributes git's index may hold a file for unchanged that git would find changed if it looked;
    it does not look before the file's times move. They move."""
    p = w.repo.try_git("diff-files", "--name-only", "-z")
    if p.returncode:  # a .gitmodules that git cannot read, say
        return None
    seen = set(p.stdout.decode().split("\0"))
    rows = [x.split("\t", 1) for x in w.repo.git("ls-files", "-s", "-z").decode().split("\0") if x.startswith("100")]
    rows = [(meta.split()[1], path) for meta, path in rows
            if path not in seen and is_file(os.path.join(w.repo.top, path))]
    if not rows:
        return None
    p = w.repo.try_git("hash-object", "--stdin-paths", data="".join(path + "\n" for _, path in rows).encode())
    moved = [path for (oid, path), now in zip(rows, p.stdout.decode().split()) if oid != now]
    for path in moved:
        os.utime(os.path.join(w.repo.top, path))
    return f"touched {moved}" if moved else None
