#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Plays the engine for `tgraph exec-worker`: TGRAPH ARGS... with cases on standard input, one JSON value ({"data": ...}) a line.

Prints what the worker answers, a line each: OUTCOME|MESSAGE|SUBTEST=OUTCOME,... and at last how it ended (exit N, signal N).
After a crash another worker serves the rest, as the engine does. A line "!FILE COMMAND" runs the case of the line before it no
further than until FILE is there, and then acts: exit, eof, term."""
import json
import os
import signal
import subprocess
import sys
import time


class Worker:
    def __init__(self, argv):
        there, self.out = os.pipe()
        back, answer = os.pipe()
        tmp = os.environ.get("WORKER_TMP")
        env = dict(os.environ, TGRAPH_WORKER="1", TGRAPH_WORKER_IN=str(there), TGRAPH_WORKER_OUT=str(answer))
        if tmp:
            env["TGRAPH_TMPDIR"] = env["TMPDIR"] = tmp
        self.process = subprocess.Popen(argv, env=env, pass_fds=(there, answer), stdin=subprocess.DEVNULL)
        os.close(there)
        os.close(answer)
        self.answers = os.fdopen(back, "rb")
        self.n = 0
        self.send(type="hello", protocol=1, suite="s", root="/")
        ready = self.receive()
        assert ready is None or (ready["type"], ready["protocol"]) == ("ready", 1), ready

    def send(self, **message):
        os.write(self.out, json.dumps(message).encode() + b"\n")

    def receive(self):
        line = self.answers.readline()
        return json.loads(line) if line else None

    def run(self, data):
        self.n += 1
        message = {"type": "run", "id": self.n, "case": "c", "attempt": 1, "next": None}
        if data is not None:
            message["data"] = data
        self.send(**message)

    def end(self):
        code = self.process.wait(timeout=60)
        return f"exit {code}" if code >= 0 else f"signal {-code}"


def show(answer):
    subtests = ",".join(f"{s['name']}={s['outcome']}" for s in answer.get("subtests", []))
    print("|".join([answer.get("outcome", answer["type"]), answer.get("message", ""), subtests]), flush=True)


def main():
    worker = None
    lines = [line.rstrip("\n") for line in sys.stdin]
    for i, line in enumerate(lines):
        if line.startswith("!"):
            continue
        worker = worker or Worker(sys.argv[1:])
        worker.run(json.loads(line))
        if i + 1 < len(lines) and lines[i + 1].startswith("!"):
            path, command = lines[i + 1][1:].split()
            for _ in range(2000):
                if os.path.exists(path):
                    break
                time.sleep(0.01)
            else:
                raise SystemExit(f"waited for {path} in vain")
            if command == "exit":
                worker.send(type="exit")
            elif command == "eof":
                os.close(worker.out)
            else:
                worker.process.send_signal(signal.SIGTERM)
        answer = worker.receive()
        if answer:
            assert answer.get("id", worker.n) == worker.n, answer
            show(answer)
        else:
            print(worker.end(), flush=True)
            worker = None
    if worker:
        worker.send(type="exit")
        print(worker.end(), flush=True)


main()
