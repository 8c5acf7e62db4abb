#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What --since selects, against what running everything shows to have changed, commit by commit of a real history.

    history.py --tgraph PROGRAM --testfile FILE --work DIR (--clone REPOSITORY | --archives FILE...) [options]

The history is that of a repository, or is made of the source archives of a project's releases, a commit for each. Each
commit gets the Testfile. For a commit C and its parent P everything is run at both, each time in a clean checkout with
an empty cache, so that nothing is taken from an earlier run. A target of C whose outcome is another one than at P (or
that P does not have) must be among what `tgraph list --since P` prints at C. One that is not is a missed failure, and the
exit status is 1. The answer must also be the same before and after the run, and from `--since P..C`.

Then the same with one random edit on top of a commit: --mutations N of them, spread over the commits.
"""
import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tarfile
import time

GIT = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false",
       "-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "advice.detachedHead=false"]


class History:
    """A repository whose commits all have the Testfile."""

    def __init__(self, args):
        self.args = args
        self.root = os.path.join(args.work, "repository")
        self.events = os.path.join(args.work, "events")
        self.env = {k: v for k, v in os.environ.items() if k in ("PATH", "HOME", "LANG", "TMPDIR")}
        self.env["TGRAPH_CACHE_DIR"] = os.path.join(args.work, "cache")

    # ---- git ----
    def git(self, *argv, stdin=None, index=None):
        env = dict(os.environ, GIT_CONFIG_NOSYSTEM="1")
        if index:
            env["GIT_INDEX_FILE"] = index
        return subprocess.run([*GIT, *argv], cwd=self.root, env=env, input=stdin, stdout=subprocess.PIPE, check=True,
                              text=True).stdout.strip()

    def begin(self):
        # What the runs leave behind, in every commit.
        with open(f"{self.root}/.git/info/exclude", "a", encoding="utf-8") as f:
            f.write("build/\n__pycache__/\n.tgraph/\n")
        self.testfile = self.git("hash-object", "-w", os.path.abspath(self.args.testfile))

    def commit_tree(self, tree_of, parent, words):
        """A commit of that tree and the Testfile; the tree may be a commit's or that of the index file."""
        index = f"{self.root}/.git/overlay-index"
        if tree_of:
            self.git("read-tree", tree_of, index=index)
        self.git("update-index", "--add", "--cacheinfo", f"100644,{self.testfile},Testfile.lua", index=index)
        tree = self.git("write-tree", index=index)
        return self.git("commit-tree", tree, *(["-p", parent] if parent else []), stdin=words)

    def from_clone(self, source, until):
        subprocess.run([*GIT, "clone", "-q", "--no-hardlinks", source, self.root], check=True)
        self.begin()
        commits, parent = [], None
        for commit in self.git("rev-list", "--first-parent", "--reverse", until).split():
            parent = self.commit_tree(commit, parent, self.git("log", "-1", "--format=%h %s", commit))
            commits.append(parent)
        return commits

    def from_archives(self, archives):
        os.makedirs(self.root)
        subprocess.run([*GIT, "init", "-q", self.root], check=True)
        self.begin()
        commits, parent = [], None
        for archive in archives:
            unpacked = os.path.join(self.args.work, "unpacked")
            shutil.rmtree(unpacked, ignore_errors=True)
            with tarfile.open(archive) as tar:
                tar.extractall(unpacked, filter="data") if hasattr(tarfile, "data_filter") else tar.extractall(unpacked)
            top, = os.listdir(unpacked)
            index = f"{self.root}/.git/overlay-index"
            if os.path.exists(index):
                os.unlink(index)
            top = os.path.join(unpacked, top)
            self.git("-C", top, "--git-dir", f"{self.root}/.git", "--work-tree", top, "add", "-A", "-f", ".",
                     index=index)
            parent = self.commit_tree(None, parent, os.path.basename(archive).removesuffix(".tar.gz"))
            commits.append(parent)
        return commits

    def checkout(self, commit):
        self.git("checkout", "-qf", "--detach", commit)
        self.git("clean", "-xffdq")
        self.forget()

    def forget(self):
        """Leaves nothing of earlier runs: no outputs, no state, no cache. Untracked files that are not ignored stay."""
        self.git("clean", "-Xffdq")
        shutil.rmtree(f"{self.root}/.tgraph", ignore_errors=True)
        shutil.rmtree(self.env["TGRAPH_CACHE_DIR"], ignore_errors=True)

    # ---- tgraph ----
    def run(self, *what):
        """The outcome of each target that ran or was to run."""
        with open(f"{self.args.work}/output", "w", encoding="utf-8") as out:
            done = subprocess.run([self.args.tgraph, "run", "-q", "--json", self.events, *what], cwd=self.root,
                                  env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=1800,
                                  check=False)
        outcomes = {}
        if done.returncode in (0, 1, 3):
            with open(self.events, encoding="utf-8") as f:
                for line in map(json.loads, f):
                    if line["event"] == "target_finished":
                        outcomes[line["target"]] = (line["kind"], line["outcome"].replace("flaky", "passed"))
        elif done.returncode != 2:  # 2: the Testfile is broken, so there is no target
            raise SystemExit(f"history: tgraph ended with {done.returncode}; see {self.args.work}/output")
        return outcomes

    def selected(self, since):
        """What `list --since` prints, and whether everything was selected for want of a base."""
        done = subprocess.run([self.args.tgraph, "list", "--json", f"--since={since}"], cwd=self.root, env=self.env,
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=600, check=False)
        if done.returncode == 2 and re.search(r": error T[12]\d\d:", done.stderr):
            return set(), False  # a broken Testfile in the work tree: nothing can be selected
        if done.returncode != 0:
            raise SystemExit(f"history: list --since={since} ended with {done.returncode}: {done.stderr}")
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        for line in lines:
            if "everything is selected" not in done.stderr and line["path"][-1] != line["target"]:
                raise SystemExit(f"history: the path of {line['target']} ends elsewhere: {line['path']}")
        return {line["target"] for line in lines}, "everything is selected" in done.stderr


class Tally:
    def __init__(self):
        self.cases = self.targets = self.tests = self.changed = self.changed_tests = self.gone = self.everything = 0
        self.share = self.test_share = 0.0
        self.missed, self.unsteady, self.disagree = [], [], []

    def add(self, words, before, after, chosen, everything):
        """Takes one case in; gives the targets whose outcome changed and that were not selected."""
        tests = {t for t, (kind, _) in after.items() if kind == "test"}
        changed = {t for t, outcome in after.items() if before.get(t) != outcome}
        self.cases += 1
        self.targets += len(after)
        self.tests += len(tests)
        self.share += len(chosen & set(after)) / (len(after) or 1)
        self.test_share += len(chosen & tests) / (len(tests) or 1)
        self.changed += len(changed)
        self.changed_tests += len(changed & tests)
        self.gone += len(set(before) - set(after))
        self.everything += everything
        say(f"{words}: {len(chosen & tests)} of {len(tests)} tests and {len(chosen - tests)} other targets selected, "
            f"{len(changed)} changed" + (", everything for want of a base" if everything else ""))
        return sorted(changed - chosen)

    def summary(self):
        n = self.cases or 1
        return {"cases": self.cases, "targets": round(self.targets / n, 1), "tests": round(self.tests / n, 1),
                "selected_percent": round(100 * self.share / n, 1),
                "tests_selected_percent": round(100 * self.test_share / n, 1), "outcome_changes": self.changed,
                "of_tests": self.changed_tests, "gone": self.gone, "everything_selected": self.everything,
                "unsteady": self.unsteady, "disagreeing": self.disagree, "missed": self.missed}


def say(words):
    print(f"{time.strftime('%H:%M:%S')} {words}", flush=True)


def judge(history, tally, words, before, after, chosen, everything, again):
    """Misses are looked at again: a target that has several outcomes in one and the same state is no evidence."""
    missed = tally.add(words, before, after, chosen, everything)
    for target in missed:
        seen = {history.run("--force", target).get(target, after[target]) for _ in range(4)}
        again()
        seen_before = {history.run("--force", target).get(target) for _ in range(4)} if target in before else {None}
        if seen - {after[target]} or seen_before - {before.get(target)}:
            say(f"  unsteady: {target}")
            tally.unsteady.append(f"{words}: {target}")
        else:
            say(f"  MISSED: {target}: {before.get(target)} -> {after[target]}")
            tally.missed.append(f"{words}: {target}: {before.get(target)} -> {after[target]}")


# ---- edits ---------------------------------------------------------------------------------------------------------
SWAPS = [("==", "!="), ("!=", "=="), ("<=", ">"), (">=", "<"), (" < ", " >= "), (" > ", " <= "), (" + ", " - "),
         (" - ", " + "), (" and ", " or "), (" or ", " and "), ("&&", "||"), ("||", "&&"), ("True", "False"),
         ("False", "True"), ("true", "false"), ("false", "true"), ("return ", "return not "), ("if ", "if not ")]


def mutate_line(line, rng):
    """Another line, or None for none at all."""
    ways = [None, line + line, "\n", line.rstrip("\n") + " (\n"]
    swaps = [line.replace(a, b, 1) for a, b in SWAPS if a in line]
    numbers = [re.sub(r"\d+", lambda m: str(int(m[0]) + 1), line, count=1)] if re.search(r"\d", line) else []
    strings = [re.sub(r'"(\w)', r'"x\1', line, count=1)] if re.search(r'"\w', line) else []
    return rng.choice(swaps + numbers + strings + swaps + numbers + strings + ways)


def mutate(history, rng):
    """One random edit in the work tree, in words; None: nothing came of it."""
    files = [f for f in history.git("ls-files").splitlines() if not re.search(history.args.never, f)]
    source = [f for f in files if re.search(history.args.sources, f)]
    # Some of the edits are anywhere, where they should reach no test, or one that reads what it does not declare.
    path = rng.choice(source if rng.random() < 0.85 else files)
    full = f"{history.root}/{path}"
    if os.path.basename(path) == "Testfile.lua" or os.path.islink(full):
        return None
    way = rng.random()
    if way < 0.04:
        os.unlink(full)
        return f"{path} deleted"
    if way < 0.08:
        os.rename(full, full + ".old")
        return f"{path} renamed"
    if way < 0.12:
        name = rng.choice(["conftest.py", "string.h", "types.py", "new.c", "test_new.py"])
        new = os.path.join(os.path.dirname(full), name)
        if os.path.exists(new):
            return None
        with open(new, "w", encoding="utf-8") as f:
            f.write("#error new\nraise SystemExit\n")
        return f"{os.path.relpath(new, history.root)} added"
    try:
        with open(full, encoding="utf-8") as f:
            lines = f.readlines()
    except UnicodeDecodeError:
        return None
    # Comments and blank lines change no outcome; nor is a line touched that takes files or processes away.
    places = [i for i, line in enumerate(lines) if line.strip() and not re.match(r"\s*(#|--|//|/?\*)", line)
              and not re.search(r"rmtree|unlink|remove|rmdir|kill|system|rename|chmod", line)]
    if not places:
        return None
    i = rng.choice(places)
    line = mutate_line(lines[i], rng)
    if line == lines[i]:
        return None
    lines[i:i + 1] = [] if line is None else [line]
    with open(full, "w", encoding="utf-8") as f:
        f.writelines(lines)
    return f"{path}:{i + 1} {'deleted' if line is None else 'is now ' + line.strip()!r}"


def mutation(history, rng, tally, commit, before):
    words = None
    while not words:
        words = mutate(history, rng)
    how = rng.choice(["edited", "staged", "committed"])
    base = "HEAD"
    if how != "edited":
        history.git("add", "-A")
    if how == "committed":
        history.git("commit", "-q", "-m", "edited")
        base = "HEAD~1"
    history.forget()
    chosen, everything = history.selected(base)
    after = history.run()
    judge(history, tally, f"  {words} ({how})", before, after, chosen, everything, lambda: history.checkout(commit))
    history.checkout(commit)


# ---- the course ----------------------------------------------------------------------------------------------------
def main():
    ap = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    ap.add_argument("--name", required=True)
    ap.add_argument("--tgraph", required=True)
    ap.add_argument("--testfile", required=True)
    ap.add_argument("--work", required=True, help="an empty folder")
    ap.add_argument("--clone", help="a repository")
    ap.add_argument("--until", default="HEAD", help="its last commit that is looked at")
    ap.add_argument("--archives", nargs="*", help="source archives, the oldest first")
    ap.add_argument("--commits", type=int, default=0, help="only the last N")
    ap.add_argument("--mutations", type=int, default=0)
    ap.add_argument("--sources", default=r"\.py$", help="what is edited: a regular expression of paths")
    ap.add_argument("--never", default="^$", help="what is not edited, whatever --sources says")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--json", help="a file for the summary")
    args = ap.parse_args()
    args.tgraph = os.path.abspath(args.tgraph)
    history = History(args)
    commits = history.from_clone(args.clone, args.until) if args.clone else history.from_archives(args.archives)
    if args.commits:
        commits = commits[-args.commits - 1:]
    rng = random.Random(args.seed)
    real, edits = Tally(), Tally()
    before, previous, mutated = None, None, 0
    for i, commit in enumerate(commits):
        history.checkout(commit)
        words = history.git("log", "-1", "--format=%s", commit)
        chosen = history.selected(previous) if previous else None
        after = history.run()
        if previous:
            for answer in (history.selected(previous), history.selected(f"{previous}..{commit}")):
                if answer != chosen:
                    say(f"  DISAGREE: {sorted(answer[0] ^ chosen[0])}")
                    real.disagree.append(words)
            judge(history, real, words, before, after, *chosen, lambda p=previous: history.checkout(p))
        before, previous = after, commit
        # So many edits as keep the share done equal to the share of commits seen.
        while mutated < args.mutations * (i + 1) // len(commits):
            history.checkout(commit)
            mutation(history, rng, edits, commit, before)
            mutated += 1
    result = {"name": args.name, "commits": real.summary(), "edits": edits.summary()}
    print(json.dumps(result, indent=2))
    if args.json:
        with open(args.json, "w", encoding="utf-8") as f:
            json.dump(result, f, indent=2)
            f.write("\n")
    sys.exit(1 if real.missed or edits.missed or real.disagree else 0)


if __name__ == "__main__":
    main()
