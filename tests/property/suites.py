#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Suites against a naive model, and under faults.

    suites.py [--seeds A..B] [--steps N] [--kills N] [--tgraph FILE] [--keep] [--only model|workers|tgraph]

model: random suites (cases written in the Testfile and discovered) and a row of random edits, each followed by a run of
all or of some. The model says which cases have a key that has not passed: these must be served, and no others. It is told
what was served by the worker itself, not by tgraph.

workers: while a suite runs, its workers are killed at random moments, and some write half a line, garbage, nothing, too
much, or answer for another case. Each case must be told exactly once, as passed only if its worker knows that it passed;
a second run serves what is left, and a third one nothing.

tgraph: tgraph itself is killed at a random moment. What it told as passed is clean afterwards.

PROPERTY_ROUNDS=N runs seeds 1..N. When a seed fails, its story is shown, and the command that repeats it.
"""
import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
WORKER = os.path.join(HERE, "../e2e/suites/worker.py")
FAULTS = ["half", "garbage", "binary", "much", "other", "before", "unknown", "close", "exit 0", "exit 3", "crash"]


class Mismatch(Exception):
    pass


def lua(value):
    """VALUE as Lua writes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if isinstance(value, list):
        return "{ " + ", ".join(lua(v) for v in value) + " }"
    return "{ " + ", ".join(f"[{lua(k)}] = {lua(v)}" for k, v in value.items()) + " }"


class Repo:
    """A repository under a folder of its own, with what a run left behind."""

    def __init__(self, tgraph, folder):
        self.tgraph, self.base = tgraph, os.path.realpath(folder)
        self.root = os.path.join(self.base, "repo")
        os.makedirs(os.path.join(self.root, ".git"))  # where the search for the root ends
        for name in ("tmp", "home"):
            os.mkdir(os.path.join(self.base, name))
        self.env = {"PATH": os.environ["PATH"], "HOME": os.path.join(self.base, "home"),
                    "TMPDIR": os.path.join(self.base, "tmp"), "TGRAPH_CACHE_DIR": os.path.join(self.base, "cache"),
                    "MARKS": self.base}
        for name in ("ASAN_OPTIONS", "LSAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
            if name in os.environ:
                self.env[name] = os.environ[name]

    def write(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as f:
            f.write(text)
        if path.endswith("w.py"):
            os.chmod(full, 0o755)

    def marks(self, name):
        try:
            with open(os.path.join(self.base, name), encoding="utf-8") as f:
                return f.read().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def forget_marks(self):
        for name in ("ran", "passed", "starts", "ends", "served", "listed"):
            try:
                os.unlink(os.path.join(self.base, name))
            except FileNotFoundError:
                pass

    def start(self, args):
        self.forget_marks()
        events = os.path.join(self.base, "events")
        if os.path.exists(events):
            os.unlink(events)
        err = open(os.path.join(self.base, "err"), "wb")
        return subprocess.Popen([self.tgraph, "run", "--json", events, *args], cwd=self.root, env=self.env,
                                stdin=subprocess.DEVNULL, stdout=err, stderr=err)

    def finish(self, p):
        try:
            p.wait(120)
        except subprocess.TimeoutExpired:
            p.kill()
            raise Mismatch("it does not end") from None
        return Run(self, p.returncode)

    def run(self, args):
        return self.finish(self.start(args))


class Run:
    """What a run told, and what the workers say of it."""

    def __init__(self, repo, status):
        self.status, self.told, self.doubled, self.messages, self.end = status, {}, [], [], None
        self.ran, self.passed = repo.marks("ran"), set(repo.marks("passed"))
        self.listed = repo.marks("listed")
        with open(os.path.join(repo.base, "err"), encoding="utf-8", errors="replace") as f:
            self.err = f.read()
        try:
            with open(os.path.join(repo.base, "events"), encoding="utf-8") as f:
                lines = f.read().split("\n")[:-1]
        except FileNotFoundError:
            lines = []
        for line in lines:
            e = json.loads(line)
            if e["event"] == "target_finished" and e["kind"] == "case":
                name = e["target"].partition("#")[2]
                if name in self.told:
                    self.doubled.append(name)
                self.told[name] = e
            elif e["event"] == "message" and e["level"] == "error":
                self.messages.append(e["message"])
            elif e["event"] == "run_finished":
                self.end = e

    def names(self, *outcomes, cached=None):
        return {n for n, e in self.told.items() if e["outcome"] in outcomes and cached in (None, e["cached"])}

    def check_told(self, wanted):
        """Each once; none passes that did not."""
        if self.end is None:
            raise Mismatch(f"it did not end as it should: status {self.status}: {self.err[-2000:]}")
        if self.doubled:
            raise Mismatch(f"told twice: {sorted(self.doubled)}")
        if set(self.told) != set(wanted):
            raise Mismatch(f"told too few: {sorted(set(wanted) - set(self.told))}, "
                           f"too many: {sorted(set(self.told) - set(wanted))}")
        false = self.names("passed", "flaky", cached=False) - self.passed
        if false:
            raise Mismatch(f"told as passed, but no worker knows of it: {sorted(false)}")
        # A worker that fails at its end fails the run.
        all_pass = len(self.names("passed")) == len(wanted) and not self.messages
        if (self.status == 0) != all_pass and not self.names("flaky"):
            raise Mismatch(f"exit status {self.status}: {self.err[-2000:]}")


# ---- the model -------------------------------------------------------------------------------------------------------


class Suite:
    def __init__(self, r, name):
        self.name, self.discovered = name, r.random() < 0.5
        self.order, self.isolate = r.choice(["any", "group"]), r.random() < 0.15
        self.cases, self.serial, self.env = {}, 0, "1"
        for _ in range(r.randint(1, 7)):
            self.add(r)

    def new_id(self, r):
        self.serial += 1
        return f"{self.name}.{r.choice(['', 'x y', '[1-a]', 'é', 'a#b', '/p/'])}{self.serial}"

    def add(self, r):
        self.cases[self.new_id(r)] = {
            "inputs": r.sample(FILES, r.choice([0, 0, 1, 1, 2])), "data": r.randint(1, 3),
            "group": r.choice([None, "g", "h"]), "tags": r.choice([[], ["slow"], ["slow", "db"]]),
            "mark": r.choice(["", "", "", "skip, ", "xfail, "])}

    def listing(self):
        """As both the Testfile and a discover step have it."""
        out = []
        for name, c in self.cases.items():
            e = {"id": name, "data": {"do": self.steps(c), "v": c["data"]}}
            for k in ("inputs", "tags", "group"):
                if c[k]:
                    e[k] = c[k]
            out.append(e)
        return out

    @staticmethod
    def steps(c):
        return ", ".join([c["mark"].rstrip(", ") or "pass", *(f"sound {p}" for p in c["inputs"])])


FILES = [f"in/{c}.txt" for c in "abcde"]


class World:
    def __init__(self, r, repo):
        self.repo, self.files = repo, {p: "good 0" for p in FILES}
        self.common, self.worker = "1", 0
        self.suites = [Suite(r, "AB"[i]) for i in range(r.randint(1, 2))]
        self.passed = set()  # keys
        self.listed = set()  # contents of lists that were read by a discover step
        self.maybe = set()   # keys whose pass may be stored: what a kill left
        self.versions = 0

    def write(self):
        text = []
        with open(WORKER, encoding="utf-8") as f:
            self.repo.write("w.py", f.read() + f"# {self.worker}\n")
        for path, data in self.files.items():
            self.repo.write(path, data)
        self.repo.write("common.txt", self.common)
        for s in self.suites:
            cases = lua(s.listing())
            if s.discovered:
                self.repo.write(f"{s.name}.list", self.list_of(s))
                cases = f'discover {{ cmd = "echo {s.name} >>../listed; cat {s.name}.list", inputs = {{ "{s.name}.list" }} }}'
            text.append(f'suite "{s.name}" {{ worker = {{ "./w.py" }}, inputs = {{ "common.txt" }}, '
                        f'env = {{ "MARKS", OTHER = "{s.env}" }}, tags = "t{s.name}", order = "{s.order}", '
                        f'isolate = {lua(s.isolate)}, cases = {cases} }}')
        text.append('test "plain" { cmd = "true", inputs = {} }')
        self.repo.write("Testfile.lua", "\n".join(text) + "\n")

    @staticmethod
    def list_of(s):
        return "".join(json.dumps(e) + "\n" for e in s.listing())

    def key(self, s, name):
        c = s.cases[name]
        return (s.name, s.discovered, s.isolate, self.worker, self.common, s.env, name, s.steps(c), c["data"],
                tuple(sorted((p, self.files[p]) for p in c["inputs"])))

    def outcome(self, s, name):
        c = s.cases[name]
        return "failed" if any(self.files[p].startswith("bad") for p in c["inputs"]) else "passed"

    def all(self):
        return [(s, name) for s in self.suites for name in s.cases]


def edit(r, w):
    """Changes the world somehow; says how."""
    s = r.choice(w.suites)
    name = r.choice(list(s.cases)) if s.cases else None
    what = r.choices(["input", "revert", "common", "worker", "env", "add", "remove", "rename", "group", "tags", "order",
                      "data", "inputs", "touch", "state", "mark"],
                     [24, 8, 4, 3, 4, 8, 5, 6, 6, 5, 5, 7, 6, 4, 2, 3])[0]
    w.versions += 1
    if what == "input":
        path = r.choice(FILES)
        w.files[path] = r.choice(["good", "good", "bad"]) + f" {w.versions}"
        return f"{path} = {w.files[path]}"
    if what == "revert":
        path = r.choice(FILES)
        w.files[path] = "good 0"
        return f"{path} = good 0"
    if what == "common":
        w.common = str(r.randint(1, 3))
        return f"common = {w.common}"
    if what == "worker":
        w.worker = r.randint(0, 2)
        return f"worker {w.worker}"
    if what == "env":
        s.env = str(r.randint(1, 3))
        return f"env of {s.name} = {s.env}"
    if what == "add":
        s.add(r)
        return f"another case of {s.name}"
    if what == "touch":
        os.utime(os.path.join(w.repo.root, r.choice(FILES)))
        return "touch"
    if what == "state":
        shutil.rmtree(os.path.join(w.repo.root, ".tgraph"), ignore_errors=True)
        return "no .tgraph"
    if name is None:
        return "nothing"
    c = s.cases[name]
    if what == "remove" and len(s.cases) > 1:
        del s.cases[name]
    elif what == "rename":
        del s.cases[name]
        s.cases[s.new_id(r)] = c
    elif what == "group":
        c["group"] = r.choice([None, "g", "h", "i"])
    elif what == "tags":
        c["tags"] = r.choice([[], ["slow"], ["db"]])
    elif what == "order":
        items = list(s.cases.items())
        r.shuffle(items)
        s.cases = dict(items)
    elif what == "data":
        c["data"] = r.randint(1, 3)
    elif what == "mark":
        c["mark"] = r.choice(["", "skip, "])
    elif what == "inputs":
        c["inputs"] = r.sample(FILES, r.randint(0, 2))
    return f"{what} of {name}"


def selection(r, w):
    """Arguments, and the cases that they mean."""
    everything = w.all()
    how = r.choice(["all", "all", "suite", "cases", "tag", "exclude", "exclude suite"])
    if how == "suite":
        s = r.choice(w.suites)
        return [s.name], [(s, n) for n in s.cases]
    if how == "cases" and everything:
        some = r.sample(everything, min(len(everything), r.randint(1, 3)))
        return [f"{s.name}#{n}" for s, n in some], some
    if how == "tag":
        return ["--tag", "slow"], [(s, n) for s, n in everything if "slow" in s.cases[n]["tags"]]
    if how == "exclude" and everything:
        s, n = r.choice(everything)
        if "[" not in n:
            return ["--exclude", f"{s.name}#{n}"], [c for c in everything if c != (s, n)]
    if how == "exclude suite" and len(w.suites) > 1:
        s = r.choice(w.suites)
        return ["--exclude", s.name], [c for c in everything if c[0] is not s]
    return [], everything


def check_run(w, args, chosen, say):
    wanted = {n for _, n in chosen}
    must = {n for s, n in chosen if w.key(s, n) not in w.passed}
    may = {n for s, n in chosen if w.key(s, n) in w.maybe}
    lists = {s.name for s in w.suites if s.discovered and w.list_of(s) not in w.listed}
    run = w.repo.run(args)
    say(f"tgraph {' '.join(args)}: served {sorted(set(run.ran))}")
    if not wanted:
        return
    run.check_told(wanted)
    ran = set(run.ran)
    if not must - may <= ran or not ran <= must:
        raise Mismatch(f"not served: {sorted(must - may - ran)}; served for nothing: {sorted(ran - must)}\n{run.err}")
    for s in w.suites:
        for group in {c["group"] for c in s.cases.values() if c["group"] and s.order == "group"}:
            row = [n for n, c in s.cases.items() if c["group"] == group and n in ran]
            served = [n for n in dict.fromkeys(run.ran) if n in row]  # a failed one may be tried once more on its own
            if served != row:
                raise Mismatch(f"group {group} of {s.name} was served in the order {served}, must be {row}")
    for s, n in chosen:
        if run.told[n]["outcome"] != w.outcome(s, n):
            raise Mismatch(f"{n} is {run.told[n]['outcome']}, must be {w.outcome(s, n)}\n{run.err}")
        if run.told[n]["cached"] == (n in ran):
            raise Mismatch(f"{n}: cached is {run.told[n]['cached']}")
        w.maybe.discard(w.key(s, n))
        if w.outcome(s, n) == "passed":
            w.passed.add(w.key(s, n))
    if set(run.listed) != lists and not may:
        raise Mismatch(f"lists that were made: {run.listed}, must be {sorted(lists)}")
    w.listed |= {w.list_of(s) for s in w.suites if s.discovered}


def killed_run(r, w, say):
    p = w.repo.start(["-j", str(r.choice([1, 2]))])
    time.sleep(r.choice([r.uniform(0, 0.1), r.uniform(0, 0.4)]))
    p.kill()
    run = w.repo.finish(p)
    say(f"killed: told {sorted(run.told)}")
    for s, n in w.all():
        if n in run.told and run.told[n]["outcome"] == "passed":
            w.passed.add(w.key(s, n))
        elif n in run.passed:
            w.maybe.add(w.key(s, n))


def model(seed, repo, options, say):
    r = random.Random(seed)
    w = World(r, repo)
    w.write()
    for step in range(options.steps):
        say(f"step {step}")
        for _ in range(r.choice([1, 1, 2, 3]) if step else 0):
            say("    " + edit(r, w))
        w.write()
        if r.random() < 0.1:
            killed_run(r, w, say)
            run = w.repo.run([])  # so that what is stored is known again
            for s, n in w.all():
                key = w.key(s, n)
                if key in w.passed and n in run.ran:
                    raise Mismatch(f"{n} was told as passed before the kill, and is served again")
                if key not in w.passed and key not in w.maybe and n not in run.ran:
                    raise Mismatch(f"{n} is not served after the kill")
                if w.outcome(s, n) == "passed":
                    w.passed.add(key)
            w.maybe.clear()
            w.listed |= {w.list_of(s) for s in w.suites if s.discovered}
        args, chosen = selection(r, w)
        check_run(w, [*args, "-j", str(r.choice([1, 2, 3]))], chosen, lambda t: say("    " + t))
        if r.random() < 0.4:
            check_run(w, [], w.all(), lambda t: say("    " + t))
            check_run(w, [], w.all(), lambda t: say("    " + t))


# ---- faults ----------------------------------------------------------------------------------------------------------


class Killer(threading.Thread):
    """Kills workers as long as there are any, at random moments."""

    def __init__(self, r, repo, most):
        super().__init__()
        self.r, self.repo, self.most, self.kills, self.over = r, repo, most, 0, threading.Event()

    def run(self):
        dead = set()
        while not self.over.wait(self.r.choice([self.r.uniform(0, 0.01), self.r.uniform(0, 0.05), self.r.uniform(0, 0.2)])):
            alive = [p for p in self.repo.marks("starts") if p not in dead and p not in self.repo.marks("ends")]
            if not alive or self.kills == self.most:
                continue
            pid = self.r.choice(alive)
            dead.add(pid)
            try:  # the process is our worker, and nobody else's
                with open(f"/proc/{pid}/cmdline", "rb") as f:
                    if b"w.py" not in f.read():
                        continue
                os.kill(int(pid), signal.SIGKILL)
                self.kills += 1
            except (FileNotFoundError, ProcessLookupError):
                pass


def fault_suite(r, repo, n, faulty):
    cases = []
    for i in range(n):
        what = r.choice(FAULTS) if r.random() < faulty else f"sleep {r.choice([0, 0.001, 0.005, 0.02])}, pass"
        repo.write(f"c/{i}.txt", what)
        c = {"id": f"c{i}", "inputs": [f"c/{i}.txt"], "data": {"file": f"c/{i}.txt"}}
        group = r.choice([None, "g", "h"])
        if group:
            c["group"] = group
        cases.append(c)
    with open(WORKER, encoding="utf-8") as f:
        repo.write("w.py", f.read())
    retries = r.choice([0, 0, 1])
    repo.write("Testfile.lua", f'suite "s" {{ worker = {{ "./w.py" }}, inputs = {{}}, env = {{ "MARKS" }}, '
                               f'order = "{r.choice(["any", "group"])}", retries = {retries}, '
                               f'case_timeout = 30, cases = {lua(cases)} }}\n')
    return {c["id"] for c in cases}


def finish_the_rest(repo, names, run, say):
    """All can pass now: the next run serves what is left, and then there is nothing to do."""
    for i in range(len(names)):
        with open(os.path.join(repo.root, f"c/{i}.txt"), encoding="utf-8") as f:
            if "pass" not in f.read():
                repo.write(f"c/{i}.txt", "pass")
    clean = run.names("passed")
    by_worker = {}
    for line in repo.marks("served"):
        pid, case = line.split(" ")[:2]
        by_worker.setdefault(pid, set()).add(case)
    again = repo.run(["-j", "2"])
    say(f"    then: served {len(again.ran)}")
    again.check_told(names)
    if again.status != 0 or again.names("passed") != names:
        raise Mismatch(f"not all pass in the end: {again.err[-2000:]}")
    # A worker that failed at its end takes all its cases back: those of whole workers, no more than were told of, and no others.
    extra = set(again.ran) - (names - clean)
    taken_back = [cases & clean for cases in by_worker.values() if cases & clean and cases & clean <= extra]
    unexplained = set(extra)
    for _ in run.messages:
        unexplained -= max(taken_back, key=lambda cases: len(cases & unexplained), default=set())
    if not names - clean <= set(again.ran) or unexplained:
        raise Mismatch(f"left: {sorted(names - clean)}; served: {sorted(set(again.ran))}; told: {run.messages}")
    if len(again.ran) != len(set(again.ran)):
        raise Mismatch(f"served twice: {sorted(again.ran)}")
    last = repo.run([])
    last.check_told(names)
    if last.ran or repo.marks("starts"):
        raise Mismatch(f"it is not over: served {last.ran}")


def workers(seed, repo, options, say):
    r = random.Random(seed * 7919)
    names = fault_suite(r, repo, r.choice([12, 30, 60]), r.choice([0, 0, 0.2]))
    killer = Killer(r, repo, options.kills_left)
    jobs = r.choice([1, 2, 4])
    p = repo.start(["-j", str(jobs)])
    killer.start()
    try:
        run = repo.finish(p)
    finally:
        killer.over.set()
        killer.join()
    options.kills_left -= killer.kills
    say(f"    -j{jobs}: {killer.kills} workers killed; {len(run.names('passed'))} of {len(names)} passed")
    run.check_told(names)
    for name in run.names("passed", "flaky"):
        with open(os.path.join(repo.root, f"c/{name[1:]}.txt"), encoding="utf-8") as f:
            if "pass" not in f.read():
                raise Mismatch(f"{name} passed, although its worker misbehaves")
    finish_the_rest(repo, names, run, say)


def tgraph(seed, repo, options, say):
    del options
    r = random.Random(seed * 104729)
    names = fault_suite(r, repo, 40, 0)
    known = set()
    for _ in range(4):
        p = repo.start(["-j", str(r.choice([1, 2, 4]))])
        end, n = time.monotonic() + 2, r.randint(0, 12)
        while p.poll() is None and time.monotonic() < end and len(repo.marks("ran")) < n:
            time.sleep(0.001)
        time.sleep(r.choice([0, r.uniform(0, 0.02)]))
        p.kill()
        run = repo.finish(p)
        if run.doubled:
            raise Mismatch(f"told twice: {run.doubled}")
        lost = known & set(run.ran)
        if lost:
            raise Mismatch(f"told as passed before, and served again: {sorted(lost)}")
        false = run.names("passed", "flaky", cached=False) - run.passed
        if false:
            raise Mismatch(f"told as passed, but no worker knows of it: {sorted(false)}")
        known |= run.names("passed")
        say(f"    killed; {len(known)} of {len(names)} are known to have passed")
        for pid in set(repo.marks("starts")):
            wait_gone(pid)
    run = repo.run(["-j", "2"])
    run.check_told(names)
    if known & set(run.ran):
        raise Mismatch(f"told as passed before, and served again: {sorted(known & set(run.ran))}")
    finish_the_rest(repo, names, run, say)


def wait_gone(pid):
    """A worker ends when tgraph is gone: its descriptors are at their end."""
    for _ in range(1000):
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as f:
                if f.read().rpartition(")")[2].split()[0] == "Z":
                    return
        except (FileNotFoundError, ProcessLookupError):
            return
        time.sleep(0.01)
    raise Mismatch(f"worker {pid} outlives tgraph")


# ---- seeds -----------------------------------------------------------------------------------------------------------


def one(part, seed, options):
    story = []
    folder = tempfile.mkdtemp(prefix="tgraph-suites.", dir=options.dir)
    problem = None
    try:
        part(seed, Repo(options.tgraph, folder), options, story.append)
    except Mismatch as e:
        problem = str(e)
    except Exception:  # a mistake in the test itself
        problem = traceback.format_exc()
    if problem is None or not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    if problem:
        print(f"# {part.__name__}, seed {seed}: {problem}".replace("\n", "\n#   "))
        for line in story:
            print(f"#   {line}")
        print(f"#   repeat: {sys.argv[0]} --only {part.__name__} --seeds {seed}..{seed} --steps {options.steps} --keep"
              + (f"\n#   kept: {folder}" if options.keep else ""))
    return problem is None


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    ap.add_argument("--seeds", default=os.environ.get("PROPERTY_ROUNDS") or "8", help="A..B, or N for 1..N")
    ap.add_argument("--steps", type=int, default=int(os.environ.get("PROPERTY_EDITS") or 20))
    ap.add_argument("--kills", type=int, default=200, help="workers to kill, over as many runs as that takes")
    ap.add_argument("--only", choices=["model", "workers", "tgraph"])
    ap.add_argument("--tgraph", default=os.environ.get("TGRAPH") or os.path.join(HERE, "../../build/tgraph"))
    ap.add_argument("--dir")
    ap.add_argument("--keep", action="store_true")
    options = ap.parse_args()
    options.tgraph = os.path.abspath(options.tgraph)
    first, dots, last = options.seeds.partition("..")
    seeds = range(int(first), int(last) + 1) if dots else range(1, int(first) + 1)
    options.kills_left = options.kills
    passed = failed = 0

    def count(part, seed, text=""):
        nonlocal passed, failed
        ok = one(part, seed, options)
        passed, failed = passed + ok, failed + (not ok)
        print(f"{'ok' if ok else 'not ok'} {passed + failed} - {part.__name__}, seed {seed}{text}", flush=True)

    for part in (model, tgraph):
        for seed in seeds if options.only in (None, part.__name__) else ():
            count(part, seed)
    if options.only in (None, "workers"):
        seed, end = seeds[0], time.monotonic() + 600
        while (seed in seeds or (options.kills_left and not dots)) and time.monotonic() < end:
            count(workers, seed)
            seed += 1
        print(f"# {options.kills - options.kills_left} workers were killed")
        if options.kills_left and not dots and options.only is None:
            failed += 1
            print(f"not ok {passed + failed} - there was time to kill {options.kills} workers")
    print(f"1..{passed + failed}")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
