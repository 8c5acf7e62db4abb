#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random git repositories: what `tgraph --since` says is affected must be what two checkouts in two folders and
`tgraph list --json --keys` in each of them show.

    since.py [--seeds A..B] [--workers N] [--tgraph FILE] [--keep] [--states N] [--oracle-only]

A seed is one repository with a history (branches, merges, criss-cross merges, tags, packed or not; at times a linked
work tree, GIT_DIR elsewhere, a submodule, LFS, a sparse checkout, settings of line endings) and a row of states of its
work tree and index. In each state

  - `list --since REF`, `list --staged [--since REF]` and `list --since A..B` must print the labels whose static keys
    differ from the base's or are not there, with both keys; a base that does not load or is not there: everything, and
    why; a current side that does not load: exit status 2
  - a second call, which finds what the first one kept, must say the same
  - `affected` must print the same labels and exit with 1 if there are any; with patterns only those of them
  - shards are disjoint and complete

The seeds come from --seeds, or PROPERTY_ROUNDS=N (or A..B) in the environment. A seed that fails is left in its folder.
"""
import argparse
import concurrent.futures
import copy
import json
import os
import random
import re
import shlex
import shutil
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from since_oracle import edits, gitside, index, spec as specs, testfiles  # noqa: E402
from since_oracle.oracle import BROKEN, LOADED, Oracle, affected  # noqa: E402
from since_oracle.repo import NAME, GitError, Repo  # noqa: E402
from since_oracle.world import World, content, put  # noqa: E402


SETTINGS = [("core.autocrlf", ["true", "input"]), ("core.eol", ["crlf", "lf"]), ("core.fileMode", ["false"]),
            ("core.ignoreCase", ["true"]), ("index.version", ["4"]), ("core.quotePath", ["false"]),
            ("core.untrackedCache", ["true"])]


class Mismatch(Exception):
    pass


class Bench:
    """One seed: the repository, what was done to it, and what has been compared."""

    def __init__(self, seed, base, options):
        self.seed, self.options = seed, options
        self.r = random.Random(seed * 7919 + 11)
        self.story = []
        self.counts = dict.fromkeys(
            ["comparisons", "affected", "unaffected", "base broken", "no base", "current broken", "affected calls"], 0)
        style = self.r.choices(["plain", "linked", "apart"], [7, 1.5, 1.5])[0]
        self.repo = Repo(base, style, "proj" if self.r.random() < 0.25 else "")
        self.oracle = Oracle(self.repo, options.tgraph)
        self.world = World(self.repo, self.r, self.say)
        self.say(f"style {style}, root {self.repo.prefix or '.'}")

    def say(self, text):
        self.story.append("    " + text)

    # ---- the repository ----

    def set_up(self):
        w, r, repo = self.world, self.r, self.repo
        repo.init()
        for name, values in SETTINGS:
            if r.random() < 0.09:
                value = r.choice(values)
                repo.git("config", name, value)
                self.say(f"{name} = {value}")
        put(os.path.join(repo.base, "bin", "mytool"), b"#!/bin/sh\n", 0o755)
        put(os.path.join(repo.base, "outside", "abs.txt"), b"abs\n")
        put(os.path.join(repo.base, "outside", "abs.d", "in.txt"), b"abs\n")
        for side in ("w", "a", "b"):
            put(os.path.join(repo.base, side, "outside.txt"), b"out\n")
            put(os.path.join(repo.base, side, "outside.d", "in.txt"), b"out\n")
        for path in ["a.txt", "src/a.txt", "src/keep.txt", "data/list.json", "tools/run.sh"]:
            w.write(path, content(r, path))
        if repo.prefix:
            w.write(os.path.join(repo.top, "README"), b"read\n")
            w.write(os.path.join(repo.top, "other/x.txt"), b"x\n")
        edits.some_of(w, r.randint(3, 16), edits.AT_FIRST)
        if r.random() < 0.12:
            self.say(gitside.make_submodule(w))
        if r.random() < 0.06:
            self.say(gitside.use_lfs(w))
        specs.make_testfile(r, w.spec, "", repo)
        if r.random() < 0.7:
            for _ in range(r.randint(1, 3)):
                testfiles.add_testfile(w)
            testfiles.change_testfile(w)
        testfiles.mend(w)
        w.render()

    def make_history(self):
        w, r, repo = self.world, self.r, self.repo
        if r.random() < 0.1:
            self.say("no commit yet")
            self.compare_state(1)
        self.record()
        if r.random() < 0.06:
            self.say(gitside.use_sparse(w))
        for i in range(r.randint(2, 6)):
            if r.random() < 0.3 and len(w.commits) > 1:
                rev = r.choice(w.commits)
                self.say(f"branch b{i} at {rev[:8]}")
                w.switch(rev, f"b{i}")
            edits.some_edits(w, r.randint(1, 5))
            self.record()
            if r.random() < 0.25:
                self.merge()
        if r.random() < 0.3 and len(w.commits) > 1:
            self.criss_cross()
        if r.random() < 0.12:
            self.say("an unrelated branch")
            new = repo.text(*NAME, "commit-tree", repo.text("rev-parse", "HEAD^{tree}"), "-m", "unrelated")
            repo.git("branch", "-f", "unrelated", new)
            w.specs[new] = copy.deepcopy(w.spec)

    def add_all(self):
        p = self.repo.try_git("add", "-A")
        if p.returncode and not self.world.sparse:
            raise GitError(p.stderr.decode(errors="replace"))

    def record(self):
        """The work tree as a commit, at times with files that the rules ignore, at times without some new ones."""
        w, r, repo = self.world, self.r, self.repo
        self.add_all()
        if r.random() < 0.3:
            text = index.force_add(w)
            if text:
                self.say(text)
        new = w.commit()
        if r.random() < 0.3:
            name = f"tag{len(w.commits)}"
            repo.try_git(*NAME, "tag", *(["-a", "-m", "words"] if r.random() < 0.5 else []), name)
        if r.random() < 0.3:
            repo.git("update-ref", "refs/remotes/origin/main", new)
        self.say(f"commit {new[:8]}")

    def merge(self):
        w, r, repo = self.world, self.r, self.repo
        other = r.choice(w.commits)
        for path in repo.git("ls-tree", "-r", "--name-only", "-z", other).decode().split("\0"):
            if path and not path.endswith(".lua") and r.random() < 0.4:
                repo.try_git("checkout", "-q", other, "--", ":(literal,top)" + path)
        testfiles.mend(w)
        w.render()
        self.add_all()
        head = repo.text("rev-parse", "HEAD")
        new = w.commit([head, other])
        self.say(f"merge {new[:8]} of {head[:8]} and {other[:8]}")

    def criss_cross(self):
        w, repo = self.world, self.repo
        start = repo.text("rev-parse", "HEAD")
        edits.some_edits(w, 2)
        self.record()
        one = repo.text("rev-parse", "HEAD")
        w.switch(start, "cross")
        edits.some_edits(w, 2)
        self.record()
        two = repo.text("rev-parse", "HEAD")
        if one == two:
            return
        self.add_all()
        crossed = w.commit([two, one])
        w.switch(one, "cross-other")
        self.add_all()
        other = w.commit([one, two])
        edits.some_edits(w, 2)
        self.record()
        self.say(f"criss-cross {crossed[:8]} {other[:8]}")

    def next_state(self):
        w, r, repo = self.world, self.r, self.repo
        what = r.choices(["dirty", "commit", "switch", "reset", "merge", "pack"], [10, 3, 2, 1, 1, 0.6])[0]
        if what == "commit":
            self.record()
        elif what == "switch":
            rev = r.choice(self.revisions(names=False))
            branch = f"s{r.randrange(4)}"
            if not repo.try_git("rev-parse", "-q", "--verify", rev + "^{commit}").returncode:
                self.say(f"switch to {rev} as {branch}")
                w.switch(rev, branch)
        elif what == "reset":
            self.say("git reset --hard")
            w.switch("HEAD")
        elif what == "merge":
            self.merge()
        elif what == "pack":
            self.say("packed")
            repo.git("repack", "-adq")
            repo.git("prune-packed", "-q")
            repo.git("pack-refs", "--all")
        if r.random() < 0.8:
            edits.some_edits(w, r.choice([1, 1, 2, 3, 5]))
            edits.some_of(w, r.choice([0, 0, 1, 1, 2, 3]), edits.INDEX_EDITS)
            if r.random() < 0.4:
                edits.some_edits(w, 1)
        if not self.options.stale_index and (text := index.wake(w)):
            self.say(text)
        if self.options.as_checked_out and (text := index.as_checked_out(w)):
            self.say(text)

    def revisions(self, names=True):
        repo = self.repo
        refs = repo.text("for-each-ref", "--format=%(refname:short)").split("\n")
        revs = ["HEAD", "HEAD", "HEAD~1", "HEAD~2", "HEAD^2"] + [x for x in refs if x]
        revs += [c[:10] for c in self.world.commits[-4:]]
        if names and self.r.random() < 0.03:
            revs = ["no-such-ref"]
        return revs

    # ---- comparing ----

    def compare_state(self, n):
        r = self.r
        self.side_b = None  # of the work tree
        kinds = r.choices(["tree", "staged", "staged-ref", "range"], [5, 1.5, 1, 2], k=n)
        if r.random() < 0.5:
            kinds = [k for k in kinds for _ in range(2 if r.random() < 0.2 else 1)]
        before = []
        for kind in kinds:
            args, how = self.arguments(kind)
            before.append((args, how))
            self.compare(args, how)
        if len(before) > 1 and r.random() < 0.4:  # after others, what is kept of the first may be stale
            self.compare(*before[0])
        if r.random() < 0.08 and not self.options.oracle_only:
            self.same_in_place()

    def arguments(self, kind):
        r = self.r
        rev = r.choice(self.revisions())
        if kind == "tree":
            return ["--since", rev], ("tree", rev, "HEAD")
        if kind == "staged":
            return ["--staged"], ("staged", "HEAD", "HEAD")
        if kind == "staged-ref":
            return ["--staged", "--since", rev], ("staged", rev, "HEAD")
        other = r.choice(self.revisions())
        return ["--since", f"{rev}..{other}"], ("range", rev, other)

    def commit_of(self, rev):
        p = self.repo.try_git("rev-parse", "-q", "--verify", rev + "^{commit}")
        return p.stdout.decode().strip() if not p.returncode else None

    def merge_bases(self, one, two):
        """git's choice first."""
        p = self.repo.try_git("merge-base", one, two)
        if p.returncode:
            return []
        first = p.stdout.decode().strip()
        rest = self.repo.try_git("merge-base", "--all", one, two).stdout.decode().split()
        return [first] + [x for x in rest if x != first]

    def sides(self, how, base):
        kind, _, to = how
        o, variables = self.oracle, self.world.variables
        if kind == "tree":
            if self.side_b is None:
                self.side_b = o.copy_of_work_tree(variables)
            return o.base_of_work_tree(base, variables) if base else None, self.side_b
        current = o.index_tree() if kind == "staged" else self.commit_of(to)
        if current is None:
            return None, None
        a, b = o.two_checkouts(base or current, current, variables, with_ignored=kind == "staged")
        return a if base else None, b

    def compare(self, args, how):
        kind, rev, to = how
        one, two = self.commit_of(rev), self.commit_of(to)
        bases = self.merge_bases(one, two) if one and two else []
        said = None
        if not self.options.oracle_only:
            keys = ["--keys"] if self.r.random() < 0.5 else []  # without them, cheaper digests do
            said = self.ask(["list", *args, "--json", *keys])
            bases = self.base_chosen(bases, said)
        if kind == "range" and not two:
            return  # what it is compared with is not there: an error, which other tests look at
        if kind == "range" and not os.path.isfile(self.repo.path("Testfile.lua")):
            return  # without one in the work tree, tgraph does not know what the root is
        a, b = self.sides(how, bases[0] if bases else None)
        expected = affected(a, b)
        self.counts["comparisons"] += 1
        if b.status == BROKEN:
            self.counts["current broken"] += 1
        elif a is None:
            self.counts["no base"] += 1
        elif a.status == BROKEN:
            self.counts["base broken"] += 1
        else:
            self.counts["affected"] += len(expected)
            self.counts["unaffected"] += len(b.keys) - len(expected)
        if self.options.oracle_only:
            return
        self.judge(args + keys, said, expected, a, b)
        if self.r.random() < 0.4:
            self.counts["comparisons"] += 1
            keys = ["--keys"] if self.r.random() < 0.5 else []
            try:
                self.judge(args + keys, self.ask(["list", *args, "--json", *keys]), expected, a, b)
            except Mismatch as e:
                raise Mismatch(f"the second time: {e}") from e
        if self.r.random() < 0.3:
            self.judge_affected(args, expected, b)
        if self.r.random() < 0.04 and b.status == LOADED:
            self.judge_shards(args, expected - b.groups)

    def ask(self, args):
        return self.oracle.call(self.repo.root, args, self.world.variables)

    def base_chosen(self, bases, said):
        """Where merge bases are several, git's choice is by date, and another one of them is as good."""
        m = re.search(r"merge base ([0-9a-f]+)", said[2])
        if not m or not bases:
            return bases
        fitting = [b for b in bases if b.startswith(m.group(1))]
        if not fitting:
            raise Mismatch(f"the merge base is said to be {m.group(1)}, git says {bases}")
        if fitting[0] != bases[0]:
            self.counts["another of several bases"] = self.counts.get("another of several bases", 0) + 1
        return fitting

    def judge(self, args, said, expected, a, b):
        status, out, err = said
        command = "tgraph list --json " + " ".join(args)
        if b.status == BROKEN and "T001" in b.text and status == 0 and not out:
            return  # without a Testfile there are no targets: nothing is affected
        if b.status == BROKEN:
            if status != 2:
                raise Mismatch(f"{command}: status {status}, must be 2: the current side does not load: {b.text}\n"
                               f"stderr: {err}")
            return
        if status != 0:
            raise Mismatch(f"{command}: status {status}, must be 0\nstderr: {err}")
        rows = {}
        for line in out.splitlines():
            row = json.loads(line)
            if row["target"] in rows:
                raise Mismatch(f"{command}: twice: {row['target']}")
            rows[row["target"]] = row
        if set(rows) != expected:
            lines = [f"{command}: {len(rows)} affected, must be {len(expected)} of {len(b.keys)}"]
            for label in sorted(set(rows) ^ expected):
                ka = a.keys.get(label) if a else None
                must = "must be affected" if label in expected else "is not affected "
                lines.append(f"  {must} {label}: base {ka}, now {b.keys.get(label)}")
                if label in rows:
                    lines.append(f"    said: {json.dumps(rows[label], ensure_ascii=False)}")
            if a is None or a.status == BROKEN:
                why = "no base" if a is None else "the base does not load: " + a.text
                lines.append(f"  everything must be selected: {why}")
            lines.append(f"stderr: {err}")
            raise Mismatch("\n".join(lines))
        reason_due = a is None or (a.status == BROKEN and "T001" not in a.text)
        if reason_due and not any(line.startswith("tgraph: everything") for line in err.splitlines()):
            raise Mismatch(f"{command}: everything is selected and nothing says why: {err}")
        for label, row in rows.items():
            if "--keys" in args and row.get("static_key") != b.keys[label]:
                raise Mismatch(f"{command}: {label}: static_key {row.get('static_key')}, must be {b.keys[label]}")
            if a is None or a.status == BROKEN:
                continue
            key = row.get("base_static_key")
            if "--keys" in args and key != a.keys.get(label):
                raise Mismatch(f"{command}: {label}: base_static_key {key}, must be {a.keys.get(label)}")
            if not row.get("reason") or not row.get("path") or row["path"][-1] != label:
                raise Mismatch(f"{command}: {label}: no reason, or a path that does not lead to it: {row}")

    def judge_affected(self, args, expected, b):
        patterns = []
        if b.status == LOADED and b.keys and self.r.random() < 0.3:
            plain = sorted(set(b.keys) - b.groups)  # a group stands for its members
            patterns = self.r.sample(plain, min(len(plain), self.r.randint(1, 3)))
        command = ["affected", *patterns, *args]
        status, out, err = self.ask(command)
        if b.status == BROKEN and "T001" in b.text and status == 0 and not out:
            return
        must = 2 if b.status == BROKEN else 1 if (expected & set(patterns) if patterns else expected) else 0
        if status != must:
            raise Mismatch(f"tgraph {' '.join(command)}: status {status}, must be {must}; {len(expected)} are affected;"
                           f" stderr: {err}")
        labels = expected & set(patterns) if patterns else expected
        if must != 2 and sorted(out.split("\n")[:-1]) != sorted(labels):
            raise Mismatch(f"tgraph {' '.join(command)}: {out.split()}, must be {sorted(labels)}")
        self.counts["affected calls"] += 1

    def judge_shards(self, args, expected):
        """Without groups: these are in no shard, but what they stand for is."""
        n = self.r.randint(2, 4)
        union = []
        for i in range(1, n + 1):
            status, out, err = self.ask(["list", *args, "--json", "--shard", f"{i}/{n}"])
            if status:
                raise Mismatch(f"--shard {i}/{n}: status {status}: {err}")
            union += [json.loads(x)["target"] for x in out.splitlines()]
        if sorted(union) != sorted(expected):
            raise Mismatch(f"{n} shards of {args} give {sorted(union)}, must be {sorted(expected)}")
        self.counts["shard sets"] = self.counts.get("shard sets", 0) + 1

    def same_in_place(self):
        """What is known of the work tree from earlier calls must not lead `list` itself astray."""
        if self.side_b is None:
            self.side_b = self.oracle.copy_of_work_tree(self.world.variables)
        status, out, err = self.ask(["list", "--json", "--keys"])
        if self.side_b.status == BROKEN:
            if status != 2:
                raise Mismatch(f"tgraph list in place: status {status}, must be 2")
            return
        keys = {row["target"]: row["static_key"] for row in map(json.loads, out.splitlines())}
        if status or keys != self.side_b.keys:
            differ = [k for k in keys.keys() | self.side_b.keys.keys() if keys.get(k) != self.side_b.keys.get(k)]
            raise Mismatch(f"tgraph list in place: status {status}, differs from a copy in {sorted(differ)}: {err}")


    def leave_environment(self):
        """A script beside the repository that runs a command as this test does."""
        rows = [f"{k}={shlex.quote(v)} \\" for k, v in {**self.repo.env, **self.world.variables}.items()]
        rows = ["#!/bin/sh", "# run.sh COMMAND...: with the test's environment", "exec env -i \\", *rows, '"$@"', ""]
        put(os.path.join(self.repo.base, "run.sh"), "\n".join(rows).encode(), 0o755)


class Case:
    def __init__(self, seed):
        self.seed, self.problem, self.story, self.counts, self.base, self.stat = seed, None, [], {}, None, ""


def run_seed(seed, options):
    case = Case(seed)
    case.base = base = os.path.realpath(tempfile.mkdtemp(prefix=f"since-{seed}.", dir=options.dir))
    bench = Bench(seed, base, options)
    case.story, case.counts = bench.story, bench.counts
    try:
        bench.set_up()
        bench.make_history()
        for i in range(options.states):
            bench.story.append(f"state {i}")
            bench.next_state()
            bench.compare_state(bench.r.choice([2, 3, 3, 4]))
    except Mismatch as e:
        case.problem = str(e)
        bench.leave_environment()
        case.stat = bench.repo.try_git("diff", "--stat", "HEAD").stdout.decode(errors="replace")
    except Exception:  # a mistake in the test itself
        case.problem = traceback.format_exc()
    if case.problem is None and not options.keep:
        shutil.rmtree(base, ignore_errors=True)
    return case


def show(case):
    print(f"# seed {case.seed}: {case.problem}".replace("\n", "\n#   "))
    for line in case.story:
        print(f"#   {line}")
    print("#   git diff --stat HEAD:\n#     " + case.stat.rstrip().replace("\n", "\n#     "))
    print(f"#   kept: {case.base} (work tree w/repo, the oracle's sides a/repo and b/repo)")
    print(f"#   repeat: {sys.argv[0]} --seeds {case.seed}..{case.seed}", flush=True)


def seed_range(text):
    first, dots, last = text.partition("..")
    return range(int(first), int(last) + 1) if dots else range(1, int(first) + 1)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    rounds = os.environ.get("PROPERTY_ROUNDS") or os.environ.get("PROPERTY_CASES")
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    ap.add_argument("--seeds", default=rounds or "1..12", help="A..B, or N for 1..N")
    ap.add_argument("--states", type=int, default=15, help="states of the work tree for each seed")
    ap.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    ap.add_argument("--tgraph", default=os.environ.get("TGRAPH") or os.path.join(here, "../../build/tgraph"))
    ap.add_argument("--dir", help="where the repositories are made (default: the temporary folder)")
    ap.add_argument("--keep", action="store_true", help="leave what a seed made in any case")
    ap.add_argument("--as-checked-out", action="store_true",
                    help="no file of the work tree differs from a checkout while git sees no change")
    ap.add_argument("--stale-index", action="store_true",
                    help="leave files that git's index holds for unchanged although attributes changed")
    ap.add_argument("--oracle-only", action="store_true", help="do not ask --since: only the two checkouts")
    options = ap.parse_args()
    options.tgraph = os.path.abspath(options.tgraph)
    began, totals, passed, failed = time.monotonic(), {}, 0, 0
    with concurrent.futures.ProcessPoolExecutor(options.workers) as pool:
        waiting, todo = set(), iter(seed_range(options.seeds))
        while True:
            while len(waiting) < options.workers and (seed := next(todo, None)) is not None:
                waiting.add(pool.submit(run_seed, seed, options))
            if not waiting:
                break
            done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                case = future.result()
                for k, v in case.counts.items():
                    totals[k] = totals.get(k, 0) + v
                if case.problem:
                    failed += 1
                    show(case)
                else:
                    passed += 1
                text = ", ".join(f"{v} {k}" for k, v in case.counts.items())
                print(f"{'not ok' if case.problem else 'ok'} {passed + failed} - seed {case.seed}: {text}", flush=True)
    print(f"1..{passed + failed}")
    print("# all: " + ", ".join(f"{v} {k}" for k, v in totals.items()) + f", {time.monotonic() - began:.0f} s")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
