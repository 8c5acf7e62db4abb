# SPDX-License-Identifier: MIT
"""What a Python program needs to serve tgraph's cases, and `once`. The manual is docs/rules/worker.md.

    import tgraph

    def handler(case, data, run):       # returns: passed; raises: failed, with the traceback
        assert get(case).status == data["status"]

    tgraph.serve(handler, name="routes")

Speaks version 1 of docs/worker-protocol.md. Needs Python 3.8, nothing else.
"""
import fcntl
import json
import os
import subprocess
import sys
import traceback

PROTOCOL = 1
OUTCOMES = ("passed", "failed", "error", "skipped", "xfailed", "xpassed")
TEXT_LIMIT = 2 << 20  # characters of a `details`: a message has to stay under 16 MiB, and a character may take 4 bytes
MEMBER_LIMIT = 4096  # of a name or a message


class Skip(Exception):
    """Raised by a handler: the case is skipped, for this reason."""


class Error(Exception):
    """Raised by a handler: the case could not be carried out (there is no such case, its set-up failed)."""


class ProtocolError(Exception):
    """The engine said what this library does not understand."""


def text(value, limit=TEXT_LIMIT):
    """VALUE as text that every JSON parser takes: no lone surrogates, no NUL; what is too long loses its middle."""
    s = str(value).encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\0")
    if len(s) > limit:
        s = "%s\n[... %d characters left out ...]\n%s" % (s[: limit // 2], len(s) - limit, s[-(limit // 2):])
    return s


def line(value):
    """The first line of VALUE that says something."""
    lines = [s.strip() for s in text(value).splitlines() if s.strip()]
    return lines[0][:MEMBER_LIMIT] if lines else ""


class Run:
    """One case in flight. Everything that a handler may say of it is a method."""

    def __init__(self, worker, message):
        self._worker = worker
        self.message = message
        self.id = message["id"]
        self.case = message["case"]
        self.data = message.get("data")
        self.attempt = message.get("attempt", 1)
        self.next = message.get("next")
        self._members = {}

    def started(self):
        """The case begins now: what came before (starting a database) does not count for its time limit."""
        self._worker.send({"type": "started", "id": self.id})

    def reads(self, *paths):
        """The case can depend on these files (of the suite's may_read)."""
        self._members.setdefault("reads", []).extend(text(os.fspath(p)) for p in paths)

    def subtest(self, name, outcome="passed", message=None, duration_ms=None):
        """A result within the case. It is shown; the outcome of the case is the handler's business."""
        assert outcome in OUTCOMES, outcome
        entry = {"name": text(name, MEMBER_LIMIT), "outcome": outcome}
        if message is not None:
            entry["message"] = line(message)
        if duration_ms is not None:
            entry["duration_ms"] = duration_ms
        self._members.setdefault("subtests", []).append(entry)

    def recycle(self):
        """This process is spent: the next case goes to a new one."""
        self._members["recycle"] = True

    def done(self, outcome, message=None, details=None, duration_ms=None):
        assert outcome in OUTCOMES, outcome
        answer = {"type": "done", "id": self.id, "outcome": outcome}
        if message:
            answer["message"] = line(message)
        if details:
            answer["details"] = text(details)
        if duration_ms is not None:
            answer["duration_ms"] = duration_ms
        answer.update(self._members)
        # The log of a case is what has arrived before its `done`.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except Exception:
                pass
        self._worker.send(answer)


class Worker:
    """The two descriptors. `serve` is made of this; who needs the loop in his own hands (a test framework) uses it."""

    def __init__(self, environ=os.environ):
        try:
            version = environ["TGRAPH_WORKER"]
            fds = [int(environ[n]) for n in ("TGRAPH_WORKER_IN", "TGRAPH_WORKER_OUT")]
        except (KeyError, ValueError):
            raise ProtocolError("this is a worker of a tgraph suite: tgraph starts it (or tgraph worker-check -- CMD)") from None
        # Out of the way of tests that count descriptors, and not handed on to their children.
        self._in, self._out = (_aside(fd) for fd in fds)
        self.pid = os.getpid()
        self._buffer = b""
        self.exited = False  # the engine has asked to exit, or is gone
        os.register_at_fork(after_in_child=self._forked)
        if version != str(PROTOCOL):
            self.error("this worker speaks version %d of the protocol, tgraph version %s" % (PROTOCOL, version))
            raise ProtocolError("unknown version " + version)

    def _forked(self):
        for fd in (self._in, self._out):
            try:
                os.close(fd)
            except OSError:
                pass

    def _own(self):
        if os.getpid() != self.pid:
            # A child of fork() that came back here would answer for its parent.
            os._exit(70)

    def send(self, message):
        self._own()
        data = json.dumps(message).encode("ascii") + b"\n"
        while data:
            data = data[os.write(self._out, data):]

    def receive(self):
        """The engine's next message, or None at its end."""
        self._own()
        while b"\n" not in self._buffer:
            chunk = os.read(self._in, 1 << 16)
            if not chunk:
                return None
            self._buffer += chunk
        one, _, self._buffer = self._buffer.partition(b"\n")
        message = json.loads(one.decode("utf-8"))
        if not isinstance(message, dict):
            raise ProtocolError("the engine said " + repr(message))
        return message

    def ready(self, name):
        """Waits for `hello` and answers it. Called when cases can come."""
        hello = self.receive()
        if hello is None or hello.get("type") == "exit":
            self.exited = True
            return
        if hello.get("type") != "hello" or hello.get("protocol") != PROTOCOL:
            self.error("this worker speaks version %d of the protocol; tgraph said %r" % (PROTOCOL, hello))
            raise ProtocolError("no hello")
        self.send({"type": "ready", "protocol": PROTOCOL, "name": text(name, MEMBER_LIMIT)})

    def runs(self):
        """One Run after the other. Each must be done before the next is asked for."""
        while not self.exited:
            message = self.receive()
            if message is None or message.get("type") == "exit":
                self.exited = True
            elif message.get("type") == "run":
                yield Run(self, message)

    def hand_on(self):
        """Before exec: the variables with which the program that takes over finds the descriptors."""
        for fd in (self._in, self._out):
            os.set_inheritable(fd, True)
        return {"TGRAPH_WORKER_IN": str(self._in), "TGRAPH_WORKER_OUT": str(self._out)}

    def error(self, message, details=None):
        """Something is wrong outside of any case."""
        answer = {"type": "error", "message": line(message)}
        if details:
            answer["details"] = text(details)
        self.send(answer)


def _aside(fd):
    try:
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 200)
    except OSError:  # not so many descriptors are allowed
        copy = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(fd)
    return copy


def traceback_of(error, skip=1):
    """The traceback of an exception, without the frames of this library."""
    tb = error.__traceback__
    for _ in range(skip):
        tb = tb.tb_next if tb is not None and tb.tb_next is not None else tb
    return "".join(traceback.format_exception(type(error), error, tb))


def _last_line(error):
    return line(traceback.format_exception_only(type(error), error)[-1])


def _serve_one(handler, run):
    try:
        answer = handler(run.case, run.data, run)
    except Skip as e:
        run.done("skipped", str(e))
    except Error as e:
        run.done("error", str(e) or type(e).__name__, traceback_of(e))
    except (Exception, SystemExit) as e:
        run.done("failed", _last_line(e), traceback_of(e))
    else:
        if answer is None:
            run.done("passed")
        elif isinstance(answer, str) and answer in OUTCOMES:
            run.done(answer)
        else:
            # A handler that says False must not pass.
            run.done("error", "the handler returned %r: it has to return None or an outcome, or to raise" % (answer,))


def serve(handler, name="python", close=None):
    """Serves cases until the engine has no more. Exits the process.

    handler(case, data, run) is called for each: None means passed, one of OUTCOMES that; tgraph.Skip(reason) skipped,
    tgraph.Error error, any other exception failed. close() is called once at the end; if it raises, the run fails.
    """
    try:
        worker = Worker()
        worker.ready(name)
        for run in worker.runs():
            _serve_one(handler, run)
    except ProtocolError as e:
        sys.exit("tgraph: %s" % e)
    status = 0
    if close is not None:
        try:
            close()
        except (Exception, SystemExit) as e:
            worker.error(_last_line(e), traceback_of(e))
            status = 1
    sys.exit(status)


def once(key, command, out, inputs=(), env=()):
    """Runs COMMAND, which writes OUT, unless this was done before, here or anywhere that shares the cache. Returns OUT.

    One process of all that ask does the work; the others wait and get the same file (do not write to it). `command` is a list;
    it writes to the path in $TGRAPH_OUT, or the one that takes the place of "{out}" in its arguments. The result counts for
    this key, command, content of `inputs` and values of the variables named in `env`: what else can change it must be named there.
    """
    if isinstance(command, (str, bytes)) or not command:
        raise TypeError("tgraph.once: command is a list, such as ['openssl', 'genrsa', '-out', '{out}', '2048']")
    argv = [os.environ.get("TGRAPH") or "tgraph", "once", str(key)]
    for path in inputs:
        argv += ["--in", os.fspath(path)]
    for variable in env:
        argv += ["--env", variable]
    argv += ["--out", os.fspath(out), "--"] + [os.fspath(a) for a in command]
    try:
        p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except FileNotFoundError:
        raise Error("tgraph.once: %s is not to be found; set $TGRAPH to its path" % argv[0]) from None
    if p.returncode != 0:
        said = p.stdout.decode("utf-8", "replace").rstrip()
        raise Error("tgraph once %s: exit status %d%s" % (key, p.returncode, "\n" + said if said else ""))
    return out
