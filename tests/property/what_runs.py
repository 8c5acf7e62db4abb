#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random repositories and random edits: after each, what ran must be what a naive model says has a new key, and every
outcome and output must be that of a clean run.

    what_runs.py [--seeds A..B] [--edits N] [--workers N] [--tgraph FILE] [--keep] [--no-shrink]

A seed is one repository and a row of steps (edits, then a run). After each step it is checked that

  1. the targets that ran are those that the model (naive/) says: nothing too few, nothing too many
  2. outcomes and outputs are the model's, byte for byte, and at times those of tgraph in a fresh copy with a fresh cache
  3. one more run runs nothing but what failed or is never clean
  4. `-n` and `list` foretold what ran; equal keys stand for equal things, different ones for different things
  5. `why` has an answer

Where either is right: a declaration written in another way that means the same; what a killed or disturbed run was at;
what was in a cache that was deleted or damaged. A pass that a depfile's first look at a new file made unsure is not
stored, and runs again.

The seeds come from --seeds, or PROPERTY_ROUNDS=N (or A..B) and PROPERTY_EDITS=N in the environment. When a seed fails,
its steps are shown, made fewer if that is quick, and the command that repeats it.
"""
import argparse
import concurrent.futures
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from naive import edits, make  # noqa: E402
from naive.model import View, entry_at  # noqa: E402
from naive.world import Bench, Mismatch, World  # noqa: E402

SHRINK_SECONDS = 60


def make_steps(seed, n):
    """The row of steps: names and seeds of edits only, so that any of them can be left out."""
    r = random.Random(seed * 1000003 + 17)
    steps = []
    for i in range(n):
        mode = r.choices(["plain", "force", "subset", "kill", "race", "clone", "switch"],
                         [64, 4, 8, 7, 9, 3, 5])[0] if i else "plain"
        row = [(edits.pick(r), r.getrandbits(40)) for _ in range(r.choice([1, 1, 1, 1, 2, 2, 3]))] if i else []
        steps.append({"mode": mode, "seed": r.getrandbits(40), "edits": row})
    return steps


def set_up(seed, base, tgraph, jobs):
    r = random.Random(seed)
    bench = Bench(base, tgraph, jobs)
    bench.history, bench.snapshots, bench.repair = {}, [], []
    world = World(bench, "repo", None)
    bench.worlds.append(world)
    os.makedirs(world.root)
    bench.git(world)
    world.write(bench.tools + "/myint", make.INTERPRETER.format(version=0).encode(), mode=0o755)
    world.write(bench.tools + "/chk", make.chk_text(r.choice(["/bin/sh", bench.tools + "/myint",
                                                              "/usr/bin/env myint"])), mode=0o755)
    world.write(bench.base + "/outside/h1.txt", make.content(r))
    for path, data in make.base_files(r, bench).items():
        world.write(path, data, mode=0o755 if path == "bin/chk.sh" else 0o644)
    world.spec = make.make_spec(r, bench)
    bench.next_uid = world.spec.next_uid
    world.write_testfiles()
    return bench


def clone(r, bench, world):
    """A copy of the work tree beside it, with or without .tgraph; both then use one cache."""
    other = World(bench, f"clone{len(bench.worlds)}", world.spec.copy())
    with_state = r.random() < 0.5
    shutil.copytree(world.root, other.root, symlinks=True,
                    ignore=None if with_state else lambda folder, names: [n for n in names if n == ".tgraph"])
    other.unknown = world.unknown
    if with_state:
        other.local = dict(world.local)
    else:
        other.unknown = True
    bench.worlds.append(other)
    return other, f"cloned to {os.path.basename(other.root)} {'with' if with_state else 'without'} .tgraph"


def killed_run(r, bench, world, say):
    """kill -9 somewhere in a run: what it reported is stored, the rest may be."""
    view = View(world)
    p, events = bench.start(world)
    time.sleep(r.choice([r.uniform(0, 0.01), r.uniform(0, 0.04), r.uniform(0, 0.15)]))
    p.send_signal(signal.SIGKILL)
    run = bench.finish(p, events)
    world.foreign = True
    say(f"killed; it had told of {sorted(run.finished)}")
    if view.load_errors:
        return
    by_label = {n.t.label(): n for n in view.nodes.values()}
    problems = []
    for node in view.nodes.values():
        world.local.pop(node.t.label(), None)
        if node.full and node.outcome != "skipped":
            bench.cache.maybe_must.add(node.must)
    for name, e in run.finished.items():
        node = by_label[name]
        if e["outcome"] != node.outcome:
            problems.append(f"{name} is {e['outcome']}, must be {node.outcome}")
        if e["outcome"] == "passed" and not e["cached"]:
            bench.remember(world, view, run, node, e, problems)
            world.local.pop(name, None)
    if problems:
        raise Mismatch("\n".join(["in a run that was killed:", *problems]))


def disturbed_run(r, bench, world, say):
    """A file changes while tgraph runs. What is stored of that run is checked by all later ones, first of all by one in
    which the file is as it was. Returns the files of before."""
    if r.random() < 0.7:  # so that there is much to run
        say(edits.apply("delete_cache", 0, bench, world))
        say(edits.apply("delete_state", 0, bench, world))
        world.unknown = True
        bench.tidy_up(world)
    view = View(world)
    before = dict(view.src)
    p, events = bench.start(world)
    end, marks = time.monotonic() + r.choice([0.0, 0.05, 0.1, 0.2]), r.randint(1, 12)
    while p.poll() is None and time.monotonic() < end:
        if os.path.exists(bench.ran) and os.path.getsize(bench.ran) >= marks:
            break
        time.sleep(0.001)
    path = r.choice(["src/a.txt", "src/b.txt", "src/c.txt"])  # what most targets read
    if r.random() < 0.7 and os.path.isfile(world.full(path)):
        data = make.content(r, path)
        world.write(path, data, r.choice(["inplace", "replace"]))
        say(f"meanwhile: {path} = {data!r}")
    else:
        name = r.choice(["change_content", "change_same_size", "revert_file", "swap"])
        say(f"meanwhile: {edits.apply(name, r.getrandbits(40), bench, world)}")
    run = bench.finish(p, events)
    bench.cache.maybe_engine |= run.keys
    for node in view.nodes.values():
        world.local.pop(node.t.label(), None)
    say(f"it ran {sorted(run.ran())}")
    return before


def put_back(world, files):
    for path, e in files.items():
        if e[0] != "l" and entry_at(world.full(path)) != e:
            world.write(path, e[1], "inplace")
            yield path


def checked_run(r, bench, world, mode, say):
    view = View(world)
    labels = [n.t.label() for n in view.nodes.values()] if not view.load_errors else []
    args, selected = [], None
    if mode == "subset" and labels:
        chosen = r.sample(sorted(u for u in view.spec.targets), min(len(view.spec.targets), r.randint(1, 2)))
        selected = chosen
        args = [view.nodes[u].t.label() for u in chosen]
    force = mode == "force" or (mode == "subset" and r.random() < 0.3)
    dry = bench.forecast(world, args, force) if r.random() < 0.35 else None
    listed = bench.list(world) if r.random() < 0.35 else None
    if labels and r.random() < 0.15:
        label = r.choice(labels)
        status, out, err = bench.call(world.root, ["why", label])
        if (status != 0 or not out.strip()) and view.spec.generator is None:
            raise Mismatch(f"why {label}: status {status}: {out}{err}")
    run, _ = bench.check(world, args, selected, force, dry, listed)
    say(f"tgraph {' '.join(args)}{' --force' if force else ''}: ran {sorted(run.ran())}")
    if force or args or r.random() < 0.5:
        try:
            bench.check(world, *((args, selected) if r.random() < 0.5 else ()))  # after some of them, perhaps all
        except Mismatch as e:
            raise Mismatch(f"one more run: {e}") from e


def do_step(step, bench, world, say):
    """One step; returns the clone that the next one is about."""
    r = random.Random(step["seed"])
    if step["mode"] == "switch" and len(bench.worlds) > 1:
        world = r.choice([w for w in bench.worlds if w is not world])
        say(f"now in {os.path.basename(world.root)}")
    elif step["mode"] == "clone" and len(bench.worlds) < 3:
        world, text = clone(r, bench, world)
        say(text)
    for text in edits.repair(bench):
        say(f"repaired: {text}")
    for name, seed in step["edits"]:
        text = edits.apply(name, seed, bench, world)
        bench.counts["edits"] += text is not None
        say(f"{name}: {text}")
        world.unknown |= name in edits.FORGETFUL
    bench.tidy_up(world)
    if step["mode"] == "kill":
        killed_run(r, bench, world, say)
    elif step["mode"] == "race":
        before = disturbed_run(r, bench, world, say)
        if r.random() < 0.5:
            checked_run(r, bench, world, "plain", say)
        say(f"as they were before: {list(put_back(world, before))}")
    checked_run(r, bench, world, step["mode"], say)
    if r.random() < 0.25:
        bench.check_clean(world)
    return world


class Case:
    """One seed's end."""

    def __init__(self, seed, steps):
        self.seed, self.steps = seed, steps
        self.problem, self.story, self.counts, self.base = None, [], {}, None


def run_case(seed, steps, options, keep=False):
    case = Case(seed, steps)
    base = os.path.realpath(tempfile.mkdtemp(prefix="tgraph-prop.", dir=options.dir))
    case.base = base
    try:
        bench = set_up(seed, base, options.tgraph, 2 + seed % 3)
        case.counts = bench.counts
        bench.preload = options.coarse if seed % 3 == 0 else None
        world = bench.worlds[0]
        for i, step in enumerate(steps):
            case.story.append(f"step {i} ({step['mode']})")
            world = do_step(step, bench, world, lambda text: case.story.append("    " + text))
        for w in bench.worlds:
            edits.repair(bench)
            bench.check(w)
            bench.check_clean(w)
    except Mismatch as e:
        case.problem = str(e)
    except Exception:  # a mistake in the test itself, or a file where none should be
        case.problem = traceback.format_exc()
    if not keep or case.problem is None:
        shutil.rmtree(base, ignore_errors=True)
    return case


def shrink(case, options):
    """Leaves out steps and edits as long as some problem stays."""
    end = time.monotonic() + SHRINK_SECONDS
    best = case

    def still_fails(steps):
        nonlocal best
        if time.monotonic() > end:
            return False
        again = run_case(case.seed, steps, options)
        if again.problem:
            best = again
        return again.problem is not None

    done = sum(line.startswith("step ") for line in case.story)
    if not still_fails(case.steps[:done]):
        return best, False
    size = max(1, len(best.steps) // 2)
    while size:
        i = 0
        while i < len(best.steps):
            if not still_fails(best.steps[:i] + best.steps[i + size:]):
                i += size
        size //= 2
    for i in range(len(best.steps)):
        for k in range(len(best.steps[i]["edits"]) - 1, -1, -1):
            steps = [dict(s) for s in best.steps]
            steps[i]["edits"] = steps[i]["edits"][:k] + steps[i]["edits"][k + 1:]
            still_fails(steps)
    return best, True


def one_seed(seed, options):
    case = run_case(seed, make_steps(seed, options.edits), options, options.keep)
    if case.problem and options.shrink:
        case.shrunk, case.again = shrink(case, options)
    return case


def show(case, options):
    print(f"# seed {case.seed}: {case.problem}".replace("\n", "\n#   "))
    for line in case.story:
        print(f"#   {line}")
    if options.shrink:
        if not case.again:
            print("#   a second try went well: a matter of time")
        elif len(case.shrunk.steps) < len(case.steps):
            print(f"#   with fewer steps: {case.shrunk.problem}".replace("\n", "\n#     "))
            for line in case.shrunk.story:
                print(f"#     {line}")
    if options.keep:
        print(f"#   kept: {case.base}")
    print(f"#   repeat: {sys.argv[0]} --seeds {case.seed}..{case.seed} --edits {options.edits} --keep")


def compile_coarse(here, folder, options):
    """File times in whole seconds, for a third of the seeds; None where there is no compiler or a sanitizer is in the
    way."""
    out = os.path.join(folder, "coarse.so")
    source = os.path.join(here, "naive", "coarse.c")
    try:
        subprocess.run([os.environ.get("CC") or "cc", "-D_GNU_SOURCE", "-shared", "-fPIC", "-O1", "-o", out, source, "-ldl"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        p = subprocess.run([options.tgraph, "--version"], env={"LD_PRELOAD": out}, check=True, stdout=subprocess.DEVNULL,
                           stderr=subprocess.PIPE)
        return None if p.stderr else out
    except (OSError, subprocess.CalledProcessError):
        return None


def seed_range(text):
    first, dots, last = text.partition("..")
    return range(int(first), int(last) + 1) if dots else range(1, int(first) + 1)


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    rounds = os.environ.get("PROPERTY_ROUNDS") or os.environ.get("PROPERTY_CASES")
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n", 1)[0])
    ap.add_argument("--seeds", default=os.environ.get("PROPERTY_CASES") or "1..24", help="A..B, or N for 1..N")
    ap.add_argument("--edits", type=int, default=int(os.environ.get("PROPERTY_EDITS") or 20), help="steps for each seed")
    ap.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)))
    ap.add_argument("--seconds", type=float, default=0, help="start no seed after this time")
    ap.add_argument("--tgraph", default=os.environ.get("TGRAPH") or os.path.join(here, "../../build/tgraph"))
    ap.add_argument("--dir", help="where the repositories are made (default: the temporary folder)")
    ap.add_argument("--keep", action="store_true", help="leave what a failed seed made")
    ap.add_argument("--no-shrink", dest="shrink", action="store_false")
    options = ap.parse_args()
    options.tgraph = os.path.abspath(options.tgraph)
    seeds = seed_range(options.seeds)
    began, totals, passed, failed = time.monotonic(), {}, 0, 0
    with tempfile.TemporaryDirectory(dir=options.dir) as folder, \
            concurrent.futures.ProcessPoolExecutor(options.workers) as pool:
        options.coarse = compile_coarse(here, folder, options)
        waiting, todo = set(), iter(seeds)
        while True:
            late = options.seconds and time.monotonic() - began > options.seconds
            while len(waiting) < options.workers and not late and (seed := next(todo, None)) is not None:
                waiting.add(pool.submit(one_seed, seed, options))
            if not waiting:
                break
            done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
            for future in done:
                case = future.result()
                for k, v in case.counts.items():
                    totals[k] = totals.get(k, 0) + v
                if case.problem:
                    failed += 1
                    show(case, options)
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
