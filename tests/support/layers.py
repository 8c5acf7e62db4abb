#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints every include and call in engine/ that the table of docs/architecture.md, section 6, forbids.

A folder includes only from itself and from folders above it in the table; some headers and calls belong to one folder.
"""
import glob
import os
import re
import sys

# The table's order.
LAYERS = ["base", "os", "tree", "store", "graph", "lua", "trace", "remote", "worker", "once", "run", "report", "query", "cli"]
# Includes that only these folders may have: pattern -> folders.
OWNED_INCLUDES = {
    r"git2(/.*)?\.h": {"tree"},
    r"(lua|lualib|lauxlib|luaconf)\.h": {"lua"},
    r"sqlite3\.h": {"store"},
    r"yaml\.h": {"lua"},
    r"expat\.h": {"worker"},
}
# base/ makes no system calls and graph/ is pure: neither includes what does.
PURE = {"base", "graph"}
SYSTEM = r"(unistd|fcntl|dirent|poll|pthread|spawn|signal|sys/(?!types\.h|param\.h).*)\.h"
# Printing and leaving are cli/'s alone. base/ says its one line before it aborts; os/ leaves a child that cannot exec.
CALLS = {
    r"(?<![\w.>])(printf|puts|putchar|perror|vprintf)\s*\(": {"cli"},
    r"\bstd(out|err)\b(?!_)": {"cli"},
    r"(?<![\w.>])exit\s*\(": {"cli"},
    r"(?<![\w.>])_exit\s*\(": {"cli", "os"},
}
BUILD_TIME = {"engine/lua/embed_gen.c"}  # a program of the build, not of the product
EXCEPT = {("base", r"\bstd(out|err)\b(?!_)"), ("base", r"(?<![\w.>])exit\s*\(")}


def strip(text):
    """The text without comments and the inside of strings and characters; lines stay where they are."""
    out = re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'',
                 lambda m: '""' if m[0][0] == '"' else re.sub(r"[^\n]", " ", m[0]), text, flags=re.S)
    return out


def check(path):
    folder = path.split(os.sep)[1]
    with open(path, encoding="utf-8") as f:
        text = f.read()
    rank = LAYERS.index(folder)
    for number, line in enumerate(text.splitlines(), 1):
        m = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not m:
            continue
        name = m[2]
        where = f"{path}:{number}: {folder}/ includes {name}"
        if m[1] == '"' and "/" in name and name.split("/")[0] in LAYERS:
            if LAYERS.index(name.split("/")[0]) > rank:
                yield f"{where}, which lies below it in the table"
            if folder == "graph" and name.startswith("os/"):
                yield f"{where}, but graph/ is pure"
        for pattern, folders in OWNED_INCLUDES.items():
            if re.fullmatch(pattern, name) and folder not in folders:
                yield f"{where}, which belongs to {', '.join(sorted(folders))}/"
        if folder in PURE and re.fullmatch(SYSTEM, name):
            yield f"{where}, but it makes no system calls"
    if path in BUILD_TIME:
        return
    for number, line in enumerate(strip(text).splitlines(), 1):
        for pattern, folders in CALLS.items():
            m = re.search(pattern, line)
            if m and folder not in folders and (folder, pattern) not in EXCEPT:
                yield f"{path}:{number}: {folder}/ uses {m[0].rstrip('( ')}; only {', '.join(sorted(folders))}/ may"


def main():
    problems = []
    files = sorted(glob.glob("engine/*/*.[ch]"))
    for path in files:
        folder = path.split(os.sep)[1]
        if folder not in LAYERS:
            problems.append(f"{path}: {folder}/ is not in the table")
            continue
        problems.extend(check(path))
    print("\n".join(problems) if problems else f"layers: {len(files)} files in order")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
