# SPDX-License-Identifier: MIT
"""A repository on disk, its clones, caches and environment; runs of tgraph and what they must show.

One Bench is one seed: tools, files outside the repository, a cache, and clones (Worlds) that share them.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import time

from . import ops
from .model import View, entry_at, matches, scan
from .spec import entry_kind, render

CRASHES = {-signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGFPE, -signal.SIGILL}
TIMEOUT_S = 60


class Mismatch(Exception):
    """tgraph did something else than it must."""


class Cache:
    """What must be, may be and cannot be in one cache folder."""

    def __init__(self, path):
        self.path = path
        self.full, self.must = set(), set()  # keys of passes that are stored for sure
        self.lists = {}  # weak full key, weak must key -> set of read lists
        self.maybe_must = set()  # may be stored, or may be gone
        self.maybe_engine = set()  # the same, by tgraph's own keys
        self.damaged = False

    def forget_all(self):
        self.maybe_must |= self.must
        self.full, self.must = set(), set()

    def pass_of(self, view, node):
        self.full.add(node.full)
        self.must.add(node.must)
        if node.t.depfile:
            reads = view.not_made(node.result.reads)
            self.lists.setdefault(node.weak_full, set()).add(reads)
            self.lists.setdefault(node.weak_must, set()).add(reads)

    def has(self, view, node):
        """(has a pass of the same full key, has or may have one of the same must key)"""
        if not node.t.depfile:
            return node.full in self.full, node.must in self.must or node.must in self.maybe_must
        full = must = False
        lists = self.lists.get(node.weak_full, ())
        for reads in lists:
            full = full or view.strong(node, reads)[0] in self.full
        for reads in self.lists.get(node.weak_must, ()):
            m = view.strong(node, reads)[1]
            must = must or m in self.must or m in self.maybe_must
        return full and len(lists) < 16, must or full  # tgraph keeps 16 lists


class World:
    """One clone."""

    def __init__(self, bench, name, spec):
        self.bench, self.spec = bench, spec
        self.root = os.path.join(bench.base, name)
        self.local = {}  # label -> full key that it was clean under at the end of the last run here
        self.foreign = False  # there are files in output folders that tgraph cannot know to be its own
        self.unknown = False  # there are some that it knows by the cache alone

    # What View wants to know.
    env = property(lambda self: self.bench.env)
    path = property(lambda self: self.bench.path)
    home = property(lambda self: self.bench.home)
    ran = property(lambda self: self.bench.ran)
    plain_env = property(lambda self: self.bench.plain_env)

    def full(self, path):
        return os.path.join(self.root, path)

    def write(self, path, data, how="replace", mode=0o644):
        full = path if path.startswith("/") else self.full(path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        if how == "inplace" and os.path.isfile(full) and not os.path.islink(full):
            with open(full, "r+b") as f:
                f.write(data)
                f.truncate()
            return
        if how == "replace":
            temporary = full + ".new"
            with open(temporary, "wb") as f:
                f.write(data)
            os.chmod(temporary, mode)
            os.rename(temporary, full)
            return
        self.remove(path)
        with open(full, "wb") as f:
            f.write(data)
        os.chmod(full, mode)

    def remove(self, path):
        full = path if path.startswith("/") else self.full(path)
        try:
            os.unlink(full)
        except (FileNotFoundError, NotADirectoryError):
            pass

    def write_testfiles(self, how="replace"):
        texts = render(self.spec, lambda t: ops.command(self.spec, t, self.bench.ran), self.bench.ran)
        for path, text in texts.items():
            old = entry_at(self.full(path))
            if old is None or old[:2] != ("f", text.encode()):
                self.write(path, text.encode(), how)

    def source_files(self):
        view_files, _ = scan(self.root)
        view = View.__new__(View)
        view.spec, view.files, view.owned = self.spec, view_files, {}
        view.find_outputs()
        return {p: e for p, e in view_files.items() if p not in view.owned}


class Run:
    """What one call of `tgraph run` showed."""

    def __init__(self, twice=False):
        self.twice = twice  # a target that Testfiles read an output of may be told of twice: forced, or disturbed
        self.keys = set()
        self.status, self.events, self.err, self.marks, self.began_ns = None, [], "", [], 0
        self.finished = {}

    def take(self, text):
        for line in text.splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue  # cut off by a kill
            self.events.append(event)
            if event["event"] == "target_finished":
                if event["key"]:
                    self.keys.add(event["key"])
                if event["target"] in self.finished and not self.twice:
                    raise Mismatch(f"{event['target']} finished twice: {self.finished[event['target']]}, {event}")
                self.finished[event["target"]] = event

    def ran(self):
        return {n for n, e in self.finished.items() if not e["cached"] and e["outcome"] not in ("skipped", None)}


class Bench:
    def __init__(self, base, tgraph, jobs):
        self.base, self.tgraph, self.jobs = base, tgraph, jobs
        self.ran = os.path.join(base, "ran")
        self.home = os.path.join(base, "home")
        self.tools, self.tools2 = os.path.join(base, "tools"), os.path.join(base, "tools2")
        self.path = f"{self.tools2}:{self.tools}:/usr/bin:/bin"
        for folder in ("home", "home2", "tools", "tools2", "outside", "tmp"):
            os.makedirs(os.path.join(base, folder))
        self.env = {"LEVEL": None, "MODE": None}
        self.plain_env = {"PATH": "/usr/bin:/bin", "HOME": self.home, "GIT_CONFIG_GLOBAL": "/dev/null",
                          "GIT_CONFIG_SYSTEM": "/dev/null", "LANG": "C.UTF-8"}
        self.template = os.path.join(base, "empty.git")
        subprocess.run(["git", "init", "-q", "--bare", self.template], env=self.plain_env, check=True)
        subprocess.run(["git", "config", "core.bare", "false"], cwd=self.template, env=self.plain_env, check=True)
        self.cache = Cache(os.path.join(base, "cache"))
        self.worlds = []
        self.engine_must, self.full_engine = {}, {}  # engine's key -> must key; full key -> engine's key
        self.static_must, self.full_static = {}, {}
        self.counts = {"edits": 0, "runs": 0, "ran": 0, "cached": 0, "clean runs": 0}
        self.forgot = False  # the cache was emptied or damaged
        self.preload = None  # naive/coarse.c, compiled

    def git(self, world):
        shutil.copytree(self.template, world.full(".git"), symlinks=True)

    # ---- calling tgraph --------------------------------------------------------------------------------------------

    def environment(self, cache=None):
        env = {"PATH": self.path, "HOME": self.home, "TGRAPH_CACHE_DIR": cache or self.cache.path,
               "TMPDIR": os.path.join(self.base, "tmp"), "NO_COLOR": "1"}
        if self.preload:
            env["LD_PRELOAD"] = self.preload
        if os.environ.get("TGRAPH_LIB"):
            env["TGRAPH_LIB"] = os.environ["TGRAPH_LIB"]
        for n in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if n in os.environ:
                env[n] = os.environ[n]
        env.update({k: v for k, v in self.env.items() if v is not None})
        return env

    def call(self, root, args, cache=None):
        try:
            p = subprocess.run([self.tgraph, *args], cwd=root, env=self.environment(cache), stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=TIMEOUT_S, check=False)
        except subprocess.TimeoutExpired as e:
            raise Mismatch(f"tgraph {' '.join(args)} still ran after {TIMEOUT_S} s") from e
        err = p.stderr.decode("utf-8", "replace")
        if p.returncode in CRASHES or "BUG" in err or "Sanitizer" in err or "runtime error:" in err:
            raise Mismatch(f"tgraph {' '.join(args)} broke down ({p.returncode}): {err[:2000]}")
        return p.returncode, p.stdout.decode("utf-8", "replace"), err

    def take_marks(self):
        try:
            with open(self.ran, encoding="utf-8") as f:
                marks = f.read().split()
            os.unlink(self.ran)
            return marks
        except FileNotFoundError:
            return []

    def run(self, root, args=(), cache=None):
        r = Run("--force" in args)
        r.began_ns = time.time_ns()
        r.status, out, r.err = self.call(root, ["--json", "-", f"-j{self.jobs}", *args], cache)
        r.take(out)
        r.marks = self.take_marks()
        self.counts["runs"] += 1
        return r

    def start(self, world):
        """A run in the background, its events in a file."""
        self.tidy_up(world)
        events = os.path.join(self.base, "events")
        if os.path.exists(events):
            os.unlink(events)
        p = subprocess.Popen([self.tgraph, "--json", events, f"-j{self.jobs}"], cwd=world.root, env=self.environment(),
                             stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                             start_new_session=True)
        return p, events

    def finish(self, p, events):
        r = Run(True)
        err = p.communicate(timeout=TIMEOUT_S)[1]
        r.status, r.err = p.returncode, err.decode("utf-8", "replace")
        self.wait_for_orphans()
        if os.path.exists(events):
            with open(events, encoding="utf-8") as f:
                r.take(f.read())
        r.marks = self.take_marks()
        return r

    def wait_for_orphans(self):
        """Until no process works below the base folder: what a killed tgraph started goes on for a moment."""
        for _ in range(2000):
            busy = False
            for pid in os.listdir("/proc"):
                if pid.isdigit() and int(pid) != os.getpid():
                    try:
                        busy = busy or (os.readlink(f"/proc/{pid}/cwd") + "/").startswith(self.base + "/")
                    except OSError:
                        pass
            if not busy:
                return
            time.sleep(0.005)
        raise Mismatch("processes are still there 10 s after tgraph was killed")

    def tidy_up(self, world):
        """What tgraph cannot know to be its own stays in output folders and keeps passes from being stored: what a killed
        run left, and what older runs made once the cache has lost it. Somebody has to take it away, as the note says."""
        if not world.foreign and not self.forgot:
            return
        view = View(world)
        for p, (uid, i) in view.owned.items():
            if uid not in view.nodes or i is None or entry_kind(view.nodes[uid].t.outputs[i]) == "file":
                continue
            # By times in whole seconds nobody could tell whether the command wrote it anew.
            if world.foreign or world.unknown or self.preload or view.nodes[uid].made.get(p) is None:
                world.remove(p)
        world.foreign = False

    # ---- what must be seen -----------------------------------------------------------------------------------------

    def decide(self, view, world, node, forced, intact):
        """'run', 'not' or 'either'."""
        if forced or not node.t.cache:
            return "run"
        has_full, has_must = self.cache.has(view, node)
        if has_full and not self.cache.damaged:
            return "not"
        # A generated target is not declared while its generator's output is missing, and then nothing is known of it.
        if world.local.get(node.t.label()) == node.full and intact(node) and node.t.op != "generated":
            return "not"
        return "either" if has_full or has_must else "run"

    def check(self, world, args=(), selected=None, force=False, dry=None, listed=None):
        """Runs tgraph and compares with the model. dry, listed: what -n and list said before."""
        self.tidy_up(world)
        view = View(world)
        r = self.run(world.root, [*args, *(["--force"] if force else [])])
        if view.load_errors and (r.status == 2 or not self.unneeded_errors(view, selected)):
            if r.status != 2 or r.finished or r.marks:
                raise Mismatch(f"loading should have failed ({view.load_errors[0]}), status {r.status}, "
                               f"ran {sorted(r.ran())}, marks {r.marks}\n{r.err}")
            return r, view
        if r.status not in (0, 1, 3):
            raise Mismatch(f"exit status {r.status}:\n{r.err}")
        self.compare(world, view, r, selected, force, dry, listed)
        return r, view

    def unneeded_errors(self, view, selected):
        """An input of a target that is not needed vanished: that shows when the Testfiles are loaded, for another
        reason."""
        if view.spec.broken:
            return False
        needed = view.needed(self.selection(view, selected) | {view.spec.generator} - {None})
        return not any(view.nodes[u].missing for u in needed)

    def selection(self, view, selected):
        if selected is None:
            return {u for u, n in view.nodes.items() if n.t.kind == "test"}
        return set(selected)

    def compare(self, world, view, r, selected, force, dry, listed):
        selected = self.selection(view, selected)
        roots = set(selected)
        if view.spec.generator is not None:
            roots.add(view.spec.generator)
        needed = view.needed(roots)
        silent = needed - view.needed(selected)  # only brought up to date for the Testfile; told only if that took a run
        forced = set(selected)
        groups = [u for u in selected if view.nodes[u].t.kind == "group"]
        for u in groups:  # a group stands for its members, groups among them too
            members = {e[0] for e in view.nodes[u].edges} - forced
            forced |= members
            groups += [m for m in members if view.nodes[m].t.kind == "group"]
        files_before = view.files

        def intact(node):
            return all(files_before.get(p) == e for p, e in node.made.items())

        problems = []
        labels = {n.t.label() for n in view.nodes.values()}
        world.local = {k: v for k, v in world.local.items() if k in labels}  # of what is gone nothing is kept
        targets = {view.nodes[u].t.label(): view.nodes[u] for u in needed if view.nodes[u].t.kind != "group"}
        for name in sorted(set(r.finished) - set(targets)):
            problems.append(f"{name} is not needed and has an event")
        marks = {}
        for m in r.marks:
            marks[m] = marks.get(m, 0) + 1
        status = 0
        for name, node in sorted(targets.items()):
            e = r.finished.get(name)
            if e is None and node.t.uid in silent and (
                    self.cache.maybe_engine or self.decide(view, world, node, False, intact) != "run"):
                continue
            if e is None:
                problems.append(f"{name} has no event")
                continue
            outcome, cached = e["outcome"], e["cached"]
            if node.outcome in ("failed", "error"):
                status = 3 if node.t.kind == "build" else status or 1
            expected_marks = 0
            if node.outcome == "skipped":
                world.local.pop(name, None)
                if outcome != "skipped":
                    problems.append(f"{name} is {outcome}, must be skipped")
                continue
            what = self.decide(view, world, node, force and node.t.uid in forced and
                               node.t.uid != view.spec.generator, intact)
            if node.t.uid == view.spec.generator and force and node.t.uid in forced and what == "not":
                what = "either"
            if outcome != node.outcome:
                problems.append(f"{name} is {outcome} ({e['reason']}; {e.get('note')}), must be {node.outcome}")
                continue
            if what == "run" and cached and e["key"] not in self.cache.maybe_engine:
                problems.append(f"{name} must run and was skipped: {e['reason']}")
            if what == "not" and not cached:
                problems.append(f"{name} ran and had passed before: {e['reason']}")
            if not cached:
                expected_marks = node.result.marks
            if marks.pop(str(node.t.uid), 0) != expected_marks:
                problems.append(f"{name} left another number of marks than {expected_marks}: {r.marks}")
            self.compare_keys(node, e["key"], problems)
            self.remember(world, view, r, node, e, problems)
            self.counts["cached" if cached else "ran"] += 1
        for m in marks:
            problems.append(f"mark {m} was left by something that did not run")
        if r.status != status:
            problems.append(f"exit status {r.status}, must be {status}")
        self.compare_outputs(world, targets.values(), problems)
        self.compare_forecasts(view, r, targets, dry, listed, force, problems)
        if problems:
            raise Mismatch("\n".join(problems))

    def compare_keys(self, node, key, problems):
        if key is None or (node.t.depfile and node.result.reads is None):
            return
        name = node.t.label()
        if self.engine_must.setdefault(key, node.must) != node.must:
            problems.append(f"{name} has key {key}, which stood for something else before")
        if self.full_engine.setdefault(node.full, key) != key:
            problems.append(f"{name} has key {key}, and had {self.full_engine[node.full]} for the same before")

    def remember(self, world, view, r, node, e, problems):
        """What is stored from now on."""
        label = node.t.label()
        if e["cached"]:
            world.local[label] = node.full
            return
        world.local.pop(label, None)
        if e["outcome"] != "passed" or not node.t.cache:
            return
        note = e.get("note") or ""
        if "not stored" in note:
            # A file that was first seen by a depfile may be too new to tell whether it changed meanwhile.
            path = re.search(r"(\S+) (?:changed|was written) while it ran", note)
            path = path[1] if path else ""
            try:
                st = os.lstat(path if path.startswith("/") else world.full(path))
                coarse = self.preload or (st.st_mtime_ns % 10**9 == 0 and st.st_ctime_ns % 10**9 == 0)
                new = max(st.st_mtime_ns, st.st_ctime_ns) > r.began_ns - (2_100_000_000 if coarse else 50_000_000)
            except OSError:
                new = False
            if not (new and node.t.depfile):
                problems.append(f"{label}: {note}")
            self.cache.maybe_must.add(node.must)
            return
        self.cache.pass_of(view, node)
        world.local[label] = node.full

    def compare_outputs(self, world, nodes, problems):
        files, _ = scan(world.root)
        for node in nodes:
            if node.outcome not in ("passed", "flaky"):
                continue
            t, seen = node.t, {}
            for o in t.outputs:
                kind = entry_kind(o)
                for p, e in files.items():
                    if p == o or (kind == "folder" and p.startswith(o)) or \
                            (kind == "glob" and p not in seen and matches(o, p)):
                        seen[p] = e
                if kind == "folder" and not os.path.isdir(world.full(o)):
                    problems.append(f"{t.label()}: there is no folder {o}")
            for p in sorted(set(seen) | set(node.made)):
                if seen.get(p) != node.made.get(p):
                    problems.append(f"{t.label()}: output {p} is {seen.get(p)}, must be {node.made.get(p)}")

    def compare_forecasts(self, view, r, targets, dry, listed, force, problems):
        ran = r.ran()
        generator = view.spec.generator
        if generator is not None:
            node = view.nodes[generator]
            if node.t.label() in ran or any(view.files.get(p) != e for p, e in node.made.items()):
                dry = listed = None  # what it makes decides which targets there are
            if force:
                dry = None
        if self.cache.damaged:
            dry = listed = None  # what is damaged shows only when it is restored
        for what, forecast in (("-n", dry), ("list", None if force else listed)):
            if forecast is None:
                continue
            for name in sorted(ran):
                if forecast.get(name) != "run":
                    problems.append(f"{name} ran, and {what} said {forecast.get(name)}")
            for name, node in sorted(targets.items()):
                below = {u for u in view.needed([node.t.uid]) - {node.t.uid} if view.nodes[u].t.kind != "group"}
                sure = all(forecast.get(view.nodes[u].t.label()) == "not" for u in below)
                if sure and forecast.get(name) == "run" and name not in ran and node.outcome != "skipped":
                    problems.append(f"{name} did not run, and {what} said that it would")

    def forecast(self, world, args=(), force=False):
        """What -n says: target -> 'run' or 'not'. None if loading fails."""
        status, out, err = self.call(world.root, ["-n", "--json", "-", *args, *(["--force"] if force else [])])
        if self.take_marks():
            raise Mismatch("-n ran something")
        if status == 2:
            return None
        if status != 0:
            raise Mismatch(f"-n ended with status {status}: {err}")
        r = Run()
        r.take(out)
        return {n: "run" if e["outcome"] is None else "not" for n, e in r.finished.items()}

    def list(self, world):
        """What list says: target -> 'run' or 'not'; static keys are held against the model's."""
        view = View(world)
        status, out, err = self.call(world.root, ["list", "--json", "--keys"])
        if view.load_errors:
            if status != 2:
                raise Mismatch(f"list: loading should have failed ({view.load_errors[0]}), status {status}")
            return None
        if status != 0:
            raise Mismatch(f"list ended with status {status}: {err}")
        states, problems = {}, []
        by_label = {n.t.label(): n for n in view.nodes.values()}
        for line in out.splitlines():
            e = json.loads(line)
            name = e["target"]
            states[name] = "not" if e["state"] == "clean" else "run"
            node = by_label.get(name)
            if node is None or node.static_full is None or e["state"] not in ("clean", "dirty", "failed"):
                if view.spec.generator is None:
                    problems.append(f"list shows {line}")
                continue
            key = e["static_key"]
            if self.static_must.setdefault(key, node.static_must) != node.static_must:
                problems.append(f"{name} has static key {key}, which stood for something else before")
            if self.full_static.setdefault(node.static_full, key) != key:
                problems.append(f"{name} has static key {key}, not {self.full_static[node.static_full]} as before")
        if view.spec.generator is None and set(states) != set(by_label):
            problems.append(f"list shows {sorted(states)}, there are {sorted(by_label)}")
        if problems:
            raise Mismatch("\n".join(problems))
        return states

    def check_clean(self, world):
        """A fresh copy without outputs, state and cache must end as the model says, byte for byte."""
        clean = World(self, "clean", world.spec)
        cache = os.path.join(self.base, "clean-cache")
        for path in (clean.root, cache):
            shutil.rmtree(path, ignore_errors=True)
        os.makedirs(clean.root)
        self.git(clean)
        for path, e in world.source_files().items():
            full = clean.full(path)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            if e[0] == "l":
                os.symlink(e[1], full)
            else:
                clean.write(path, e[1], "create", 0o755 if e[0] == "x" else 0o644)
        _, folders = scan(world.root)
        for folder in folders:
            os.makedirs(clean.full(folder), exist_ok=True)
        mine, self.cache = self.cache, Cache(cache)
        try:
            self.check(clean)
        except Mismatch as e:
            raise Mismatch(f"a clean run: {e}") from e
        finally:
            self.cache = mine
        self.counts["clean runs"] += 1
