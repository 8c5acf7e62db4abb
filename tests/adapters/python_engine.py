# SPDX-License-Identifier: MIT
"""The engine's side of docs/worker-protocol.md, as far as a test of a worker needs it: strict, one case at a time."""
import json
import os
import select
import subprocess
import sys
import tempfile

OUTCOMES = {"passed", "failed", "error", "skipped", "xfailed", "xpassed"}
TIMEOUT_S = 120


class Broken(Exception):
    pass


class Engine:
    def __init__(self, command, cwd, env=None, root=None):
        engine_out, worker_in = None, None
        worker_in, self._out = os.pipe()
        self._in, worker_out = os.pipe()
        self._tmp = tempfile.TemporaryDirectory()
        root = str(root or cwd)
        environ = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", PYTHONHASHSEED="0", TGRAPH_WORKER="1")
        environ.update(TGRAPH_WORKER_IN=str(worker_in), TGRAPH_WORKER_OUT=str(worker_out), TGRAPH_ROOT=root)
        environ.update(TGRAPH_TMPDIR=self._tmp.name, TMPDIR=self._tmp.name, TGRAPH_TARGET="t", TGRAPH_SLOT="0")
        environ.update(env or {})
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            command, cwd=cwd, env=environ, pass_fds=(worker_in, worker_out), stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log
        )
        os.close(worker_in)
        os.close(worker_out)
        self._buffer = b""
        self._id = 0
        self.errors = []
        self.started = 0
        self.send({"type": "hello", "protocol": 1, "suite": "t", "root": root, "unknown": None})
        self.name = None

    def send(self, message):
        os.write(self._out, json.dumps(message).encode() + b"\n")

    def receive(self):
        """The next message; None at the end."""
        while b"\n" not in self._buffer:
            if not select.select([self._in], [], [], TIMEOUT_S)[0]:
                raise Broken("no answer; the log: " + self.text())
            chunk = os.read(self._in, 1 << 16)
            if not chunk:
                if self._buffer:
                    raise Broken("half a line: %r" % self._buffer)
                return None
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        if len(line) > 16 << 20:
            raise Broken("a line of %d bytes" % len(line))
        return json.loads(line.decode("utf-8"))

    def ready(self):
        m = self.receive()
        if m is None or m["type"] == "error":
            return m
        if m["type"] != "ready" or m["protocol"] != 1:
            raise Broken("not ready: %r" % m)
        self.name = m["name"]
        return m

    def case(self, name, data=None, next=None, attempt=1):
        """The `done` of a case; None: the worker ended."""
        self._id += 1
        m = {"type": "run", "id": self._id, "case": name, "attempt": attempt, "next": next}
        if data is not None:
            m["data"] = data
        self.send(m)
        while True:
            m = self.receive()
            if m is None:
                return None
            if m["type"] == "started":
                self.started += 1
            if m.get("id") != self._id:
                raise Broken("for another case: %r" % m)
            if m["type"] == "done":
                if m["outcome"] not in OUTCOMES:
                    raise Broken("%r" % m)
                if "\n" in m.get("message", ""):
                    raise Broken("a message of several lines: %r" % m)
                return m

    def end(self):
        """Asks it to exit. (exit status, errors that it told)"""
        try:
            self.send({"type": "exit"})
        except BrokenPipeError:
            pass
        while True:
            m = self.receive()
            if m is None:
                break
            if m["type"] != "error":
                raise Broken("after exit: %r" % m)
            self.errors.append(m)
        status = self.process.wait(TIMEOUT_S)
        os.close(self._in)
        os.close(self._out)
        left = os.listdir(self._tmp.name)
        self._tmp.cleanup()
        self.left = left
        return status, self.errors

    def text(self):
        self.log.seek(0)
        return self.log.read().decode("utf-8", "replace")


def serve_all(start, cases):
    """Hands out CASES (of `discover`), by group, in order; new workers when one ends or asks to be recycled.
    Returns {id: done}, [errors]. A case that a worker did not survive is {"outcome": "crashed"}."""
    groups = {}
    for c in cases:
        groups.setdefault(c.get("group"), []).append(c)
    done, errors = {}, []
    engine = None
    for group in groups.values():
        for i, c in enumerate(group):
            if engine is None:
                engine = start()
                m = engine.ready()
                if m is None or m["type"] == "error":
                    raise Broken("not ready: %r; the log: %s" % (m, engine.text()))
            following = group[i + 1]["id"] if i + 1 < len(group) else None
            m = engine.case(c["id"], c.get("data"), following)
            assert c["id"] not in done
            done[c["id"]] = m or {"outcome": "crashed", "log": engine.text()}
            if m is None or m.get("recycle"):
                errors += engine.end()[1]
                engine = None
    if engine is not None:
        errors += engine.end()[1]
    return done, errors


if __name__ == "__main__":
    sys.exit("imported by the tests beside it")
