# SPDX-License-Identifier: MIT
"""pytest for tgraph: lists a suite's cases, and serves them (docs/worker-protocol.md). Python 3.8, pytest 6.2, or later.

    tgraph_pytest.py discover [--test-files PATTERN]... -- PYTEST ARGUMENTS      one JSON line a test, on standard output
    tgraph_pytest.py serve [--collect file|all] [--test-files PATTERN]... -- PYTEST ARGUMENTS

Both run the real pytest in this process, in the working folder, with the project's own configuration, conftest files and
plugins. A case's name is pytest's node id.

A worker collects a test file when the first case of it comes: a worker that serves one dirty file imports only that one. The
hooks that see the collected items (pytest_collection_modifyitems) then see one file at a time. Where a hook gives an item other marks
than it got from the whole list (`data` of the case says which), or deselects it, the worker starts itself anew
and collects everything, as with --collect all.

As a plugin (`-p tgraph_pytest`) it is only the fixture `tgraph_once`.
"""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
LIBRARY = next(
    (p for p in (os.path.join(os.path.dirname(HERE), "python"), HERE) if os.path.exists(os.path.join(p, "tgraph.py"))),
    HERE,
)


def module(name):
    """A module of this folder."""
    sys.path.insert(0, HERE)
    try:
        return __import__(name)
    finally:
        sys.path.remove(HERE)


STORE = module("tgraph_pycode").install() if __name__ == "__main__" else None

import pytest  # noqa: E402


@pytest.fixture(scope="session")
def tgraph_once():
    """tgraph.once: a costly file that is made once for all processes."""
    return library().once


def library():
    try:
        import tgraph
    except ImportError:
        sys.path.append(LIBRARY)
        import tgraph
    return tgraph


def main():
    argv = list(sys.argv)
    at = argv.index("--") if "--" in argv else len(argv)
    own, args = argv[1:at], argv[at + 1:]
    parser = argparse.ArgumentParser(prog="tgraph_pytest.py", description=__doc__.partition("\n")[0])
    parser.add_argument("mode", choices=("discover", "serve"))
    parser.add_argument("--collect", choices=("file", "all"), default="file", help="what a worker collects (default: the file of the case)")
    parser.add_argument("--test-files", action="append", metavar="PATTERN", help="base names of test files that cases report reading")
    options = parser.parse_args(own)
    options.argv, options.store, options.library = argv, STORE, library

    # As `python -m pytest` has them.
    if sys.path and os.path.realpath(sys.path[0]) == HERE:
        del sys.path[0]
    sys.path.insert(0, os.getcwd())
    sys.path.append(LIBRARY)
    if HERE != LIBRARY:
        sys.path.append(HERE)
    sys.argv = [os.path.join(os.path.dirname(pytest.__file__), "__main__.py"), *args]
    if STORE is not None:
        module("tgraph_pycode").install_rewrite(STORE)
    mode = module("tgraph_" + options.mode)
    module("tgraph_collect").FIXTURES = sys.modules[__name__]
    cache = tempfile.mkdtemp(prefix="tgraph-pytest-", dir=os.environ.get("TGRAPH_TMPDIR"))
    # Its cache would make one run depend on the one before, and its folder does not belong into the tree.
    args = ["-o", "cache_dir=" + os.path.join(cache, "cache"), *args]
    try:
        return mode.main(options, args)
    finally:
        if STORE is not None:
            STORE.trim()
        import shutil

        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
