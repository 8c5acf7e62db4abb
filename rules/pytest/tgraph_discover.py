# SPDX-License-Identifier: MIT
"""Lists the cases of a suite: one JSON line each, on standard output."""
import gc
import json
import os
import re
import sys

import pytest
from tgraph_collect import Base, foreign_hooks, marks_digest, path_of, plain, report_text

NO_TAGS = frozenset(("parametrize", "usefixtures", "filterwarnings"))  # how a test is made; nobody selects by that


class Discover(Base):
    def __init__(self, store):
        super().__init__()
        self.store = store
        self.ahead = None
        self.failures = []
        self.items = None

    def pytest_load_initial_conftests(self, early_config):
        if self.store is not None and self.store.rewritten is not None:
            from tgraph_ahead import Ahead

            self.ahead = Ahead(self.store, early_config)

    def pytest_collectreport(self, report):
        if report.failed:
            self.failures.append(report)
        elif report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
            print("skipped when it was collected: %s: %s" % (report.nodeid, reason), file=sys.stderr)

    @pytest.hookimpl(trylast=True)
    def pytest_collection_finish(self, session):
        self.items = list(session.items)

    def lines(self, cwd):
        foreign = foreign_hooks(self.config)
        lines, files = [], {}
        for item in self.items:
            path = path_of(item)
            if path not in files:
                files[path] = file_of(path, cwd)
            entry = {"id": self.ids.take(item), **files[path]}
            tags = sorted({m.name for m in item.iter_markers() if m.name not in NO_TAGS and re.match(r"[A-Za-z0-9_.+-]+\Z", m.name)})
            if tags:
                entry["tags"] = tags
            if foreign:
                entry["data"] = {"marks": marks_digest(item)}
            lines.append(json.dumps(entry) + "\n")
        return lines


def file_of(path, cwd):
    """What the cases of a file have in common."""
    path = os.path.realpath(path)
    common = {"group": plain(place(path, cwd))}
    if within(path, cwd) or within(path, os.environ.get("TGRAPH_ROOT")):
        common["inputs"] = [input_path(path, cwd)]
    elif not within(path, os.path.realpath(sys.prefix)):
        raise SystemExit(
            "tgraph: %s is outside of the repository, so an edit of it would not be seen: name tests of the "
            "repository, or of an installed package" % path
        )
    return common


def within(path, folder):
    return bool(folder) and path.startswith(os.path.realpath(folder) + os.sep)


def place(path, cwd):
    return os.path.relpath(path, cwd) if within(path, cwd) else path


def input_path(path, cwd):
    if within(path, cwd):
        return os.path.relpath(path, cwd)
    return "//" + os.path.relpath(path, os.path.realpath(os.environ["TGRAPH_ROOT"]))


def main(options, args):
    # Standard output is the answer's alone: what pytest and the project print goes to standard error.
    answer = os.dup(1)
    os.dup2(2, 1)
    plugin = Discover(options.store)
    cwd = os.path.realpath(os.getcwd())
    try:
        status = int(pytest.main(["--collect-only", *args], plugins=[plugin]))
    finally:
        if plugin.ahead is not None:
            plugin.ahead.end()
    for report in plugin.failures:
        sys.stderr.write(report_text(plugin.config, report, "ERROR collecting " + (report.nodeid or "tests")))
    if plugin.internal:
        sys.stderr.write(plugin.internal + "\n")
    if plugin.failures or plugin.internal or status not in (0, 5) or plugin.items is None:
        print("tgraph: pytest could not collect the tests (exit status %d)" % status, file=sys.stderr)
        return status if status not in (0, 5) else 1
    text = "".join(plugin.lines(cwd)).encode("ascii")
    while text:
        text = text[os.write(answer, text):]
    # Python looks for cycles among all that was imported before it ends: an eighth of the time, and nothing was set up here.
    gc.freeze()
    return 0
