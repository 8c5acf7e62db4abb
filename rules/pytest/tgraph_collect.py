# SPDX-License-Identifier: MIT
"""What discover and serve have in common: the names of cases, and what both do to pytest."""
import hashlib
import io
import os
import re

import pytest

ID_BYTES = 4096  # an id of a case is at most so long
FIXTURES = None  # the module with those for everybody


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
        if FIXTURES is not None and not pluginmanager.has_plugin("tgraph_pytest"):
            pluginmanager.register(FIXTURES, "tgraph_pytest")

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
            self._deafen(reporter)

    def _deafen(self, reporter):
        """What it does for each test is a tenth of pytest's time, and nobody sees it. Its counts go on, as plugins look at them."""
        from _pytest.terminal import TerminalReporter

        if type(reporter) is not TerminalReporter:
            return

        def logreport(report):
            status = self.config.hook.pytest_report_teststatus(report=report, config=self.config)
            self.reported(report, status)
            reporter._tests_ran = True
            reporter._add_stats(status[0], [report])

        unheard = {
            "pytest_runtest_logstart": lambda nodeid, location: None,
            "pytest_runtest_logreport": logreport,
            "pytest_runtest_logfinish": lambda nodeid: None,
        }
        for name, function in unheard.items():
            for impl in getattr(self.config.hook, name).get_hookimpls():
                if impl.plugin is reporter and tuple(impl.argnames) == function.__code__.co_varnames[: function.__code__.co_argcount]:
                    impl.function = function

    def reported(self, report, status):
        """The terminal counts REPORT so."""

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
