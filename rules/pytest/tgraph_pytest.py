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
import contextlib
import hashlib
import io
import json
import os
import re
import sys
import tempfile
import time
import types

HERE = os.path.dirname(os.path.realpath(__file__))
LIBRARY = next(
    (p for p in (os.path.join(os.path.dirname(HERE), "python"), HERE) if os.path.exists(os.path.join(p, "tgraph.py"))),
    HERE,
)

import pytest  # noqa: E402

NO_TAGS = frozenset(("parametrize", "usefixtures", "filterwarnings"))  # how a test is made; nobody selects by that
STARTED_S = 0.05  # a case that was set up (and collected) for longer than this says when it begins
ID_BYTES = 4096  # an id of a case is at most so long


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


# ---- ids -------------------------------------------------------------------------------------------------------------
def plain(text):
    """TEXT without control characters and lone surrogates, which ids must not have."""
    text = text.encode("utf-8", "backslashreplace").decode("utf-8")
    text = re.sub("[\x00-\x1f\x7f-\x9f\u2028\u2029]", lambda m: "\\x%02x" % ord(m[0]), text)
    data = text.encode("utf-8")
    if len(data) > ID_BYTES:
        digest = hashlib.sha256(data).hexdigest()[:16]
        text = data[: ID_BYTES - 32].decode("utf-8", "ignore") + "..." + digest
    return text


class Ids:
    """Names of items: the node id, and a number where two items of a file share one. The order of collection decides, so
    that it is the same whichever files are collected."""

    def __init__(self):
        self.of = {}  # item -> id
        self.items = {}  # id -> item

    def take(self, item):
        if item in self.of:
            return self.of[item]
        first = name = plain(item.nodeid)
        n = 1
        while name in self.items:
            n += 1
            name = "%s (%d)" % (first[: ID_BYTES // 4] if len(first) > ID_BYTES - 300 else first, n)
        self.of[item] = name
        self.items[name] = item
        return name


def path_of(node):
    path = getattr(node, "path", None)
    return os.fspath(path if path is not None else node.fspath)


def file_node(node):
    """The collector of the file that NODE is in; None: it is in none."""
    for n in node.listchain():
        if isinstance(n, pytest.File) and not isinstance(n, pytest.Package):
            return n
    return None


# ---- what hooks did to an item -------------------------------------------------------------------------------------------
def foreign_hooks(config):
    """Whether somebody besides pytest itself changes the list of items."""
    for impl in config.hook.pytest_collection_modifyitems.get_hookimpls():
        module = getattr(impl.function, "__module__", "") or ""
        if not module.startswith("_pytest."):
            return True
    return False


def marks_digest(item):
    """What hooks may have added, in a form that is the same in every process: no addresses, no reprs of objects."""

    def said(value):
        return repr(value) if isinstance(value, (str, bytes, int, float, bool, type(None))) else type(value).__name__

    marks = [
        (m.name, [said(a) for a in m.args], sorted((k, said(v)) for k, v in m.kwargs.items()))
        for m in item.iter_markers()
        if m.name != "parametrize"
    ]
    facts = repr((marks, list(getattr(item, "fixturenames", ()))))
    return hashlib.sha256(facts.encode("utf-8", "backslashreplace")).hexdigest()[:12]


# ---- what both modes do to pytest ------------------------------------------------------------------------------------------
class Base:
    def __init__(self):
        self.config = None
        self._nowhere = None
        self.internal = None  # text of an internal error, of pytest.exit or of an interrupt
        self.ids = Ids()

    def pytest_addoption(self, pluginmanager):
        if not pluginmanager.has_plugin("tgraph_pytest"):
            pluginmanager.register(sys.modules[__name__], "tgraph_pytest")

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_cmdline_main(self, config):
        # One process each: tgraph is what runs several. (pytest-xdist's plugin stays, for its fixtures and marks.)
        for name, value in (("numprocesses", None), ("dist", "no"), ("distload", False), ("tx", []), ("looponfail", False)):
            if hasattr(config.option, name):
                setattr(config.option, name, value)
        config.option.maxfail = 0  # each case is its own: that one fails stops nothing
        if hasattr(config.option, "stepwise"):
            config.option.stepwise = False
        yield

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config):
        self.config = config
        self._silence()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionstart(self):
        self._silence()

    def _silence(self):
        """The terminal reporter stays, as plugins ask for it, and is not heard."""
        reporter = self.config.pluginmanager.getplugin("terminalreporter")
        if reporter is not None and reporter._tw is not self._nowhere:
            from _pytest.config import create_terminal_writer

            if self._nowhere is None:
                self._nowhere = create_terminal_writer(self.config, open(os.devnull, "w", encoding="utf-8"))
            reporter._tw = self._nowhere

    def pytest_itemcollected(self, item):
        self.ids.take(item)

    def pytest_internalerror(self, excrepr):
        self.internal = "INTERNALERROR\n" + str(excrepr)

    def pytest_keyboard_interrupt(self, excinfo):
        self.internal = "%s: %s" % (excinfo.typename, excinfo.value)


def report_text(config, report, title=None):
    """What pytest prints of a failed report: the traceback and the captured output."""
    from _pytest.config import create_terminal_writer

    out = io.StringIO()
    tw = create_terminal_writer(config, out)
    tw.hasmarkup = False
    if title:
        tw.sep("_", title)
    report.toterminal(tw)
    show = getattr(config.option, "showcapture", "all")
    for name, content in report.sections if show != "no" else ():
        if show == "all" or show in name:
            tw.sep("-", name)
            tw.write(content if content.endswith("\n") else content + "\n")
    return out.getvalue()


def one_line(report):
    """As in pytest's short summary."""
    crash = getattr(getattr(report, "longrepr", None), "reprcrash", None)
    if crash is not None:
        return crash.message
    lines = [s for s in str(getattr(report, "longreprtext", "") or "").splitlines() if s.strip()]
    return lines[-1] if lines else ""


# ---- discover --------------------------------------------------------------------------------------------------------
class Discover(Base):
    def __init__(self):
        super().__init__()
        self.failures = []
        self.items = None

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
        lines = []
        for item in self.items:
            path = os.path.realpath(path_of(item))
            entry = {"id": self.ids.take(item), "group": plain(place(path, cwd))}
            if within(path, cwd) or within(path, os.environ.get("TGRAPH_ROOT")):
                entry["inputs"] = [input_path(path, cwd)]
            elif not within(path, os.path.realpath(sys.prefix)):
                raise SystemExit(
                    "tgraph: %s is outside of the repository, so an edit of it would not be seen: name tests of the "
                    "repository, or of an installed package" % path
                )
            tags = sorted({m.name for m in item.iter_markers() if m.name not in NO_TAGS and re.match(r"[A-Za-z0-9_.+-]+\Z", m.name)})
            if tags:
                entry["tags"] = tags
            if foreign:
                entry["data"] = {"marks": marks_digest(item)}
            lines.append(json.dumps(entry) + "\n")
        return lines


def within(path, folder):
    return bool(folder) and path.startswith(os.path.realpath(folder) + os.sep)


def place(path, cwd):
    return os.path.relpath(path, cwd) if within(path, cwd) else path


def input_path(path, cwd):
    if within(path, cwd):
        return os.path.relpath(path, cwd)
    return "//" + os.path.relpath(path, os.path.realpath(os.environ["TGRAPH_ROOT"]))


def discover(options, args):
    # Standard output is the answer's alone: what pytest and the project print goes to standard error.
    answer = os.dup(1)
    os.dup2(2, 1)
    plugin = Discover()
    cwd = os.path.realpath(os.getcwd())
    status = int(pytest.main(["--collect-only", *args], plugins=[plugin]))
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
    return 0


# ---- serve -------------------------------------------------------------------------------------------------------------
class Next:
    """Stands for the item that comes next, as far as SetupState asks: what of the stack it needs."""

    def __init__(self, chain):
        self._chain = [*chain, self]

    def listchain(self):
        return list(self._chain)

    def __getattr__(self, name):
        return getattr(self._chain[-2], name)


def boundary(item):
    """The next item is of another file, nobody knows which: what belongs to the session stays."""
    chain = []
    for node in item.listchain():
        if node is item or isinstance(node, (pytest.File, pytest.Package)):
            break
        chain.append(node)
    return Next(chain)


def tear_down(session, chain):
    """Tears down what CHAIN does not need. Returns the exception of a finalizer, or None."""
    state = session._setupstate
    try:
        if not hasattr(state, "_teardown_towards"):
            state.teardown_exact(Next(chain) if chain else None)
        elif chain:  # pytest 6
            state._teardown_towards(chain)
        else:
            state.teardown_all()
    except BaseException as e:  # pytest.exit and sys.exit in a fixture are no reason to lose a case
        return e
    return None


class Escalate(Exception):
    """This process has seen too little: everything has to be collected."""


class Serve(Base):
    def __init__(self, tgraph, worker, reads, everything, resume):
        super().__init__()
        self.tgraph = tgraph
        self.worker = worker
        self.reads = reads
        self.everything = everything
        self.resume = resume  # a message that was received before this process began anew
        self.pending = {}  # node id of a file -> its collectors, not collected yet
        self.broken = {}  # node id of a file -> why it has no items
        self.selected = set()  # ids that the hooks left in the list
        self.foreign = False
        self.reports = None
        self.run = None
        self.began = 0
        self.is_ready = False
        self.escalated = None
        self.troubles = []  # (message, details): what went wrong outside of a case

    # ---- collecting ----------------------------------------------------------------------------------------------------
    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_collection(self, session):
        if not self.everything:
            session.genitems = types.MethodType(self._genitems, session)
        yield
        session.__dict__.pop("genitems", None)

    def _genitems(self, session, node):
        """Goes down to files and leaves them for later. Nothing below a file is imported before that."""
        file = file_node(node)
        if file is not None:
            self.pending.setdefault(file.nodeid, []).append(node)
        elif isinstance(node, pytest.Item):
            yield from type(session).genitems(session, node)
        else:
            report, again = self._collect_one(session, node)
            for child in report.result if report.passed else ():
                yield from self._genitems(session, child)
            if not again:
                node.ihook.pytest_collectreport(report=report)

    @staticmethod
    def _collect_one(session, node):
        if hasattr(session, "_collect_one_node"):  # from pytest 8 on, a folder may have been collected for an argument
            return session._collect_one_node(node)
        from _pytest.runner import collect_one_node

        return collect_one_node(node), False

    def pytest_collectreport(self, report):
        if report.failed:
            self.broken[report.nodeid.split("::")[0]] = report_text(self.config, report)

    @contextlib.contextmanager
    def _collecting(self):
        """The warning filters of the project, as pytest sets them around its collection."""
        try:
            from _pytest.warnings import catch_warnings_for_item

            scope = catch_warnings_for_item(config=self.config, ihook=self.config.hook, when="collect", item=None)
        except (ImportError, TypeError):
            scope = contextlib.nullcontext()
        with scope:
            yield

    def _expand(self, session, key):
        nodes = self.pending.pop(key)
        context = self._context(path_of(nodes[0] if isinstance(nodes[0], pytest.File) else file_node(nodes[0])))
        with context, self._collecting():
            items = []
            for node in nodes:
                items += type(session).genitems(session, node)
            try:
                self.config.hook.pytest_collection_modifyitems(session=session, config=self.config, items=items)
            except Exception as e:
                self.broken[key] = self.tgraph.traceback_of(e, 0)
                return
            session.items.extend(items)
            session.testscollected += len(items)
            self.config.hook.pytest_collection_finish(session=session)
        self.selected.update(self.ids.take(i) for i in items)

    @contextlib.contextmanager
    def _context(self, path):
        """While PATH is collected or run: what is read is read for it."""
        if self.reads is None:
            yield
            return
        before, self.reads.context = self.reads.context, self.reads.test_file(path)
        try:
            yield
        finally:
            self.reads.context = before

    def _file_of(self, case):
        """The key in `pending` of CASE: its id starts with its file's."""
        at = case.find("::")
        while at >= 0:
            if case[:at] in self._keys:
                return self._keys[case[:at]]
            at = case.find("::", at + 2)
        return self._keys.get(case)

    def _find(self, session, run):
        key = self._file_of(run.case)
        if run.case not in self.ids.items and key in self.pending:
            self._expand(session, key)
        if run.case not in self.ids.items and key not in self.broken:
            for other in list(self.pending):
                self._expand(session, other)
        item = self.ids.items.get(run.case)
        if item is None or key in self.broken:
            return None
        if not self.everything and self.foreign:
            marks = run.data.get("marks") if isinstance(run.data, dict) else None
            if run.case not in self.selected or (marks and marks != marks_digest(item)):
                raise Escalate
        return item

    # ---- the loop --------------------------------------------------------------------------------------------------------
    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session):
        self.foreign = foreign_hooks(self.config)
        self._keys = {plain(k): k for k in self.pending}
        self.selected.update(self.ids.take(i) for i in session.items)
        self.is_ready = True
        if self.resume is None:
            self.worker.ready("pytest %s, python %s" % (pytest.__version__, sys.version.split()[0]))
            runs = self.worker.runs()
        else:
            runs = self._resumed()
        for run in runs:
            try:
                self._serve(session, run)
            except Escalate:
                self.escalated = run
                break
        error = tear_down(session, None)
        if error is not None:
            self._trouble("a fixture could not be torn down at the end", error)
        return True

    def _resumed(self):
        yield self.tgraph.Run(self.worker, self.resume)
        yield from self.worker.runs()

    def _trouble(self, what, error):
        last = self.tgraph.line(str(error)) or type(error).__name__
        self.troubles.append(("%s: %s: %s" % (what, type(error).__name__, last), self.tgraph.traceback_of(error, 0)))

    def _next(self, name, item):
        if name is None:
            return boundary(item)
        found = self.ids.items.get(name)
        if found is not None and found is not item:
            return found
        key = self._file_of(name)
        if found is None and key in self.pending:
            node = self.pending[key][0]
            return Next((node if isinstance(node, pytest.File) else file_node(node)).listchain())
        return boundary(item)

    def _serve(self, session, run):
        self.began = time.monotonic()
        try:
            item = self._find(session, run)
        except (pytest.exit.Exception, KeyboardInterrupt) as e:
            run.recycle()
            return self._done(run, None, "error", "%s while its file was collected: %s" % (type(e).__name__, e))
        if item is None:
            details = self.broken.get(self._file_of(run.case))
            why = "its file could not be collected" if details else "pytest collects no test of this name"
            return self._done(run, None, "error", why, details)

        # The stack may hold what this item does not need: another case was announced, or this one failed in it before.
        stack, chain = list(session._setupstate.stack), item.listchain()
        if run.attempt > 1 or stack != chain[: len(stack)]:
            late = tear_down(session, None if run.attempt > 1 else chain)
            if late is not None:
                # It belongs to a case that is told already: the run has to fail, and the doubt is this case's.
                self._trouble("a fixture of an earlier case could not be torn down", late)
                return self._done(run, item, "error", self.troubles[-1][0], self.troubles[-1][1])

        self.run, self.reports = run, []
        stopped = None
        with self._context(path_of(item)):
            try:
                self.config.hook.pytest_runtest_protocol(item=item, nextitem=self._next(run.next, item))
            except (pytest.exit.Exception, KeyboardInterrupt) as e:
                stopped = ("%s: %s" % ("pytest.exit" if isinstance(e, pytest.exit.Exception) else type(e).__name__, e), None)
            except BaseException as e:
                stopped = ("pytest itself failed: %s" % type(e).__name__, self.tgraph.traceback_of(e, 0))
        reports, self.reports, self.run = self.reports, None, None
        if stopped is None and (session.shouldstop or session.shouldfail):
            stopped = ("it asked pytest to stop: %s" % (session.shouldstop or session.shouldfail), None)
        outcome, message, details = self._verdict(run, reports)
        if stopped is not None:
            run.recycle()
            if outcome != "failed":
                outcome, message = "error", stopped[0]
            details = "\n".join(filter(None, (details, *stopped)))
        self._done(run, item, outcome, message, details, sum(getattr(r, "duration", 0) for r in reports if not is_subtest(r)))

    def _done(self, run, item, outcome, message=None, details=None, seconds=None):
        if self.reads is not None:
            if item is None:
                run.reads(*sorted(os.path.relpath(p, self.reads.root) for p in self.reads.listed()))
            else:
                run.reads(*self.reads.of(os.path.realpath(path_of(item))))
        run.done(outcome, message, details, None if seconds is None else round(seconds * 1000, 3))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        # It matters for the time limit alone, and costs a wake-up of the engine: what was set up at once is not told.
        if self.run is not None and os.getpid() == self.worker.pid and time.monotonic() - self.began > STARTED_S:
            self.run.started()

    def pytest_runtest_logreport(self, report):
        if self.reports is not None:
            self.reports.append(report)

    # ---- the outcome -----------------------------------------------------------------------------------------------------
    def _verdict(self, run, reports):
        """(outcome, message, details) from the reports, as pytest's terminal counts them."""
        categories = []
        for report in reports:
            # Also for its effect: pytest fails a test with failed sub-tests here.
            status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
            categories.append(status[0] if status else "")
        failed, errors, texts = [], [], []
        skipped = xfailed = xpassed = called = None
        for report, category in zip(reports, categories):
            sub = is_subtest(report)
            if sub:
                self._subtest(run, report)
            if report.outcome not in ("passed", "failed", "skipped"):
                continue  # a plugin tries again, and tells only the last attempt as the outcome
            title = None
            if report.failed:
                if report.when == "call" or sub:
                    failed.append(report)
                    title = "SUBTEST " + subtest_name(report) if sub else None
                else:
                    errors.append(report)
                    title = "ERROR at %s of %s" % (report.when, report.head_line or report.nodeid)
                if getattr(self.config.option, "tbstyle", "auto") != "no":
                    texts.append(report_text(self.config, report, title))
            elif sub:
                continue
            elif category == "xfailed":
                xfailed = report
            elif category == "xpassed":
                xpassed = report
            elif report.skipped and report.when != "teardown":
                skipped = report
            elif report.when == "call" and report.passed:
                called = report
        if failed:
            # What pytest says of a test with failed sub-tests is their number; the first of them says more.
            return "failed", one_line(failed[0]), "\n".join(texts)
        if errors:
            return "error", "%s: %s" % (errors[0].when, one_line(errors[0])), "\n".join(texts)
        if not any(r.when == "teardown" and r.outcome in ("passed", "skipped") for r in reports):
            return "error", "pytest did not report how it ended", None
        if skipped is not None:
            reason = skipped.longrepr[2] if isinstance(skipped.longrepr, tuple) else one_line(skipped)
            return "skipped", re.sub(r"^Skipped: ", "", str(reason)), None
        if xfailed is not None:
            return "xfailed", re.sub(r"^reason: ", "", str(getattr(xfailed, "wasxfail", ""))), None
        if xpassed is not None:
            return "xpassed", str(getattr(xpassed, "wasxfail", "")), None
        if called is not None:
            return "passed", None, None
        return "error", "pytest did not call it", None

    def _subtest(self, run, report):
        outcome = report.outcome if report.outcome in ("passed", "failed", "skipped") else "error"
        if hasattr(report, "wasxfail"):
            outcome = "xfailed" if report.skipped else "xpassed" if report.passed else outcome
        message = one_line(report) if outcome == "failed" else None
        run.subtest(subtest_name(report), outcome, message, round(getattr(report, "duration", 0) * 1000, 3))


def is_subtest(report):
    return type(report).__name__.lower().startswith("subtest")


def subtest_name(report):
    said = getattr(report, "_sub_test_description", None) or getattr(report, "sub_test_description", None)
    return said() if said is not None else "(<subtest>)"


def serve(options, args):
    tgraph = library()
    environment, cwd = dict(os.environ), os.getcwd()
    state = json.loads(environment.pop("TGRAPH_PYTEST_RESUME", "{}"))
    os.environ.pop("TGRAPH_PYTEST_RESUME", None)
    try:
        worker = tgraph.Worker()
    except tgraph.ProtocolError as e:
        sys.exit("tgraph: %s" % e)
    for name in ("TGRAPH_WORKER", "TGRAPH_WORKER_IN", "TGRAPH_WORKER_OUT"):
        os.environ.pop(name)  # a test that starts tgraph is no worker
    reads = None
    if options.test_files:
        import _pytest
        import pluggy

        from tgraph_reads import Reads

        own = [os.path.dirname(m.__file__) for m in (pytest, _pytest, pluggy)]
        reads = Reads(cwd, options.test_files, [*own, HERE, os.path.realpath(LIBRARY)])
        reads.install()
    everything = options.collect == "all" or bool(state)
    plugin = Serve(tgraph, worker, reads, everything, state.get("run"))
    plugin.troubles += [tuple(t) for t in state.get("troubles", [])]
    status = pytest.main(args, plugins=[plugin])
    if plugin.internal and plugin.is_ready:
        plugin.troubles.append(("pytest failed: " + tgraph.line(plugin.internal.partition("\n")[2] or plugin.internal), plugin.internal))

    run = plugin.escalated
    if run is not None and not worker.exited:
        os.chdir(cwd)
        state = {"run": run.message, "troubles": plugin.troubles}
        environment.update(worker.hand_on(), TGRAPH_PYTEST_RESUME=json.dumps(state))
        sys.stdout.flush()
        sys.stderr.flush()
        command = getattr(sys, "orig_argv", None) or [sys.executable, *options.argv]
        os.execve(sys.executable, [sys.executable, *command[1:]], environment)
    if not plugin.is_ready:
        why = "pytest could not start (exit status %d)" % int(status)
        if plugin.internal:
            why += ": " + tgraph.line(plugin.internal.replace("INTERNALERROR\n", ""))
        else:
            why += "; what it printed is in the log"
        worker.error(why, plugin.internal)
        return int(status) or 1
    for message, details in plugin.troubles:
        worker.error(message, details)
    return 1 if plugin.troubles else 0


def main():
    argv = list(sys.argv)
    at = argv.index("--") if "--" in argv else len(argv)
    own, args = argv[1:at], argv[at + 1:]
    parser = argparse.ArgumentParser(prog="tgraph_pytest.py", description=__doc__.partition("\n")[0])
    parser.add_argument("mode", choices=("discover", "serve"))
    parser.add_argument("--collect", choices=("file", "all"), default="file", help="what a worker collects (default: the file of the case)")
    parser.add_argument("--test-files", action="append", metavar="PATTERN", help="base names of test files that cases report reading")
    options = parser.parse_args(own)
    options.argv = argv

    # As `python -m pytest` has them.
    if sys.path and os.path.realpath(sys.path[0]) == HERE:
        del sys.path[0]
    sys.path.insert(0, os.getcwd())
    sys.path.append(LIBRARY)
    if HERE != LIBRARY:
        sys.path.append(HERE)
    sys.argv = [os.path.join(os.path.dirname(pytest.__file__), "__main__.py"), *args]
    cache = tempfile.mkdtemp(prefix="tgraph-pytest-", dir=os.environ.get("TGRAPH_TMPDIR"))
    # Its cache would make one run depend on the one before, and its folder does not belong into the tree.
    args = ["-o", "cache_dir=" + os.path.join(cache, "cache"), *args]
    try:
        return (discover if options.mode == "discover" else serve)(options, args)
    finally:
        import shutil

        shutil.rmtree(cache, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
