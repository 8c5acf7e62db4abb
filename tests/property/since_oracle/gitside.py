# SPDX-License-Identifier: MIT
"""What git is told about files: ignore rules, attributes, LFS, sparse checkouts, submodules."""
import os

from .repo import is_dir, is_file, lexists, read, remove
from .world import content, put

RULES = ["*.o", "*.log", "/build/", "build*/", "out", "out/", "gen/*", "!gen/keep.txt", "deep/", "/src/*.c",
         "!*.log", "data/**", "*.tmp", "go.py", "!a.txt", "a.txt", "**/er", "*.h", "!e.h", "/tests/*",
         "!/tests/a.txt", "lib/x y/", "\\!x", "# nothing", "", "*.json  ", "n[[]1].c", "ü.txt", "link", "*", "!*/",
         "!*.txt", "!Testfile.lua", "!.gitignore", "o*.txt", "gen*/"]
ATTRIBUTES = ["* text=auto", "*.txt text eol=crlf", "*.txt text eol=lf", "*.c eol=lf", "*.txt -text",
              "*.sh text eol=crlf", "*.lua text eol=crlf", "* -text", "data/** binary", "*.json text", "*.txt text",
              "*.txt ident", "[attr]mine text eol=crlf", "*.c mine", "src/** text=auto eol=crlf",
              "*.log filter=nothing", "* text=auto eol=crlf", "*.py text eol=lf", "*.h crlf"]


# ---- LFS, sparse checkouts ---------------------------------------------------------------------------------------

LFS = """#!/bin/sh
# What git-lfs does for clean and smudge, with the store of {store}
store={store}
t=$(mktemp) && trap 'rm -f "$t"' EXIT && cat >"$t" || exit 1
case $(head -c 8 "$t" | tr -d '\\0') in 'version ') pointer=1 ;; *) pointer=0 ;; esac
if [ "$1" = clean ] && [ $pointer = 0 ] && [ -s "$t" ]; then
  id=$(sha256sum <"$t"); id=${{id%% *}}
  rest=${{id#????}}; first=${{id%"$rest"}}; folder="$store/${{first%??}}/${{first#??}}"
  mkdir -p "$folder" && cp "$t" "$folder/$id" || exit 1
  printf 'version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %s\n' "$id" "$(wc -c <"$t")"
elif [ "$1" = smudge ] && [ $pointer = 1 ]; then
  id=$(sed -n 's/^oid sha256://p' "$t")
  rest=${{id#????}}; first=${{id%"$rest"}}; file="$store/${{first%??}}/${{first#??}}/$id"
  if [ -f "$file" ]; then cat "$file"; else cat "$t"; fi
else
  cat "$t"
fi
"""


def use_lfs(w):
    store = os.path.join(w.repo.common_dir, "lfs", "objects")
    put(os.path.join(w.repo.base, "bin", "fake-lfs"), LFS.format(store=store).encode(), 0o755)
    for name in ("clean", "smudge"):
        w.repo.git("config", f"filter.lfs.{name}", f"fake-lfs {name}")
    w.repo.git("config", "filter.lfs.required", "true")
    w.attributes = ["*.txt filter=lfs diff=lfs merge=lfs -text", "*.c filter=lfs -text", "src/** filter=lfs"] * 3
    return "with LFS"


def lose_lfs_object(w):
    store = os.path.join(w.repo.common_dir, "lfs", "objects")
    files = [os.path.join(at, n) for at, _, names in os.walk(store) for n in names]
    if files:
        path = w.r.choice(sorted(files))
        os.unlink(path)
        return f"LFS object {os.path.basename(path)[:8]} is gone"


def use_sparse(w):
    """By the patterns of git-sparse-checkout(1), as `git sparse-checkout set --no-cone` leaves them."""
    pool = ["!/docs.d/", "!src/deep", "!/data/", "!*.h", "!/lib/x y/", "!link", "!keep.txt", "!/gen/"]
    rows = ["/*"] + w.r.sample(pool, w.r.randint(1, 3))
    if w.repo.prefix:
        rows = [x.replace("!/", f"!/{w.repo.prefix}/") for x in rows]
    put(os.path.join(w.repo.git_dir, "info", "sparse-checkout"), ("\n".join(rows) + "\n").encode())
    w.repo.git("config", "core.sparseCheckout", "true")
    w.repo.try_git("read-tree", "-m", "-u", "HEAD")
    w.sparse = True
    return f"sparse: {rows}"


# ---- submodules ------------------------------------------------------------------------------------------------

def make_submodule(w):
    """A repository with three commits at `sub`, registered by what git add makes of it, at times by .gitmodules too."""
    folder = w.repo.path("sub")
    rel = os.path.relpath(folder, w.repo.top)
    remove(folder)
    at = folder
    if w.repo.style != "apart" and w.r.random() < 0.6:
        at = os.path.join(w.repo.base, "outside", "sub")
    os.makedirs(at)
    w.repo.sub(at, "init", "-q", "-b", "main", may_fail=False)
    for i in range(3):
        put(os.path.join(at, ".gitignore"), b"*.o\n")
        for name in w.r.sample(["a.txt", "keep.txt", "deep/c.c", "run.sh", "b.txt", "x.lua"], 3):
            put(os.path.join(at, name), content(w.r, name), 0o755 if name == "run.sh" else 0o644)
        w.repo.sub(at, "add", "-A", may_fail=False)
        w.repo.sub(at, "commit", "-q", "--allow-empty", "-m", f"{i}", may_fail=False)
    if at != folder:
        w.repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", at, rel)
    w.submodule = True
    return f"submodule {rel}{' with .gitmodules' if at != folder else ''}"


def change_submodule(w):
    folder = w.repo.path("sub")
    if not w.submodule or not is_dir(folder) or not lexists(os.path.join(folder, ".git")):
        return None
    what = w.r.choice(["checkout", "checkout", "edit", "new", "ignored", "commit", "add"])
    if what == "checkout":
        commits = w.repo.sub(folder, "rev-list", "--all").stdout.decode().split()
        if commits:
            w.repo.sub(folder, "checkout", "-q", "-f", w.r.choice(commits))
    elif what == "commit":
        put(os.path.join(folder, "a.txt"), content(w.r, "a.txt"))
        w.repo.sub(folder, "add", "-A")
        w.repo.sub(folder, "commit", "-q", "-m", "more")
    elif what == "add":
        w.repo.try_git("add", os.path.relpath(folder, w.repo.top))
    else:
        put(os.path.join(folder, {"edit": "a.txt", "new": "new.txt", "ignored": "f.o"}[what]), content(w.r, "a.txt"))
    return f"submodule: {what}"


# ---- what git is told ------------------------------------------------------------------------------------------

def lines_file(w, path, pool, wild=("*",)):
    """Some lines of the pool, or a change of those that are there."""
    old = read(path).decode(errors="replace").splitlines() if is_file(path) else []
    rows = [x for x in old if w.r.random() < 0.7]
    for _ in range(w.r.choice([0, 1, 1, 2, 3])):
        row = w.r.choice(pool)
        if row not in wild or w.r.random() < 0.15:
            rows.insert(w.r.randrange(len(rows) + 1), row)
    end = "\r\n" if w.r.random() < 0.1 else "\n"
    return "".join(x + end for x in rows).encode()


def git_file(w, name, pool):
    folders = [w.repo.path(d) for d in ["", "", "src", "lib", "data", "src/deep", "tests"] if is_dir(w.repo.path(d))]
    if w.repo.prefix:
        folders.append(w.repo.top)
    path = os.path.join(w.r.choice(folders), name)
    if lexists(path) and w.r.random() < 0.15:
        remove(path)
        return f"removed {path}"
    if is_dir(path):
        return None
    data = lines_file(w, path, pool)
    w.write(path, data, in_place=True)
    return f"{os.path.relpath(path, w.repo.top)} = {data!r}"


def gitignore(w):
    return git_file(w, ".gitignore", RULES)


def gitattributes(w):
    return git_file(w, ".gitattributes", ATTRIBUTES + w.attributes)


def info_file(w):
    if w.r.random() < 0.7 and w.repo.style != "apart":  # tgraph finds info/exclude by .git, not by GIT_DIR
        path, data = w.repo.exclude_file(), lines_file(w, w.repo.exclude_file(), RULES)
    else:
        path = os.path.join(w.repo.common_dir, "info", "attributes")
        data = lines_file(w, path, ATTRIBUTES + w.attributes)
    put(path, data)
    return f"{os.path.basename(path)} = {data!r}"
