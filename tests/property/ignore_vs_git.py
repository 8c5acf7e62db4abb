#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random folders with random ignore files: tgraph must see exactly the files that git sees.

    ignore_vs_git.py [--cases N] [--seed N] [--driver build/tests/property/walker_ls] [--keep]

Each case makes files, folders, links and .gitignore files from small sets of names, so that patterns hit often, and
compares walker_ls with `git ls-files --others --cached --exclude-standard`. The seed of a case that differs is printed.
"""
import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile

NAMES = ["a", "b", "ab", "abc", "foo", "bar", "foo.c", "bar.o", "x.o", "x.tar.gz", ".hid", "build", "Build", "out",
         "sp ace", "tr ", "!x", "#h", "a*b", "[x]", "[", "]", "a]b", "back\\s", "q?", "a-b", "-", "z1", "z2", "Z",
         "{a}",
         "caf\u00e9", "**", "^", "a\tb", "a,b", "foobar", "foofoo", "a.b.c", "~"]
CLASSES = ["[ab]", "[!a]", "[^b]", "[a-c]", "[z-a]", "[]a]", "[!]a]", "[a-]", "[-a]", "[[:alpha:]]", "[[:digit:]_]",
           "[![:upper:]]", "[[:punct:]]", "[[:space:]]", "[[:bogus:]]", "[[:alnum:]-z]", "[\\]a]", "[a\\-z]", "[a", "[",
           "[]", "[!]", "[[:alpha:]", "[[:", "[[]", "[a-\\c]", "[/]", "[.-0]", "[[:alnum]", "[\\\\]", "[[:graph:]]",
           "[[:lower:][:digit:]]", "[[:cntrl:]]", "[[:xdigit:]]", "[^]", "[!!]", "[--0]", "[[::]]", "[a/b]"]
SPICE = ["*", "?", "**", "***", "\\", "\\*", "\\?", "\\[", "\\a", "\\ ", " ", "/", "//", "!", "#", "\\!", "\\#", "\\/"]


def some_name(r):
    return r.choice(NAMES) if r.random() < 0.4 else r.choice(NAMES[:12])


def part(r):
    """One part of a pattern."""
    kind = r.random()
    name = some_name(r)
    if kind < 0.35:
        return name
    if kind < 0.45:
        return r.choice(["*", "**", "?", "*" + name[-1:], name[:1] + "*", "*.*", "*.o", "*.c", name[:1] + "**"])
    if kind < 0.6:  # a name with one character made wild
        i = r.randrange(len(name))
        return name[:i] + r.choice(["*", "?", "**", r.choice(CLASSES), "\\" + name[i]]) + name[i + 1:]
    if kind < 0.7:
        return "".join("\\" + c if c in "*?[\\" else c for c in name)
    if kind < 0.78:
        return r.choice(CLASSES)
    return "".join(r.choice([some_name(r)[:2], r.choice(SPICE), r.choice(CLASSES), "*", "a", "b", "o"])
                   for _ in range(r.randint(1, 4)))


def pattern(r, paths):
    kind = r.random()
    if paths and kind < 0.35:  # a path that is there, some parts made wild
        parts = r.choice(paths).split("/")
        if r.random() < 0.5:
            parts = parts[r.randrange(len(parts)):]
        parts = [p if r.random() < 0.6 else part(r) for p in parts]
        if r.random() < 0.3:
            parts[r.randrange(len(parts))] = "**"
    else:
        parts = [part(r) for _ in range(r.choice([1, 1, 1, 2, 2, 3, 4]))]
    text = "/".join(parts)
    if r.random() < 0.2:
        text = "/" + text
    if r.random() < 0.1:
        text = "**/" + text
    if r.random() < 0.2:
        text += r.choice(["/", "/*", "/**", "/**/", "**", "/**/*", "/*/"])
    if r.random() < 0.25:
        text = "!" + text
    if r.random() < 0.08:
        text += r.choice([" ", "  ", "\\ ", "\\  ", " \\", "\\", "\t", " \\ ", "\\\\ "])
    if r.random() < 0.03:
        text = r.choice(["", " ", "#", "# c", "!", "/", "//", "*", "**", "!*", "!*/", "/*", "!/", "\\", "!#a", "\\#h",
                         "\\!x"])
    return text.replace("\n", "").replace("\0", "")


def ignore_file(r, paths):
    eol = "\r\n" if r.random() < 0.07 else "\n"
    text = eol.join(pattern(r, paths) for _ in range(r.choice([1, 1, 2, 3, 4, 6, 10])))
    if r.random() < 0.8:
        text += eol
    data = text.encode()
    if r.random() < 0.03:
        data = b"\xef\xbb\xbf" + data
    if r.random() < 0.02:
        i = r.randrange(len(data) + 1)
        data = data[:i] + r.choice([b"\0", b"\r", b"\xff", b"\n\n"]) + data[i:]
    return data


def make_case(r, root):
    folders, files = [""], []
    for _ in range(r.randint(1, 9)):
        parent = r.choice(folders)
        if parent.count("/") < 4:
            folder = parent + some_name(r) + "/"
            if folder not in folders:
                os.mkdir(os.path.join(root, folder))
                folders.append(folder)
    for _ in range(r.randint(1, 30)):
        path = r.choice(folders) + some_name(r)
        full = os.path.join(root, path)
        if os.path.lexists(full):
            continue
        if r.random() < 0.06:
            os.symlink(r.choice(["a", "..", "nowhere", "."]), full)
        else:
            open(full, "w").close()
        files.append(path)
    paths = files + [f[:-1] for f in folders if f]
    for folder in folders:
        if r.random() < (0.9 if folder == "" else 0.3):
            below = [p[len(folder):] for p in paths if p.startswith(folder)]
            full = os.path.join(root, folder, ".gitignore")
            kind = r.random()
            if kind < 0.02:
                os.symlink("/dev/null", full)
            elif kind < 0.03:
                os.mkdir(full)
            else:
                with open(full, "wb") as f:
                    f.write(ignore_file(r, below))
    with open(os.path.join(root, ".git/info/exclude"), "wb") as f:
        f.write(ignore_file(r, paths) if r.random() < 0.3 else b"")


def wipe(root):
    for name in os.listdir(root):
        full = os.path.join(root, name)
        if name == ".git":
            continue
        if os.path.isdir(full) and not os.path.islink(full):
            shutil.rmtree(full)
        else:
            os.unlink(full)


def files_of(argv, **kw):
    p = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, **kw)
    if p.returncode:
        return "exit status %d: %s" % (p.returncode, p.stderr.decode("utf-8", "replace"))
    return sorted(set(p.stdout.split(b"\0")) - {b""})


def show(root, ours, theirs):
    if isinstance(ours, str) or isinstance(theirs, str):
        print("#   tgraph: %.300s" % (ours,), "#   git: %.300s" % (theirs,), sep="\n")
    else:
        print("#   only tgraph sees:", sorted(set(ours) - set(theirs)))
        print("#   only git sees:", sorted(set(theirs) - set(ours)))
    for folder, _, files in os.walk(root):
        for name in files:
            if name == ".gitignore" or folder.endswith("/.git/info"):
                full = os.path.join(folder, name)
                with open(full, "rb") as f:
                    print("#   %s: %r" % (os.path.relpath(full, root), f.read()))


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("--cases", type=int, default=1000)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--driver")
    ap.add_argument("--keep", action="store_true", help="stop at the first difference and leave the folder")
    args = ap.parse_args()
    build = os.path.dirname(os.environ.get("TGRAPH", "build/tgraph"))
    driver = os.path.abspath(args.driver or os.path.join(build, "tests/property/walker_ls"))
    root = tempfile.mkdtemp(prefix="ignore_vs_git.")
    env = dict(os.environ, HOME=root, XDG_CONFIG_HOME=root, GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL="/dev/null")
    for name in [n for n in env if n.startswith("GIT_") and n not in ("GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_GLOBAL")]:
        del env[name]
    subprocess.run(["git", "init", "-q", root], check=True, env=env, stderr=subprocess.DEVNULL)
    os.makedirs(os.path.join(root, ".git/info"), exist_ok=True)
    passed = failed = seen = ignored = 0
    for seed in range(args.seed, args.seed + args.cases):
        wipe(root)
        make_case(random.Random(seed), root)
        theirs = files_of(["git", "-C", root, "ls-files", "-z", "--others", "--cached", "--exclude-standard"], env=env)
        ours = files_of([driver, root])
        if ours == theirs:
            passed += 1
            seen += len(theirs)
            ignored += sum(len(f) for p, d, f in os.walk(root) if "/.git" not in p) - len(theirs)
            continue
        failed += 1
        if failed <= 5:
            print("# seed %d differs" % seed)
            show(root, ours, theirs)
        if args.keep:
            print("# left in", root)
            return 1
    shutil.rmtree(root)
    print("# %d files seen, %d ignored" % (seen, ignored))
    outcome = "not ok" if failed else "ok"
    print("1..1\n%s 1 - tgraph ignores what git ignores in %d random folders" % (outcome, args.cases))
    print("%d passed, %d failed" % (passed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
