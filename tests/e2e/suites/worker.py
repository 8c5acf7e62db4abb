#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A worker for the tests of suites, without any library: what it does with a case is in the case's data, one step after
the other: {"do": "print hello, fail"}, or in a file that the data names: {"file": "a.txt"}."""
import json
import os
import signal
import sys
import time

FROM = os.fdopen(int(os.environ["TGRAPH_WORKER_IN"]), "rb")
TO = int(os.environ["TGRAPH_WORKER_OUT"])
MARKS = os.environ.get("MARKS", "..")
SPOILT = []
BYE = []  # what is said after `exit`
LOADED = {}  # files as they were at the start


def mark(name, text):
    fd = os.open(os.path.join(MARKS, name), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    os.write(fd, (text + "\n").encode("utf-8"))
    os.close(fd)


def say(text):
    data = text.encode("utf-8")
    while data:
        data = data[os.write(TO, data):]


def send(**message):
    say(json.dumps(message) + "\n")


def wait_for(path):
    for _ in range(2000):
        if os.path.exists(path):
            return
        time.sleep(0.01)


def content(path):
    try:
        with open(path) as f:
            return f.read().strip()
    except FileNotFoundError:
        return None


def step(what, run, answer):
    """Changes the answer; returns False if there is none to send."""
    word, _, rest = what.partition(" ")
    number = run["id"]
    if word in ("pass", ""):
        answer["outcome"] = "passed"
    elif word in ("fail", "error", "skip", "xfail", "xpass"):
        answer["outcome"] = {"fail": "failed", "error": "error", "skip": "skipped", "xfail": "xfailed",
                             "xpass": "xpassed"}[word]
        answer["message"] = rest or "told to " + word
    elif word == "print":
        print(rest, flush=True)
    elif word == "details":
        answer["details"] = rest
    elif word == "flaky":  # passes at this attempt
        answer["outcome"] = "passed" if run["attempt"] >= int(rest) else "failed"
    elif word == "sleep":
        time.sleep(float(rest))
    elif word == "touch":
        open(os.path.join(MARKS, rest), "w").close()
    elif word == "wait":
        wait_for(os.path.join(MARKS, rest))
    elif word == "write":  # PATH TEXT
        path, _, text = rest.partition(" ")
        with open(path, "w") as f:
            f.write(text)
    elif word == "holds":  # PATH TEXT
        path, _, text = rest.partition(" ")
        if content(path) != text:
            answer["outcome"] = "failed"
    elif word == "sound":  # the file is there and does not begin with "bad"
        if (content(rest) or "bad").startswith("bad"):
            answer["outcome"] = "failed"
    elif word == "loaded":
        if content(rest) != LOADED[rest]:
            answer["outcome"] = "failed"
    elif word == "spoil":
        SPOILT.append(run["case"])
    elif word == "unspoilt":
        answer["outcome"] = "failed" if SPOILT else "passed"
    elif word == "recycle":
        answer["recycle"] = True
    elif word == "reads":
        answer["reads"] = rest.split()
    elif word == "subtests":
        answer["subtests"] = [{"name": "one", "outcome": "passed", "duration_ms": 1.5},
                              {"name": "two", "outcome": "failed", "message": "not equal"},
                              {"name": "three", "outcome": "skipped"}]
    elif word == "started":
        send(type="started", id=number)
    elif word == "bye":  # error MESSAGE | exit STATUS | kill | hang
        BYE.append(rest)
    elif word == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif word == "exit":
        os._exit(int(rest))
    elif word == "close":
        os.close(TO)
        time.sleep(60)
    elif word == "hang":
        time.sleep(60)
    elif word == "half":
        say('{"type":"done","id":%d,"outcome":"pas' % number)
        os._exit(0)
    elif word == "garbage":
        say("passed!\n")
        time.sleep(60)
    elif word == "binary":
        os.write(TO, b"\xff\xfe\0\1\n")
        time.sleep(60)
    elif word == "much":
        say("x" * (17 << 20))
        time.sleep(60)
    elif word == "other":
        answer["id"] = number + 1
    elif word == "before":
        answer["id"] = number - 1
    elif word == "unknown":
        answer["outcome"] = "fine"
    elif word == "twice":
        send(**answer)
    else:
        raise ValueError("no such step: " + what)
    return True


def end():
    for what in BYE:
        word, _, rest = what.partition(" ")
        if word == "error":
            send(type="error", message=rest)
        elif word == "exit":
            sys.stdout.flush()
            os._exit(int(rest))
        elif word == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "hang":
            time.sleep(60)
    mark("ends", str(os.getpid()))
    sys.exit(0)


def main():
    mark("starts", str(os.getpid()))
    for text in os.environ.get("START", "").split(", "):
        word, _, rest = text.partition(" ")
        if word == "wait":
            wait_for(os.path.join(MARKS, rest))
        elif word == "touch":
            open(os.path.join(MARKS, rest), "w").close()
        elif word == "load":
            LOADED[rest] = content(rest)
        elif word == "exit":
            print("cannot start", file=sys.stderr, flush=True)
            os._exit(int(rest))
        elif word == "error":
            FROM.readline()
            send(type="error", message=rest)
            sys.exit(1)
        elif word == "hang":
            time.sleep(60)
    for line in FROM:
        run = json.loads(line.decode("utf-8"))
        if run["type"] == "hello":
            send(type="ready", protocol=1, name="w")
        elif run["type"] == "exit":
            end()
        elif run["type"] == "run":
            mark("ran", run["case"])
            mark("served", "%d %s %d %s" % (os.getpid(), run["case"], run["attempt"], run["next"]))
            data = run.get("data")
            data = data if isinstance(data, dict) else {}
            steps = data.get("do", "pass")
            if "file" in data:
                with open(data["file"]) as f:
                    steps = f.read().strip()
            answer = {"type": "done", "id": run["id"], "outcome": "passed"}
            for what in steps.split(", "):
                step(what, run, answer)
            if answer["outcome"] in ("passed", "skipped", "xfailed", "xpassed"):
                mark("passed", run["case"])
            send(**answer)
    end()


main()
