# SPDX-License-Identifier: MIT
"""Changes of Testfiles and of the modules that they use, as data; World.render writes them."""
import os

from . import spec as specs
from .repo import is_dir, lexists, remove

TESTFILE_FOLDERS = ["src", "lib", "tests", "src/deep", "data", "lib/x y"]
MODULES = ["tools/m1.lua", "lib/m2.lua", "m3.lua"]


def add_target(w):
    tf = w.r.choice(list(w.spec.testfiles.values()))
    t = specs.make_target(w.r, w.spec, tf, w.repo)
    return f"new target {t.name} in {tf.folder or '.'}"


def pick_target(w):
    all_of_them = w.spec.targets()
    return w.r.choice(all_of_them) if all_of_them else (None, None)


def remove_target(w):
    tf, t = pick_target(w)
    if t:
        tf.targets.remove(t)
        return f"removed {t.name}"


def rename_target(w):
    _, t = pick_target(w)
    if t:
        t.name = t.name + "r" if len(t.name) < 6 else f"t{t.uid}"
        return f"renamed to {t.name}"


def change_target(w):
    tf, t = pick_target(w)
    if not t:
        return None
    if w.r.random() < 0.3 and t.kind != "group":
        form = w.r.choice(["value", "tags", "description", "env", "success_codes"])
        if form in ("value", "env") and w.r.random() < 0.4:
            t.fields.pop(form, None)
        else:
            if t.kind == "service" and form not in ("value", "env"):
                form = "value"
            t.fields[form] = {"value": w.r.randrange(4), "tags": [f"tag{w.r.randrange(2)}"],
                              "description": f"d{w.r.randrange(3)}", "env": {"MODE": str(w.r.randrange(3))},
                              "success_codes": [0, w.r.randrange(1, 3)]}[form]
        return f"{form} of {t.name}"
    specs.fill_target(w.r, w.spec, tf, t, w.repo)
    return f"anew {t.name}"


def move_target(w):
    """To the end of its Testfile, or to another."""
    tf, t = pick_target(w)
    if t:
        other = w.r.choice(list(w.spec.testfiles.values()))
        tf.targets.remove(t)
        other.targets.append(t)
        return f"{t.name} goes from {tf.folder or '.'} to {other.folder or '.'}"


def add_testfile(w):
    free = [d for d in TESTFILE_FOLDERS
            if d not in w.spec.testfiles and w.parents_are_real(d + "/x") and is_dir_or_free(w, d)]
    if free:
        folder = w.r.choice(free)
        os.makedirs(w.repo.path(folder), exist_ok=True)
        specs.make_testfile(w.r, w.spec, folder, w.repo)
        if w.spec.testfiles[""].include is None:
            w.spec.testfiles[""].include = w.r.choice(["star", "all", "list"])
        return f"new Testfile in {folder}"


def is_dir_or_free(w, path):
    return is_dir(w.repo.path(path)) or not lexists(w.repo.path(path))


def remove_testfile(w):
    folders = [d for d in w.spec.testfiles if d]
    if folders:
        folder = w.r.choice(folders)
        del w.spec.testfiles[folder]
        remove(w.repo.path(folder + "/Testfile.lua"))
        return f"removed the Testfile in {folder}"


def change_testfile(w):
    tf = w.r.choice(list(w.spec.testfiles.values()))
    what = w.r.choice(["comment", "crlf", "include", "reads", "loops", "order", "defaults", "module", "broken"])
    if what == "comment":
        tf.comment += 1
    elif what == "crlf":
        tf.crlf = not tf.crlf
    elif what == "include":
        w.spec.testfiles[""].include = w.r.choice(["star", "all", "list", None])
    elif what == "reads":
        tf.reads = [] if tf.reads and w.r.random() < 0.5 else tf.reads[:1] + [specs.make_reads(w.r)]
    elif what == "loops":
        tf.loops = [] if tf.loops and w.r.random() < 0.5 else [specs.make_loop(w.r)]
    elif what == "order":
        w.r.shuffle(tf.targets)
        w.spec.root_first = not w.spec.root_first
    elif what == "defaults":
        tf.defaults = w.r.choice([None, {"env": {"D": str(w.r.randrange(3))}}, {"tags": ["y"]}])
    elif what == "module":
        path = w.r.choice(MODULES)
        if path not in w.spec.modules:
            if not w.parents_are_real(path) or is_dir(w.repo.path(path)):
                return None
            os.makedirs(os.path.dirname(w.repo.path(path)), exist_ok=True)
            w.spec.modules[path] = specs.make_module(w.r, path)
        tf.module = None if tf.module and w.r.random() < 0.3 else path
    elif w.r.random() < 0.35:
        tf.broken = w.r.choice(["syntax", "error", "missing"])
    return f"{what} of the Testfile in {tf.folder or '.'}"


def mend(w):
    for tf in w.spec.testfiles.values():
        if tf.broken and w.r.random() < 0.7:
            tf.broken = None
    for m in w.spec.modules.values():
        m.broken = m.broken and w.r.random() < 0.3


def change_module(w):
    if w.spec.modules:
        m = w.r.choice(list(w.spec.modules.values()))
        specs.change_module(w.r, m)
        return f"module {m.path}"
