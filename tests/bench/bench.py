#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tgraph against ninja and GNU make on the same generated graph: no-op, one file changed, first run.

    make bench                                          # 1,000, 11,389 and 100,000 targets: about a quarter of an hour
    make bench BENCH_ARGS="--sizes 1000 --rounds 5"     # a quick look

The graph: N tests in folders of 25. Each test reads three files of its own, one that its folder shares and one that
all share: 3 N + N/25 + 1 files. Commands do next to nothing. ninja and make need a stamp file to remember that a
command has passed, so theirs is `: >STAMP`, a shell's built-in; tgraph's is `:` by a shell ("tgraph sh") or /bin/true
without one ("tgraph argv").

All tools get the same -j. Every figure is the wall time of a whole process, from fork to exit. The tools take turns
(A B C A B C ...), so that a machine whose speed drifts drifts for all of them; medians are reported, and ratios of
medians. Before a figure is taken, tgraph's event stream and the stamps are asked whether just the right commands ran.
"""
import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PER_FOLDER = 25


class Measure:
    def __init__(self, folder):
        self.program = os.path.join(folder, "measure")
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "measure.c")
        subprocess.run([os.environ.get("CC", "cc"), "-O2", "-D_GNU_SOURCE", "-o", self.program, source], check=True)

    def __call__(self, argv, cwd, env):
        out = subprocess.run([self.program, *argv], cwd=cwd, env=env, stdout=subprocess.PIPE, check=True).stdout
        wall, user, system, kilobytes, status = map(int, out.split())
        if status != 0:
            sys.exit(f"bench: {' '.join(argv)} ended with {status} in {cwd}")
        return {"wall_ms": wall / 1e6, "cpu_ms": (user + system) / 1e6, "peak_mb": kilobytes / 1024}


def names(n):
    """(target, its own files, its folder's shared file) of each target."""
    for i in range(n):
        d = f"d{i // PER_FOLDER:05d}"
        yield f"t{i:06d}", [f"{d}/t{i:06d}.{x}" for x in "abc"], f"{d}/shared"


def write_files(root, n):
    os.makedirs(root)
    with open(f"{root}/common", "w", encoding="utf-8") as f:
        f.write("common\n")
    made = 1
    for target, own, shared in names(n):
        folder = f"{root}/{os.path.dirname(shared)}"
        if not os.path.isdir(folder):
            os.mkdir(folder)
            with open(f"{root}/{shared}", "w", encoding="utf-8") as f:
                f.write(f"{shared}\n")
            made += 1
        for path in own:
            with open(f"{root}/{path}", "w", encoding="utf-8") as f:
                f.write(f"{target} {path}\n" * 4)
            made += 1
    return made


class Tool:
    """One tool with a copy of the files of its own."""

    def __init__(self, name, root, argv, env):
        self.name, self.root, self.argv, self.env = name, root, argv, env

    def forget(self):
        """Takes away all that the tool remembers."""
        shutil.rmtree(f"{self.root}/stamps", ignore_errors=True)
        os.makedirs(f"{self.root}/stamps", exist_ok=True)
        for state in (".ninja_log", ".ninja_deps"):
            if os.path.exists(f"{self.root}/{state}"):
                os.unlink(f"{self.root}/{state}")

    def check(self, expected_max):
        """Runs it once, not measured; at most that many commands may run (None: any)."""
        before = time.time()
        subprocess.run(self.argv, cwd=self.root, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                       check=True)
        if expected_max is not None:
            newer = sum(1 for e in os.scandir(f"{self.root}/stamps") if e.stat().st_mtime > before)
            if newer > expected_max:
                sys.exit(f"bench: {self.name} ran {newer} commands where {expected_max} were expected")


class Ninja(Tool):
    def __init__(self, base, n, jobs):
        super().__init__("ninja", f"{base}/ninja", ["ninja", f"-j{jobs}", "--quiet"], os.environ.copy())
        with open(f"{self.root}/build.ninja", "w", encoding="utf-8") as f:
            f.write("rule t\n  command = : >$out\n")
            for target, own, shared in names(n):
                f.write(f"build stamps/{target}: t {' '.join(own)} {shared} common\n")


class Make(Tool):
    def __init__(self, base, n, jobs):
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        super().__init__("make", f"{base}/make", ["make", "-rRs", f"-j{jobs}"], env)
        with open(f"{self.root}/Makefile", "w", encoding="utf-8") as f:
            f.write(".SUFFIXES:\nall:")
            for target, _, _ in names(n):
                f.write(f" stamps/{target}")
            f.write("\n")
            for target, own, shared in names(n):
                f.write(f"stamps/{target}: {' '.join(own)} {shared} common\n\t@: >$@\n")


class Tgraph(Tool):
    def __init__(self, base, n, jobs, program, shell):
        name = "tgraph sh" if shell else "tgraph argv"
        root = f"{base}/tgraph-{'sh' if shell else 'argv'}"
        env = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
        self.cache = f"{root}.cache"
        env["TGRAPH_CACHE_DIR"] = self.cache
        super().__init__(name, root, [program, "-q", f"-j{jobs}"], env)
        command = '":"' if shell else '{ "/bin/true" }'
        with open(f"{root}/Testfile.lua", "w", encoding="utf-8") as f:
            f.write(f"""-- {n} tests
for i = 0, {n - 1} do
  local folder = ("d%05d/"):format(i // {PER_FOLDER})
  local name = ("t%06d"):format(i)
  local own = folder .. name
  test(name) {{
    cmd = {command},
    inputs = {{ own .. ".a", own .. ".b", own .. ".c", folder .. "shared", "common" }},
  }}
end
""")

    def forget(self):
        shutil.rmtree(f"{self.root}/.tgraph", ignore_errors=True)
        shutil.rmtree(self.cache, ignore_errors=True)

    def check(self, expected_max):
        events = f"{self.root}.events"
        subprocess.run([*self.argv, "--json", events], cwd=self.root, env=self.env, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, check=True)
        with open(events, encoding="utf-8") as f:
            last = json.loads(f.readlines()[-1])
        os.unlink(events)
        if expected_max is not None and last["ran"] > expected_max:
            sys.exit(f"bench: {self.name} ran {last['ran']} tests where {expected_max} were expected")


def change(tool, n, round_number):
    """Another content for one file of one target, another one each round."""
    i = (round_number * 7919 + 17) % n
    with open(f"{tool.root}/d{i // PER_FOLDER:05d}/t{i:06d}.b", "a", encoding="utf-8") as f:
        f.write(f"changed in round {round_number}\n")


def summary(samples):
    return {key: statistics.median(s[key] for s in samples) for key in samples[0]} | {
        "runs": len(samples),
        "min_ms": min(s["wall_ms"] for s in samples),
        "max_ms": max(s["wall_ms"] for s in samples),
    }


def interleaved(tools, rounds, before, measure):
    samples = {t.name: [] for t in tools}
    for r in range(rounds):
        for t in tools:
            before(t, r)
            samples[t.name].append(measure(t.argv, t.root, t.env))
    return {name: summary(s) for name, s in samples.items()}


def bench_size(n, args, measure, base):
    say(f"{n:,} targets: writing files")
    files = write_files(f"{base}/ninja", n)
    tools_to_copy = ["make", "tgraph-argv", "tgraph-sh"]
    for name in tools_to_copy:
        subprocess.run(["cp", "-R", f"{base}/ninja", f"{base}/{name}"], check=True)
    tools = [Tgraph(base, n, args.jobs, args.tgraph, False), Tgraph(base, n, args.jobs, args.tgraph, True),
             Ninja(base, n, args.jobs), Make(base, n, args.jobs)]
    os.sync()
    result = {"targets": n, "files": files}

    rounds = args.rounds or (9 if n <= 20000 else 5)
    first_rounds = args.first_rounds or (5 if n <= 2000 else 3 if n <= 20000 else 1)
    say(f"{n:,} targets: first run, {first_rounds} rounds")
    result["first run"] = interleaved(tools, first_rounds, lambda t, r: t.forget(), measure)
    for t in tools:
        t.check(0)
    say(f"{n:,} targets: nothing changed, {rounds} rounds")
    result["nothing changed"] = interleaved(tools, rounds, lambda t, r: None, measure)
    say(f"{n:,} targets: one file changed, {rounds} rounds")
    for t in tools:
        change(t, n, rounds)
        t.check(1)
    result["one file changed"] = interleaved(tools, rounds, lambda t, r: change(t, n, r), measure)
    return result


def say(words):
    print(f"bench: {words}", file=sys.stderr, flush=True)


def table(results):
    rows = [("targets", "what", "tool", "median ms", "min", "max", "cpu ms", "peak MB", "/ ninja", "/ make")]
    for r in results:
        for what in ("nothing changed", "one file changed", "first run"):
            m = r[what]
            for name, s in m.items():
                extra = f" ({r['targets'] / s['wall_ms'] * 1000:,.0f}/s)" if what == "first run" else ""
                rows.append((f"{r['targets']:,}", what, name + extra, f"{s['wall_ms']:,.1f}", f"{s['min_ms']:,.1f}",
                             f"{s['max_ms']:,.1f}", f"{s['cpu_ms']:,.1f}", f"{s['peak_mb']:,.1f}",
                             f"{s['wall_ms'] / m['ninja']['wall_ms']:.2f}",
                             f"{s['wall_ms'] / m['make']['wall_ms']:.2f}"))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    for row in rows:
        print("  ".join(c.ljust(w) if i < 3 else c.rjust(w) for i, (c, w) in enumerate(zip(row, widths))).rstrip())


def version_of(argv):
    return subprocess.run(argv, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()[0]


def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--tgraph", default="build/tgraph")
    ap.add_argument("--sizes", default="1000,11389,100000", help="numbers of targets, with commas")
    ap.add_argument("--rounds", type=int, help="of the no-op and the one-file runs")
    ap.add_argument("--first-rounds", type=int, help="of the first runs")
    ap.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="-j of all tools")
    ap.add_argument("--json", help="file for all figures")
    ap.add_argument("--dir", help="where to generate (default: a temporary folder)")
    args = ap.parse_args()
    args.tgraph = os.path.abspath(args.tgraph)

    machine = {"system": platform.platform(), "processors": len(os.sched_getaffinity(0)), "jobs": args.jobs,
               "tgraph": version_of([args.tgraph, "--version"]), "ninja": version_of(["ninja", "--version"]),
               "make": version_of(["make", "--version"])}
    say(", ".join(f"{k} {v}" for k, v in machine.items()))
    results = []
    with tempfile.TemporaryDirectory(prefix="tgraph-bench.", dir=args.dir) as work:
        measure = Measure(work)
        for n in (int(x) for x in args.sizes.split(",")):
            base = f"{work}/{n}"
            os.mkdir(base)
            results.append(bench_size(n, args, measure, base))
            subprocess.run(["rm", "-rf", base], check=True)
            if args.json:
                with open(args.json, "w", encoding="utf-8") as f:
                    json.dump({"machine": machine, "results": results}, f, indent=2)
                    f.write("\n")
    table(results)


if __name__ == "__main__":
    main()
