#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What `tgraph list --since` costs: 100,000 files, 10,000 targets, and a branch that changed 50 files.

    make bench-since                                       # some minutes, most of them to make the repository
    make bench-since SINCE_ARGS="--targets 1000"           # a quick look

The repository: N folders with 10 files, and N/25 further folders with a Testfile of 25 tests each, included from the
root; a test reads the files of one folder by a pattern. Everything is committed on main and packed by `git gc`. A branch
edits 50 files of 50 folders and is committed; tgraph has run once on it, so its frozen state is there.

The mark is the cost of what has to be done in any case: `git diff --name-only main`, and a no-op load (`tgraph list`).
The first `list --since main` finds no base-* in .tgraph/, so it works out the merge base; the second finds what the first
kept. The allowance is 2 x git diff + a no-op load; the ratios are to that. Then the same on a copy whose branch has 5
added and 5 deleted files too.

All commands take turns, each figure is the wall time of a whole process, and medians are reported. Before a figure is
taken, the answer is checked: just the targets of the edited, added and deleted files, each with a path that begins with
its file.
"""
import argparse
import glob
import json
import os
import platform
import subprocess
import sys
import tempfile
import time

from bench import Measure, say, summary, version_of

FILES, PER_TESTFILE = 10, 25
GIT = ["git", "-c", "user.name=bench", "-c", "user.email=bench@example.org", "-c", "gc.auto=0",
       "-c", "maintenance.auto=false"]  # nothing beside what is measured


def label(i):
    return f"g{i // PER_TESTFILE:05d}:t{i:05d}"


class Repository:
    def __init__(self, root, args):
        self.root, self.program = root, args.tgraph
        self.env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG")}
        self.env |= {"TGRAPH_CACHE_DIR": f"{root}.cache", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        self.expected = {}  # label -> the files that changed

    def git(self, *argv):
        subprocess.run([*GIT, *argv], cwd=self.root, env=self.env, check=True, stdout=subprocess.DEVNULL)

    def write(self, path, text, mode="w"):
        with open(f"{self.root}/{path}", mode, encoding="utf-8") as f:
            f.write(text)

    def make(self, n):
        for i in range(n):
            os.makedirs(f"{self.root}/t{i:05d}")
            for k in range(FILES):
                self.write(f"t{i:05d}/f{k}.txt", f"file {k} of {i}\n" * 8)
        for g in range(0, n, PER_TESTFILE):
            folder = f"g{g // PER_TESTFILE:05d}"
            os.mkdir(f"{self.root}/{folder}")
            self.write(f"{folder}/Testfile.lua", f"""for i = {g}, {min(g + PER_TESTFILE, n) - 1} do
  local name = ("t%05d"):format(i)
  test(name) {{ cmd = {{ "/bin/true" }}, inputs = {{ "//" .. name .. "/*.txt" }} }}
end
""")
        self.write("Testfile.lua", 'include(glob "*/Testfile.lua")\n')
        self.write(".gitignore", ".tgraph/\n")
        self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "all")
        self.git("gc", "-q")
        self.git("checkout", "-q", "-b", "branch")

    def change(self, folders, how):
        for i in folders:
            path = f"t{i:05d}/f{i % FILES}.txt"
            if how == "edit":
                self.write(path, "edited\n", "a")
            elif how == "delete":
                os.unlink(f"{self.root}/{path}")
            else:
                path = f"t{i:05d}/new.txt"
                self.write(path, "new\n")
            self.expected[label(i)] = path

    def settle(self):
        """Commits, runs everything once, and lets time pass, so that no stamp is as new as what holds it."""
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "the branch")
        time.sleep(1.5)
        self.git("update-index", "--refresh")
        os.utime(f"{self.root}/.git/index")
        subprocess.run([self.program, "-q"], cwd=self.root, env=self.env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        time.sleep(1.5)

    def check(self):
        out = subprocess.run([self.program, "list", "--since", "main", "--json"], cwd=self.root, env=self.env,
                             check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
        found = {line["target"]: line["path"][0] for line in map(json.loads, out.splitlines())}
        if found != self.expected:
            odd = [x for x in found.items() ^ self.expected.items()]
            sys.exit(f"bench: --since gives {len(found)} targets, expected {len(self.expected)}: {sorted(odd)[:6]}")
        say(f"just the right {len(found)} targets")

    def forget_base(self):
        for path in glob.glob(f"{self.root}/.tgraph/base-*"):
            os.unlink(path)


def bench(repositories, rounds, measure):
    samples = {}
    for r in range(rounds):
        say(f"round {r + 1} of {rounds}")
        for name, repository in repositories.items():
            tgraph = [repository.program, "list"]
            repository.forget_base()
            for what, argv in (("git diff", ["git", "diff", "--name-only", "main"]), ("no-op load", tgraph),
                               ("first", [*tgraph, "--since", "main"]), ("second", [*tgraph, "--since", "main"])):
                samples.setdefault(name, {}).setdefault(what, []).append(measure(argv, repository.root, repository.env))
    return {name: {what: summary(s) for what, s in of.items()} for name, of in samples.items()}


def table(results):
    print(f"{'':28}{'median ms':>11}{'min':>9}{'max':>9}{'cpu ms':>9}{'peak MB':>9}  / (2 git diff + no-op load)")
    for name, of in results.items():
        mark = 2 * of["git diff"]["wall_ms"] + of["no-op load"]["wall_ms"]
        print(f"{name}: 2 x git diff + no-op load = {mark:,.0f} ms")
        for what, s in of.items():
            s["ratio"] = round(s["wall_ms"] / mark, 3)
            print(f"  {what:26}{s['wall_ms']:11,.1f}{s['min_ms']:9,.1f}{s['max_ms']:9,.1f}{s['cpu_ms']:9,.1f}"
                  f"{s['peak_mb']:9,.1f}  {s['ratio']:.2f}")


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--tgraph", default="build/tgraph")
    ap.add_argument("--targets", type=int, default=10000, help="10 files each")
    ap.add_argument("--rounds", type=int, default=9)
    ap.add_argument("--json", help="file for all figures")
    ap.add_argument("--dir", help="where to generate (default: a temporary folder)")
    args = ap.parse_args()
    args.tgraph = os.path.abspath(args.tgraph)
    if args.targets < 200:
        sys.exit("bench: 200 targets at least")
    machine = {"system": platform.platform(), "processors": len(os.sched_getaffinity(0)), "load": os.getloadavg()[0],
               "tgraph": version_of([args.tgraph, "--version"]), "git": version_of(["git", "--version"])}
    say(", ".join(f"{k} {v}" for k, v in machine.items()))
    with tempfile.TemporaryDirectory(prefix="tgraph-since.", dir=args.dir) as work:
        n = args.targets
        say(f"{n:,} targets: writing {n * FILES:,} files, committing and packing them")
        edited = Repository(f"{work}/edited", args)
        edited.make(n)
        subprocess.run(["cp", "-R", edited.root, f"{work}/more"], check=True)
        more = Repository(f"{work}/more", args)
        step = n // 60
        for repository in (edited, more):
            repository.change(range(0, 50 * step, step), "edit")
        more.change(range(50 * step, 55 * step, step), "add")
        more.change(range(55 * step, 60 * step, step), "delete")
        repositories = {"50 edited": edited, "50 edited, 5 added, 5 deleted": more}
        for repository in repositories.values():
            repository.settle()
            repository.check()
        os.sync()
        results = bench(repositories, args.rounds, Measure(work))
    machine["load after"] = os.getloadavg()[0]
    table(results)
    print(f"load average {machine['load']:.1f} before, {machine['load after']:.1f} after")
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump({"machine": machine, "targets": n, "files": n * FILES, "results": results}, f, indent=2)
            f.write("\n")


if __name__ == "__main__":
    main()
