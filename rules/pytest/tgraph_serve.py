# SPDX-License-Identifier: MIT
"""Serves the cases of a suite: the worker of docs/worker-protocol.md."""
import contextlib
import faulthandler
import json
import os
import re
import signal
import sys
import time
import types

import pytest
from tgraph_collect import Base, file_node, foreign_hooks, marks_digest, one_line, path_of, plain, report_text

STARTED_S = 0.05  # a case that was set up (and collected) for longer than this says when it begins


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
        self.statuses = {}  # id of a report of the case -> how the terminal counts it
        self.real = {}  # path of a test file -> without symbolic links
        self.run = None
        self.began = 0
        self.is_ready = False
        self.escalated = None
        self.status = None  # of the session, before hooks of others may change it
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
    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, exitstatus):
        self.status = int(exitstatus)

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
        broke = [r for r in reports if r.when == "teardown" and r.failed]
        if broke and (run.next is None or item.parent not in self._next(run.next, item).listchain()):
            # It may be a fixture of others, too, and what an earlier case did: at its end the worker takes all of them back.
            self.troubles.append(("a fixture could not be torn down after %s" % run.case, report_text(self.config, broke[0])))
        statuses, self.statuses = self.statuses, {}
        if stopped is None and (session.shouldstop or session.shouldfail):
            stopped = ("it asked pytest to stop: %s" % (session.shouldstop or session.shouldfail), None)
        outcome, message, details = self._verdict(run, reports, statuses)
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
                path = path_of(item)
                real = self.real.get(path)
                if real is None:
                    real = self.real[path] = os.path.realpath(path)
                run.reads(*self.reads.of(real))
        run.done(outcome, message, details, None if seconds is None else round(seconds * 1000, 3))

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_call(self, item):
        # It matters for the time limit alone, and costs a wake-up of the engine: what was set up at once is not told.
        if self.run is not None and os.getpid() == self.worker.pid and time.monotonic() - self.began > STARTED_S:
            self.run.started()

    def pytest_runtest_logreport(self, report):
        if self.reports is not None:
            self.reports.append(report)

    def reported(self, report, status):
        self.statuses[id(report)] = status

    # ---- the outcome -----------------------------------------------------------------------------------------------------
    def _verdict(self, run, reports, statuses):
        """(outcome, message, details) from the reports, as pytest's terminal counts them."""
        categories = []
        for report in reports:
            # Also for its effect: pytest fails a test with failed sub-tests here.
            status = statuses.get(id(report)) or self.config.hook.pytest_report_teststatus(report=report, config=self.config)
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


def main(options, args):
    tgraph = options.library()
    environment, cwd = dict(os.environ), os.getcwd()
    state = json.loads(environment.pop("TGRAPH_PYTEST_RESUME", "{}"))
    os.environ.pop("TGRAPH_PYTEST_RESUME", None)
    try:
        worker = tgraph.Worker()
    except tgraph.ProtocolError as e:
        sys.exit("tgraph: %s" % e)
    for name in ("TGRAPH_WORKER", "TGRAPH_WORKER_IN", "TGRAPH_WORKER_OUT"):
        os.environ.pop(name)  # a test that starts tgraph is no worker
    # At a case's time limit this process gets SIGTERM: it says where it is, whatever pytest does with its output.
    aloud = os.fdopen(os.dup(2), "w")
    faulthandler.register(signal.SIGTERM, file=aloud, all_threads=True, chain=True)
    reads = None
    if options.test_files:
        import _pytest
        import pluggy

        from tgraph_reads import Reads

        own = [os.path.dirname(m.__file__) for m in (pytest, _pytest, pluggy)]
        reads = Reads(cwd, options.test_files, [*own, os.path.dirname(os.path.realpath(__file__)), os.path.dirname(os.path.realpath(tgraph.__file__))])
        reads.install()
        if options.store is not None:
            options.store.quiet = reads
    everything = options.collect == "all" or bool(state)
    plugin = Serve(tgraph, worker, reads, everything, state.get("run"))
    plugin.troubles += [tuple(t) for t in state.get("troubles", [])]
    status = pytest.main(args, plugins=[plugin])
    if plugin.internal and plugin.is_ready:
        plugin.troubles.append(("pytest failed: " + tgraph.line(plugin.internal.partition("\n")[2] or plugin.internal), plugin.internal))

    if plugin.is_ready and plugin.status is not None and int(status) != plugin.status:
        plugin.troubles.append(("pytest ended with exit status %d, although the tests gave %d" % (int(status), plugin.status), None))

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
