# SPDX-License-Identifier: MIT
"""What happens to a repository between two runs. Each edit is a function of (random.Random, bench, world) that gives a
line of text about what it did, or None if there was nothing to do it to."""
import os
import random
import shutil
import stat
import time

from . import make, ops
from .model import matches, scan
from .spec import entry_kind

EDITS = {}  # name -> (weight, function)
# After these tgraph no longer knows by itself what in the output folders an older run has made.
FORGETFUL = {"delete_state", "damage_state", "clean_up", "rename_target", "remove_target", "add_target", "change_outputs",
             "go_back", "damage_blobs"}


def edit(weight):
    def add(f):
        EDITS[f.__name__] = (weight, f)
        return f
    return add


def texts(world):
    """Plain source files with content of lines."""
    return sorted(p for p, e in world.source_files().items()
                  if e[0] in "fx" and p.split(".")[-1] in ("txt", "dat", "tmp", "log") and b"#!" not in e[1])


def how(r):
    return r.choice(["inplace", "inplace", "replace", "create"])


def mode_of(world, path):
    return stat.S_IMODE(os.lstat(world.full(path)).st_mode)


def note_old(bench, path, data):
    bench.history.setdefault(path, [])
    if data not in bench.history[path]:
        bench.history[path].append(data)


def get(world, path):
    with open(world.full(path), "rb") as f:
        return f.read()


# ---- content -------------------------------------------------------------------------------------------------------

@edit(14)
def change_content(r, bench, world):
    path = r.choice(texts(world))
    note_old(bench, path, get(world, path))
    way = how(r)
    data = make.content(r, path)
    world.write(path, data, way, mode_of(world, path))
    return f"{path} = {data!r} ({way})"


@edit(8)
def change_same_size(r, bench, world):
    """Another content of the same size, perhaps with the old times put back."""
    path = r.choice(texts(world))
    old = get(world, path)
    note_old(bench, path, old)
    if not old:
        return None
    i = max(i for i, c in enumerate(old) if chr(c).isdigit())
    new = old[:i] + str((old[i] - 48) % 3 + 1).encode() + old[i + 1:]
    if r.random() < 0.5 and old[:1] in b"abcd":
        new = bytes([(new[0] - 96) % 4 + 97]) + new[1:]
    st = os.lstat(world.full(path))
    way = how(r)
    world.write(path, new, way, mode_of(world, path))
    back = r.random() < 0.4
    if back:
        os.utime(world.full(path), ns=(st.st_atime_ns, st.st_mtime_ns))
    return f"{path} = {new!r} ({way}, same size{', old mtime' if back else ''})"


@edit(8)
def revert_file(r, bench, world):
    known = sorted(p for p in bench.history if os.path.isfile(world.full(p)) and not os.path.islink(world.full(p)))
    if not known:
        return None
    path = r.choice(known)
    data = r.choice(bench.history[path])
    world.write(path, data, how(r), mode_of(world, path))
    return f"{path} is {data!r} again"


@edit(4)
def touch(r, bench, world):
    path = r.choice(sorted(world.source_files()))
    ns = r.choice([None, 0, 1_000_000_000 * r.randint(1, 2_000_000_000)])
    now = time.time_ns()
    os.utime(world.full(path), ns=(now, now) if ns is None else (ns, ns), follow_symlinks=False)
    return f"touch {path} {ns}"


@edit(4)
def touch_all(r, bench, world):
    for path in world.source_files():
        os.utime(world.full(path), follow_symlinks=False)
    return "touch everything"


@edit(4)
def rewrite_same(r, bench, world):
    path = r.choice(texts(world))
    world.write(path, get(world, path), how(r), mode_of(world, path))
    return f"{path} written anew with the same content"


@edit(3)
def swap(r, bench, world):
    if len(texts(world)) < 2:
        return None
    a, b = r.sample(texts(world), 2)
    os.rename(world.full(a), world.full(a) + ".new")
    os.rename(world.full(b), world.full(a))
    os.rename(world.full(a) + ".new", world.full(b))
    return f"{a} and {b} change places"


# ---- names and types -----------------------------------------------------------------------------------------------

@edit(7)
def add_file(r, bench, world):
    path = r.choice(make.OPTIONAL + make.NOISE)
    if os.path.lexists(world.full(path)):
        return None
    data = r.choice(bench.history.get(path, []) + [make.content(r, path)])
    world.write(path, data, "create")
    return f"{path} is new: {data!r}"


@edit(6)
def remove_file(r, bench, world):
    there = [p for p in make.OPTIONAL + make.NOISE if os.path.lexists(world.full(p))]
    if not there:
        return None
    path = r.choice(there)
    if not os.path.islink(world.full(path)):
        note_old(bench, path, get(world, path))
    world.remove(path)
    return f"{path} removed"


@edit(1)
def remove_literal(r, bench, world):
    """A file that targets may name one by one: then loading fails until it is back."""
    path = r.choice(make.TEXTS + make.DATA)
    if not os.path.lexists(world.full(path)):
        world.write(path, make.content(r, path), "create")
        return f"{path} is back"
    bench.repair.append((world, "write", path, b"a 1\n"))
    world.remove(path)
    return f"{path} removed"


@edit(3)
def rename_file(r, bench, world):
    there = [p for p in make.OPTIONAL if os.path.lexists(world.full(p))]
    free = [p for p in make.OPTIONAL if not os.path.lexists(world.full(p))]
    if not there or not free:
        return None
    a, b = r.choice(there), r.choice(free)
    os.makedirs(os.path.dirname(world.full(b)), exist_ok=True)
    os.rename(world.full(a), world.full(b))
    return f"{a} renamed to {b}"


@edit(3)
def change_mode(r, bench, world):
    path = r.choice([*texts(world), "bin/chk.sh", "bin/chk.sh"])
    st = mode_of(world, path)
    # Whether the owner may execute a file is in its key; root may if anybody may, so the three go together for programs.
    new = st ^ r.choice([0o111, 0o020] if path == "bin/chk.sh" else [0o111, 0o100, 0o010, 0o020])
    os.chmod(world.full(path), new)
    if path == "bin/chk.sh":
        bench.repair.append((world, "chmod", path, 0o755))
    return f"chmod {new:o} {path}"


@edit(4)
def change_link(r, bench, world):
    """A file becomes a link, a link gets another target or a file again; the link's target changes in other edits."""
    path = r.choice([p for p in make.OPTIONAL + make.NOISE if p.startswith(("src/", "inc/"))])
    kind = r.random()
    world.remove(path)
    os.makedirs(os.path.dirname(world.full(path)), exist_ok=True)
    if kind < 0.2:
        world.write(path, make.content(r, path), "create")
        return f"{path} is a file"
    to = os.path.relpath(r.choice(make.TEXTS[:4] + make.INCLUDED + ["nowhere", "bin"]), os.path.dirname(path))
    if kind > 0.85:
        to = bench.base + "/outside/h2.txt"
    os.symlink(to, world.full(path))
    return f"{path} is a link to {to}"


@edit(2)
def empty_folder(r, bench, world):
    path = world.full(r.choice(["src/void", "data/void", "sub/void", "src/deep/void/more"]))
    if os.path.isdir(path):
        os.rmdir(path)
        return f"rmdir {path}"
    os.makedirs(path)
    return f"mkdir {path}"


@edit(4)
def change_ignore(r, bench, world):
    path = r.choice([".gitignore", ".gitignore", "src/.gitignore", "data/.gitignore", ".git/info/exclude"])
    if path != ".gitignore" and r.random() < 0.3:
        world.remove(path)
        return f"{path} removed"
    rules = make.IGNORES if path in (".gitignore", ".git/info/exclude") else ["*.tmp", "q.dat", "*.log", "!y.tmp", "deep/*.dat"]
    if path != ".gitignore":
        rules = [x for x in rules if x != "scratch/"]
    lines = r.sample(rules, r.randint(0, min(4, len(rules))))
    data = "".join(x + "\n" for x in lines).encode()
    world.write(path, data, how(r))
    return f"{path} = {lines}"


# ---- Testfiles -----------------------------------------------------------------------------------------------------

def some_target(r, world, kinds=("test", "build")):
    found = sorted((t for t in world.spec.targets.values() if t.kind in kinds), key=lambda t: t.uid)
    return r.choice(found) if found else None


@edit(2)
def comment_only(r, bench, world):
    folder = r.choice(["", "sub"])
    world.spec.comment[folder] += 1
    world.write_testfiles(how(r))
    return f"a comment in {folder or '.'}/Testfile.lua"


@edit(4)
def change_command(r, bench, world):
    t = some_target(r, world)
    if t.op in ("chk", "repo_script", "sh_script", "run_made", "depfile"):
        return None
    if r.random() < 0.5 and "word" in t.p and not t.p["word"].startswith("$"):
        t.p["word"] = r.choice(make.WORDS)
    elif t.op == "few":
        t.p["most"] = r.randint(2, 12)
    else:
        t.p["noise"] = " # 2" if not t.p.get("noise") else ""
    world.write_testfiles(how(r))
    return f"the command of {t.label()}: {t.p}"


@edit(3)
def change_fields(r, bench, world):
    """Fields that are in no key."""
    t = some_target(r, world)
    t.misc = r.choice([{}, {"timeout": "50"}, {"tags": '{ "y", "z" }'}, {"description": '"e"'}, {"pool": '"p"'}])
    if t.misc.get("pool"):
        t.misc = {"slots": "2"}
    if t.kind == "test" and t.op != "flaky" and r.random() < 0.3:
        t.retries = 1 - t.retries
    if r.random() < 0.3 and t.uid != world.spec.generator:
        t.cache = not t.cache
    world.write_testfiles()
    return f"{t.label()}: {t.misc}, retries {t.retries}, cache {t.cache}"


@edit(2)
def change_declared_env(r, bench, world):
    t = some_target(r, world)
    if t.op == "env":
        return None
    t.env_pass, t.env_set = r.choice([([], {}), (["LEVEL"], {}), ([], {"LEVEL": "1"}), ([], {"LEVEL": ""}),
                                      (["LEVEL"], {"OTHER": "x"})])
    world.write_testfiles()
    return f"{t.label()}: env {t.env_pass} {t.env_set}"


@edit(3)
def rename_target(r, bench, world):
    t = some_target(r, world, ("test", "build", "group"))
    t.name = f"{t.kind[0]}{t.uid}{r.choice(['', 'x', '-y', '.z'])}"
    world.write_testfiles()
    return f"target {t.uid} is now called {t.label()}"


@edit(3)
def add_target(r, bench, world):
    world.spec.next_uid = max(world.spec.next_uid, bench.next_uid)
    t = make.new_target(r, world.spec, bench)
    bench.next_uid = world.spec.next_uid
    world.write_testfiles()
    return f"new target {t.label()} ({t.op})"


def forget_uses(spec, gone):
    for t in spec.users(gone.uid):
        t.deps = [d for d in t.deps if d != gone.uid]
        if t.inputs is not None:
            t.inputs = [i for i in t.inputs if not (i[0] in ("out", "inner") and i[1] == gone.uid)]
        t.reads = [i for i in t.reads if not (i[0] in ("out", "inner") and i[1] == gone.uid)]


@edit(2)
def remove_target(r, bench, world):
    t = some_target(r, world, ("test", "build", "group"))
    spec = world.spec
    if len(spec.targets) < 4 or t.uid == spec.generator or any(s.p.get("by") == t.uid for s in spec.targets.values()):
        return None
    if sum(s.kind == "test" for s in spec.targets.values()) == 1 and t.kind == "test":
        return None
    forget_uses(spec, t)
    for s in list(spec.targets.values()):
        if s.kind == "group" and not s.deps:
            forget_uses(spec, s)
            del spec.targets[s.uid]
    spec.targets.pop(t.uid, None)
    world.write_testfiles()
    return f"target {t.label()} removed"


@edit(3)
def change_deps(r, bench, world):
    t = some_target(r, world)
    read = {i[1] for i in t.reads if i[0] in ("out", "inner")}
    loose = [d for d in t.deps if d not in read]
    if t.uid == world.spec.generator:
        return None
    if loose and r.random() < 0.5:
        t.deps.remove(r.choice(loose))
    else:
        older = sorted(u for u in world.spec.targets if u < t.uid and u not in t.deps)
        if not older:
            return None
        t.deps.append(r.choice(older))
    world.write_testfiles()
    return f"{t.label()}: deps {t.deps}"


@edit(3)
def change_inputs(r, bench, world):
    t = some_target(r, world)
    if t.op in ("depfile", "run_made") or t.inputs is None or t.uid == world.spec.generator:
        return None
    make.add_piece(r, world.spec, t, t.op in ("chk", "repo_script", "sh_script"))
    t.reads.sort(key=lambda x: x[0] == "args")
    if r.random() < 0.3:
        r.shuffle(t.inputs)
    world.write_testfiles()
    return f"{t.label()}: inputs {t.inputs}"


@edit(2)
def change_outputs(r, bench, world):
    t = some_target(r, world, ("build",))
    if t is None or t.uid == world.spec.generator:
        return None
    make.output_names(r, t)
    world.write_testfiles()
    return f"{t.label()}: outputs {t.outputs}"


@edit(1)
def break_testfile(r, bench, world):
    world.spec.broken = True
    bench.repair.append((world, "spec", None, None))
    world.write_testfiles(how(r))
    return "the Testfile has a syntax error"


@edit(2)
def change_conf(r, bench, world):
    word = r.choice("abc")
    world.write("conf.json", f'{{ "word": "{word}" }}{" " * r.randint(0, 1)}\n'.encode(), how(r))
    return f"conf.json says {word}"


@edit(1)
def change_module(r, bench, world):
    data = get(world, "lib.lua")
    data = data[:-len(b"-- more\n")] if data.endswith(b"-- more\n") else data + b"-- more\n"
    world.write("lib.lua", data, how(r))
    return "a comment in lib.lua"


# ---- outputs and state ---------------------------------------------------------------------------------------------

def outputs_there(world, kinds):
    files, _ = scan(world.root)
    found = set()
    for t in world.spec.targets.values():
        for o in t.outputs:
            kind = entry_kind(o)
            if kind in kinds:
                found |= {p for p in files if p == o or (kind == "folder" and p.startswith(o)) or
                          (kind == "glob" and matches(o, p))}
    return sorted(found)


@edit(5)
def delete_outputs(r, bench, world):
    there = outputs_there(world, ("file", "folder", "glob"))
    if not there:
        return None
    gone = there if r.random() < 0.2 else r.sample(there, min(len(there), r.randint(1, 2)))
    for p in gone:
        world.remove(p)
    if r.random() < 0.2:
        for folder in ("out", "sub/out"):
            shutil.rmtree(world.full(folder), ignore_errors=True)
    return f"outputs deleted: {gone}"


@edit(5)
def tamper_with_output(r, bench, world):
    there = [p for p in outputs_there(world, ("file",)) if not os.path.islink(world.full(p))]
    if not there:
        return None
    path = r.choice(there)
    old = get(world, path)
    st = os.lstat(world.full(path))
    kind = r.choice(["other", "same size", "empty", "mode", "touch"])
    if kind == "mode":
        os.chmod(world.full(path), mode_of(world, path) ^ 0o111)
    elif kind == "touch":
        os.utime(world.full(path))
    else:
        new = b"tampered\n" if kind == "other" else b"" if kind == "empty" else bytes(c ^ 1 for c in old)
        world.write(path, new, how(r), mode_of(world, path))
        if r.random() < 0.5:
            os.utime(world.full(path), ns=(st.st_atime_ns, st.st_mtime_ns))
    return f"output {path}: {kind}"


@edit(2)
def delete_state(r, bench, world):
    shutil.rmtree(world.full(".tgraph"), ignore_errors=True)
    world.local.clear()
    return ".tgraph deleted"


@edit(1)
def damage_state(r, bench, world):
    path = world.full(".tgraph/graph")
    if not os.path.isfile(path):
        return None
    with open(path, "r+b") as f:
        size = os.path.getsize(path)
        if r.random() < 0.3:
            f.truncate(r.randrange(size + 1))
        else:
            f.seek(r.randrange(size))
            byte = f.read(1)
            f.seek(-1, 1)
            f.write(bytes([byte[0] ^ 1 << r.randrange(8)]))
    world.local.clear()
    return ".tgraph/graph damaged"


@edit(1)
def delete_cache(r, bench, world):
    shutil.rmtree(bench.cache.path, ignore_errors=True)
    bench.cache.forget_all()
    bench.forgot = True
    for w in bench.worlds:
        w.foreign |= w.unknown
    bench.cache.damaged = False
    return "the cache deleted"


@edit(1)
def damage_blobs(r, bench, world):
    """Some stored files get another content or vanish: never restored as they are."""
    files = []
    for folder, _, names in os.walk(bench.cache.path + "/cas-v1"):
        files += [os.path.join(folder, n) for n in names]
    if not files:
        return None
    for path in r.sample(sorted(files), max(1, len(files) // 3)):
        if r.random() < 0.5:
            os.unlink(path)
        else:
            os.chmod(path, 0o644)
            with open(path, "ab") as f:
                f.write(b"x")
    bench.cache.forget_all()
    bench.forgot = True
    for w in bench.worlds:
        w.foreign |= w.unknown
    bench.cache.damaged = True
    return "a third of the cache's files damaged"


@edit(1)
def collect_garbage(r, bench, world):
    bench.call(world.root, ["gc"])
    return "tgraph gc"


@edit(1)
def clean_up(r, bench, world):
    status, _, err = bench.call(world.root, ["clean"])
    world.local.clear()
    return f"tgraph clean ({status})"


# ---- around it -----------------------------------------------------------------------------------------------------

@edit(4)
def change_variable(r, bench, world):
    name = r.choice(["LEVEL", "LEVEL", "MODE"])
    bench.env[name] = r.choice([None, "", "1", "3"]) if name == "LEVEL" else r.choice([None, "m0", "a", "b"])
    return f"{name}={bench.env[name]}"


@edit(1)
def change_home(r, bench, world):
    bench.home = os.path.join(bench.base, r.choice(["home", "home2"]))
    return f"HOME={bench.home}"


@edit(5)
def change_tool(r, bench, world):
    kind = r.choice(["chk", "chk", "interpreter", "shadow", "mode", "script", "sh"])
    chk = bench.tools + "/chk"
    interpreter = r.choice(["/bin/sh", bench.tools + "/myint", "/usr/bin/env myint"])
    text = make.chk_text(interpreter, r.choice(["BAD", "BAD", "FAIL"]), r.randint(0, 1))
    if kind == "chk":
        world.write(chk, text, how(r), 0o755)
        os.chmod(chk, 0o755)
    elif kind == "interpreter":
        world.write(bench.tools + "/myint", make.INTERPRETER.format(version=r.randint(0, 2)).encode(), how(r), 0o755)
        os.chmod(bench.tools + "/myint", 0o755)
    elif kind == "shadow":
        path = bench.tools2 + "/chk"
        if os.path.exists(path):
            os.unlink(path)
            return "the other chk is gone from PATH"
        world.write(path, text, "create", r.choice([0o755, 0o644]))
    elif kind == "mode":
        os.chmod(chk, 0o644)
        bench.repair.append((world, "chmod", chk, 0o755))
    elif kind == "script":
        world.write("bin/chk.sh", text, how(r), 0o755)
        os.chmod(world.full("bin/chk.sh"), 0o755)
    elif r.random() < 0.3:
        path = bench.tools2 + "/sh"
        if os.path.exists(path):
            os.unlink(path)
            return "the other sh is gone from PATH"
        world.write(path, b"#!/bin/sh\nexec /bin/sh \"$@\"\n", "create", 0o755)
    return f"tools: {kind} ({interpreter})"


@edit(2)
def change_outside(r, bench, world):
    path = bench.base + "/outside/" + r.choice(["h1.txt", "h1.txt", "h2.txt"])
    if os.path.exists(path) and r.random() < 0.3:
        os.unlink(path)
        return f"{path} removed"
    world.write(path, make.content(r), how(r))
    return f"{path} changed"


@edit(3)
def snapshot(r, bench, world):
    bench.snapshots.append((world.source_files(), world.spec.copy()))
    return f"snapshot {len(bench.snapshots) - 1}"


@edit(4)
def go_back(r, bench, world):
    """All source files and the Testfiles as they were once, as a checkout of an older commit does it."""
    if not bench.snapshots:
        return None
    n = r.randrange(len(bench.snapshots))
    files, spec = bench.snapshots[n]
    world.spec = spec.copy()
    now = world.source_files()
    way = how(r)
    for path in now:
        if path not in files:
            world.remove(path)
    for path, e in files.items():
        if now.get(path) == e:
            continue
        if e[0] == "l":
            world.remove(path)
            os.makedirs(os.path.dirname(world.full(path)), exist_ok=True)
            os.symlink(e[1], world.full(path))
        else:
            mode = 0o755 if e[0] == "x" else 0o644
            world.write(path, e[1], way if path in now and now[path][0] != "l" else "create", mode)
            os.chmod(world.full(path), mode)
    world.spec.broken = False
    world.write_testfiles()
    return f"back to snapshot {n}"


@edit(2)
def nothing(r, bench, world):
    return "nothing"


def repair(bench):
    """Undoes, a step later, what keeps everything from running."""
    done = []
    for world, what, path, value in bench.repair:
        full = path if not path or path.startswith("/") else world.full(path)
        if what == "write" and not os.path.lexists(full):
            world.write(path, value, "create")
        elif what == "chmod" and os.path.exists(full):
            os.chmod(full, value)
        elif what == "spec":
            world.spec.broken = False
            world.write_testfiles()
        done.append(f"{what} {path}")
    bench.repair = []
    return done


def pick(r):
    names = sorted(EDITS)
    return r.choices(names, [EDITS[n][0] for n in names])[0]


def apply(name, seed, bench, world):
    return EDITS[name][1](random.Random(seed), bench, world)


__all__ = ["EDITS", "apply", "ops", "pick", "repair"]
