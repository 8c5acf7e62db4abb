# SPDX-License-Identifier: MIT
"""Changes of files, links and folders. Each returns what it did, or None if it found nothing to do."""
import os
import stat

from . import spec as specs
from .repo import is_file, is_dir, lexists, read, remove
from .world import NAMES, content, put


def write_new(w):
    path = w.free_path()
    if path:
        w.write(path, content(w.r, path))
        return f"new {path}"


def edit(w):
    path = w.pick(regular=True)
    if path:
        data = content(w.r, path)
        w.write(path, data)
        return f"edit {path} = {data[:30]!r}"


def edit_same_size(w):
    path = w.pick(regular=True, own=0)
    if path and (data := read(w.repo.path(path))):
        i = w.r.randrange(len(data))
        if data[i:i + 1] not in b"\r\n\0":
            w.write(path, data[:i] + bytes([w.r.choice(b"xyz01")]) + data[i + 1:])
            return f"same size {path}"


def line_ends(w):
    path = w.pick(regular=True)
    if path:
        data = read(w.repo.path(path)).replace(b"\r\n", b"\n")
        w.write(path, data if w.r.random() < 0.4 else data.replace(b"\n", b"\r\n"))
        return f"line ends {path}"


def delete(w):
    path = w.pick()
    if path and path != "Testfile.lua":
        remove(w.repo.path(path))
        return f"delete {path}"


def some_folder(w):
    """No submodule: where its .git is a file, moving it breaks it for git too."""
    _, folders = specs.known_files(w.repo)
    folders = [d for d in folders if not is_file(w.repo.path(d + "/.git"))]
    return w.r.choice(folders) if folders else None


def delete_folder(w):
    path = some_folder(w)
    if path and w.r.random() < 0.5:
        remove(w.repo.path(path))
        return f"delete folder {path}"


def rename(w):
    path, to = w.pick(), w.free_path()
    if path and to and path != "Testfile.lua":
        os.makedirs(os.path.dirname(w.repo.path(to)), exist_ok=True)
        os.rename(w.repo.path(path), w.repo.path(to))
        return f"rename {path} to {to}"


def rename_folder(w):
    path = some_folder(w)
    to = w.r.choice(["src", "lib", "renamed", "src/moved", "data", "tests", "link"])
    if not path or lexists(w.repo.path(to)) or (to + "/").startswith(path + "/") or not w.parents_are_real(to):
        return None
    os.makedirs(os.path.dirname(w.repo.path(to)), exist_ok=True)
    os.rename(w.repo.path(path), w.repo.path(to))

    def moved(p):
        return to + p[len(path):] if (p + "/").startswith(path + "/") else p

    s = w.spec
    s.testfiles = {moved(d): tf for d, tf in s.testfiles.items()}
    for d, tf in s.testfiles.items():
        tf.folder = d
        tf.module = tf.module and moved(tf.module)
    s.modules = {moved(p): m for p, m in s.modules.items()}
    for p, m in s.modules.items():
        m.path = p
    if w.r.random() < 0.5:
        for _, t in s.targets():
            for name in ("inputs", "may_read"):
                if t.fields.get(name):
                    t.fields[name] = [(i[0], moved(i[1])) if i[0] in ("file", "dir") else i for i in t.fields[name]]
            if t.fields.get("cmd", [""])[0] == "script":
                t.fields["cmd"] = ("script", moved(t.fields["cmd"][1]), t.fields["cmd"][2])
    return f"rename folder {path} to {to}"


def copy_a_file(w):
    path, to = w.pick(regular=True, own=0), w.free_path()
    if path and to:
        w.write(to, read(w.repo.path(path)))
        return f"copy {path} to {to}"


def mode(w):
    path = w.pick(regular=True)
    if path:
        full = w.repo.path(path)
        os.chmod(full, stat.S_IMODE(os.stat(full).st_mode) ^ w.r.choice([0o111, 0o111, 0o100, 0o011, 0o020]))
        return f"mode {path}"


def link_text(w, path):
    """What a new link at `path` says."""
    here = os.path.dirname(w.repo.path(path))
    files, folders = specs.known_files(w.repo)
    forms = ["file"] * 5 + ["folder"] * 3 + ["dangling", "outside", "absolute", "up", "self", "program"]
    form = w.r.choice(forms)
    if form == "file" and files:
        return os.path.relpath(w.repo.path(w.r.choice(files)), here)
    if form == "folder" and folders:
        return os.path.relpath(w.repo.path(w.r.choice(folders)), here) + w.r.choice(["", "", "/"])
    if form == "outside":
        beside = w.r.choice(["outside.txt", "outside.d", "outside.d/in.txt"])
        return os.path.relpath(os.path.join(w.repo.base, "w", beside), here)
    if form == "absolute":
        return os.path.join(w.repo.base, "outside", w.r.choice(["abs.txt", "abs.d"]))
    if form == "up" and w.repo.prefix:
        return os.path.relpath(os.path.join(w.repo.top, w.r.choice(["README", "other/x.txt", "other"])), here)
    if form == "self":
        return os.path.basename(path)
    if form == "program":
        return "/bin/sh"
    return w.r.choice(["nowhere", "no/where", "../nowhere", "a.txt", "b.txt"])


def put_link(w, path, text):
    full = w.repo.path(path)
    remove(full)
    os.makedirs(os.path.dirname(full), exist_ok=True)
    os.symlink(text, full)


def new_link(w):
    path = w.r.choice([w.free_path(), w.r.choice(["link", "dirlink", "src/link", "data/link.json"])])
    if path and path not in w.spec.testfiles and w.parents_are_real(path) and not is_dir(w.repo.path(path)):
        text = link_text(w, path)
        put_link(w, path, text)
        return f"link {path} -> {text}"


def to_link(w):
    path = w.pick(own=0)
    if path:
        text = link_text(w, path)
        put_link(w, path, text)
        return f"now a link {path} -> {text}"


def move_and_link(w):
    """A file goes elsewhere and a link to it comes in its place."""
    path, to = w.pick(regular=True, own=0.3), w.free_path()
    if path and to:
        os.makedirs(os.path.dirname(w.repo.path(to)), exist_ok=True)
        os.rename(w.repo.path(path), w.repo.path(to))
        put_link(w, path, os.path.relpath(w.repo.path(to), os.path.dirname(w.repo.path(path))))
        return f"moved {path} to {to}, a link in its place"


def from_link(w):
    links = [f for f in w.files(0.3) if os.path.islink(w.repo.path(f))]
    if links:
        path = w.r.choice(links)
        same = os.path.isfile(w.repo.path(path)) and w.r.random() < 0.5
        data = read(w.repo.path(path)) if same else content(w.r, path)
        remove(w.repo.path(path))
        w.write(path, data)
        return f"now a file {path}"


def link_to_folder(w):
    """A link to a folder becomes the folder, or the other way round."""
    path, to = some_folder(w), w.r.choice(["link", "moved.d", "out"])
    links = [f for f in w.files() if os.path.islink(w.repo.path(f)) and os.path.isdir(w.repo.path(f))]
    if links and w.r.random() < 0.5:
        path = w.r.choice(links)
        remove(w.repo.path(path))
        w.write(path + "/" + w.r.choice(NAMES), content(w.r, "x"))
        return f"now a folder {path}"
    if path and not lexists(w.repo.path(to)) and path not in w.spec.testfiles and not to.startswith(path + "/"):
        os.rename(w.repo.path(path), w.repo.path(to))
        put_link(w, path, os.path.relpath(w.repo.path(to), os.path.dirname(w.repo.path(path))))
        return f"folder {path} moved to {to}, a link in its place"


def file_to_folder(w):
    path = w.pick(own=0)
    if path:
        remove(w.repo.path(path))
        inner = path + "/" + w.r.choice(NAMES)
        w.write(inner, content(w.r, inner))
        return f"now a folder {path}"


def folder_to_file(w):
    path = some_folder(w)
    if path and w.r.random() < 0.4:
        remove(w.repo.path(path))
        w.write(path, content(w.r, path))
        return f"now a file {path}"


def swap(w):
    a, b = w.pick(regular=True, own=0), w.pick(regular=True, own=0)
    if a and b and a != b:
        one, two = read(w.repo.path(a)), read(w.repo.path(b))
        w.write(a, two)
        w.write(b, one)
        return f"swap {a} and {b}"


def touch(w):
    path = w.pick(own=0.5)
    if path:
        os.utime(w.repo.path(path), follow_symlinks=False)
        return f"touch {path}"


def set_back(w):
    path = w.pick(own=0.5)
    if path:
        os.utime(w.repo.path(path), (1_600_000_000, 1_600_000_000), follow_symlinks=False)
        return f"time set back {path}"


def rewrite(w):
    """The same content in a new file."""
    path = w.pick(own=0.5, regular=True)
    if path:
        w.write(path, read(w.repo.path(path)))
        return f"rewritten {path}"


def write_ignored(w):
    path = w.r.choice(["f.o", "src/f.o", "g.log", "src/deep/g.log", "build/x.txt", "out/a.txt", "gen/z.txt", "h.tmp",
                       "data/list.json", "src/deep/er/y.txt", "gen/o1.txt", "tests/b.txt", "tests/a.txt",
                       "lib/x y/a.txt", "build3/q.txt", "gen2/a.txt", "tools/go.py"])
    full = w.repo.path(path)
    if w.parents_are_real(path) and not is_dir(full) and (not lexists(full) or w.r.random() < 0.5):
        w.write(path, content(w.r, path))
        return f"likely ignored {path}"


def write_outside(w):
    """Things that belong to no revision: each is at the same place for the oracle's checkouts."""
    base = w.repo.base
    data = content(w.r, "x")
    what = w.r.choice(["outside.txt", "outside.d/in.txt", "abs.txt", "abs.d/in.txt", "mytool", "variable", "top"])
    if what == "mytool":
        put(os.path.join(base, "bin", "mytool"), b"#!/bin/sh\necho " + str(w.r.randrange(3)).encode() + b"\n", 0o755)
    elif what == "variable":
        w.variables = {k: str(w.r.randrange(2)) for k in ("FOO", "SEEN") if w.r.random() < 0.6}
    elif what.startswith("abs"):
        put(os.path.join(base, "outside", what), data)
    elif what == "top":
        if not w.repo.prefix:
            return None
        path = w.r.choice(["README", "other/x.txt", "other/y.txt"])
        w.write(os.path.join(w.repo.top, path), data)
        return f"above the root: {path}"
    else:
        for side in ("w", "a", "b"):
            put(os.path.join(base, side, what), data)
    return f"outside: {what}"
