#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The workers for node:test, jest and vitest against the plain tools, and the Node library, without the engine. Prints TAP.

    python3 tests/adapters/node_suite.py node|library|jest|vitest

jest and vitest are those in TGRAPH_TEST_JS/node_modules (build/js if unset); where one is not installed, its part is skipped.
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

from node_plain import collected, differences, jest, node_test, vitest  # noqa: E402
from python_engine import Broken, Engine  # noqa: E402

TOP = pathlib.Path(__file__).resolve().parents[2]
RULES = TOP / "rules"
TOOLS = pathlib.Path(os.environ.get("TGRAPH_TEST_JS") or TOP / "build" / "js") / "node_modules"
PASSES = {"passed", "skipped", "xfailed", "xpassed"}
count = failures = 0


def check(name, wrong):
    """wrong: nothing, or lines that say what is."""
    global count, failures
    count += 1
    failures += bool(wrong)
    print("%sok %d - %s" % ("not " if wrong else "", count, name))
    for line in [wrong] if isinstance(wrong, str) else wrong or []:
        print("\n".join("#   " + part for part in str(line).split("\n")))
    sys.stdout.flush()


def same(name, expected, seen):
    check(name, [] if expected == seen else ["expected: %r" % (expected,), "seen:     %r" % (seen,)])


def write(folder, files):
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def compare(engine, files, plain, title):
    """Each file by the one warm worker and by the plain tool."""
    done = {}
    for file in files:
        answer = engine.case(file)
        if answer is None:
            check("%s: %s" % (title, file), ["the worker ended", engine.text()])
            return done
        done[file] = answer
        seen = (answer["outcome"] in PASSES, collected(answer.get("subtests")))
        check("%s: %s" % (title, file), differences(plain(file), seen))
    return done


NODE = {
    "package.json": '{"private": true}',
    "setup.mjs": 'globalThis.from_setup = "yes";',
    "a/nested.test.js": """
const { test, describe, it, beforeEach } = require('node:test'); const assert = require('node:assert');
test('top', async (t) => { await t.test('inner ok', () => {}); await t.test('inner bad', () => assert.equal(1, 2)); });
describe('d', () => { it('x', () => {}); it('s', { skip: 'why' }, () => {}); it.todo('later');
  it('t', { todo: true }, () => { throw new Error('t'); }); describe('e', () => { it('deep', () => {}); }); });
describe('hooks', () => { beforeEach(() => { throw new Error('hook'); }); it('never', () => {}); });
test('skip in', (t) => t.skip('inside')); test('todo in', (t) => t.todo('inside'));
test('twice', () => {}); test('twice', () => { throw new Error('once'); });
console.log('hello'); process.stderr.write('no line feed');
""",
    "a/names.test.js": r"""
const { test } = require('node:test');
test('a # b', () => {}); test('back\\slash', () => {}); test('grün "q" > x', () => {}); test('1 # SKIPped', () => {});
test('', () => {});
""",
    "a/only.test.js": "const { test } = require('node:test'); test.only('o', () => {}); test('n', () => { });",
    "a/async.test.mjs": """
import { test } from 'node:test'; await null;
test('parallel', { concurrency: true }, async (t) => { await Promise.all([1, 2, 3].map((n) => t.test('p' + n, async () => {
  await null; if (n === 2) throw new Error('two'); }))); });
test('values', () => { throw 'text'; }); test('null', () => { throw null; });
""",
    "a/late.test.mjs": """
import { test } from 'node:test';
test('a', () => { setImmediate(() => { throw new Error('late'); }); }); test('b', () => new Promise((r) => setTimeout(r, 50)));
""",
    "a/rejected.test.mjs": """
import { test } from 'node:test'; test('a', () => { Promise.reject(new Error('nobody')); });
""",
    "a/timeout.test.js": "require('node:test').test('slow', { timeout: 20 }, () => new Promise((r) => setTimeout(r, 500)));",
    "a/all_skipped.test.js": "const { test } = require('node:test'); test.skip('a', () => {}); test('b', { skip: true });",
    "a/all_todo.test.js": "const { test } = require('node:test'); test.todo('a'); test('b', { todo: true }, () => { throw 1; });",
    "a/exits.test.js": "const { test } = require('node:test'); test('a', () => {}); test('b', () => process.exit(7));",
    "a/status.test.js": "const { test } = require('node:test'); test('a', () => {}); process.exitCode = 4;",
    "a/leaves.test.js": "require('node:test').test('a', () => { globalThis.left = process.env.LEFT = 'x'; });",
    "a/left.test.js": """
require('node:test').test('a', () => { if (globalThis.left || process.env.LEFT) throw new Error('left over'); });
""",
    "a/no_test.test.js": "console.log('nothing to see')",
    "a/needs_setup.test.js": """
require('node:test').test('a', () => { if (globalThis.from_setup !== 'yes') throw new Error('no setup'); });
""",
    "a/context.test.js": """
require('node:test').test('a', () => { if (process.env.TGRAPH_WORKER_IN || process.stdin.isTTY) throw new Error('not a test\\'s'); });
""",
    "plain.js": "console.log('plain')",
    "plain_fails.js": "console.log('plain'); process.exit(3)",
    "plain_throws.js": "throw new Error('thrown')",
    "killed.js": "process.kill(process.pid, 'SIGKILL')",
    "syntax.js": "const x = ;",
    "missing_module.mjs": "import './not-there.mjs';",
    "loud.test.js": """
require('node:test').test('a', () => { for (let i = 0; i < 2000; i++) console.log('x'.repeat(500)); });
""",
}


def part_node():
    node = shutil.which(os.environ.get("NODE", "node"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(os.path.realpath(name))
        write(folder, NODE)
        args = ["--import", "./setup.mjs"]
        engine = Engine([node, *args, str(RULES / "node/node-worker.mjs")], folder)
        engine.ready()
        files = [f for f in NODE if f not in ("package.json", "setup.mjs")]
        done = compare(engine, files, lambda f: node_test(f, folder, node, args), "node:test")

        same("what every file says: skipped", "skipped", done["a/all_skipped.test.js"]["outcome"])
        same("a failure is told with the test's own error", "top > inner bad: 1 == 2",
             done["a/nested.test.js"].get("message"))
        details = done["a/nested.test.js"]["details"]
        check("its stack is shown", [] if "nested.test.js:3" in details else details)
        marks = {s["name"]: s.get("message") for s in done["a/nested.test.js"]["subtests"]}
        same("why a test was skipped", "why", marks["d > s"])
        same("a process that fails without a test", "the file's process ended with exit status 3",
             done["plain_fails.js"]["message"])
        same("a process that is killed", "the file's process ended with signal SIGKILL", done["killed.js"]["message"])
        log = engine.text()
        check("a file's output is the case's", [t for t in ("hello\n", "no line feed", "SyntaxError", "x" * 500) if t not in log])
        same("no such file", "error", engine.case("gone.test.js")["outcome"])
        for _ in range(15):
            engine.case("plain.js")
        check("a warm worker leaves nothing behind", [w for w in ("MaxListeners", "Warning:") if w in engine.text()])
        same("it exits with 0", (0, []), engine.end())

        for option, wanted in (("--bogus", "unknown option --bogus"), ("--test-name-pattern=(", "--test-name-pattern=(")):
            engine = Engine([node, str(RULES / "node/node-worker.mjs"), option], folder)
            m = engine.ready()
            check("%s is an error before anything runs" % option,
                  [] if m and m["type"] == "error" and wanted in m["message"] else repr(m))
            engine.end()
        engine = Engine([node, str(RULES / "node/node-worker.mjs"), "--test-name-pattern=twice"], folder)
        engine.ready()
        names = {s["name"] for s in engine.case("a/nested.test.js")["subtests"] if s["outcome"] == "failed"}
        check("a pattern selects tests", [] if "twice" in names and "top > inner bad" not in names else repr(names))
        engine.end()


LIBRARY = """
import { serve, once } from %(library)r;
import { spawnSync } from 'node:child_process';
const cases = {
  passes: () => {}, named: () => 'xfailed', table: () => ({ outcome: 'passed', message: 'm', reads: ['a'] }),
  throws: () => { throw new Error('one\\ntwo'); }, throws_nothing: () => { throw undefined; },
  rejects: async () => { await null; throw new TypeError('t'); },
  skips: (data, run) => run.skip('not here'), async_skip: async (data, run) => { await null; run.skip('later'); },
  odd: () => 'fine', other: () => ({ status: 200 }), false: () => false,
  timer: () => new Promise(() => setTimeout(() => { throw new Error('from a timer'); }, 1)),
  stray: () => new Promise(() => { Promise.reject(new Error('nobody waits')); }),
  subtests: (data, run) => { run.subtest({ name: 'x > y', outcome: 'failed', message: 'm' }); },
  bad_subtest: (data, run) => { run.subtest({ name: 'x', outcome: 'ok' }); },
  started: (data, run) => { run.started(); run.reads('a', ['b']); run.reads('c'); },
  recycle: (data, run) => run.recycle(), data: (data, run) => ({ outcome: 'passed', message: JSON.stringify([data, run.attempt, run.next]) }),
  surrogate: () => { throw new Error('half \\ud800 nul \\0 end'); },
  huge: (data, run) => { for (let i = 0; i < 300; i++) run.subtest({ name: 'n'.repeat(100000) + i, outcome: 'passed' });
    return { outcome: 'failed', details: 'd'.repeat(30 << 20) }; },
  huge_reads: (data, run) => { for (let i = 0; i < 300; i++) run.reads('n'.repeat(100000) + i); },
  long_data: (data) => ({ outcome: 'passed', message: String(data.length) }),
  descriptors: () => { const r = spawnSync('ls', ['/proc/self/fd'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
    return { outcome: 'passed', message: r.stdout.trim().split('\\n').join(',') }; },
  prints: () => { console.log('printed'); },
  once: () => once('key', ['make', '{out}'], { out: 'o', inputs: ['i', 'j'], env: ['E'] }).then((out) => ({ outcome: 'passed', message: out })),
  once_text: () => once('key', 'echo a', { out: 'o' }).then((out) => ({ outcome: 'passed', message: out })),
  once_fails: () => once('fails', ['false'], { out: 'o' }),
  once_wrong: () => once('key', ['false'], {}),
};
serve((name, data, run) => cases[name](data, run), { name: 'lib', %(options)s });
"""
FAKE_TGRAPH = """#!/bin/sh
printf '%s|' "$@"
[ "$2" != fails ] || { echo broken >&2; exit 1; }
"""


def part_library():
    node = shutil.which(os.environ.get("NODE", "node"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(os.path.realpath(name))
        library = str(RULES / "node/tgraph.mjs")
        write(folder, {"w.mjs": LIBRARY % {"library": library, "options": ""},
                       "stop.mjs": LIBRARY % {"library": library, "options": "stop() { throw new Error('cannot stop'); }"},
                       "start.mjs": LIBRARY % {"library": library, "options": "async start() { throw new Error('no app'); }"},
                       "fake": FAKE_TGRAPH})
        (folder / "fake").chmod(0o755)
        engine = Engine([node, "w.mjs"], folder, {"TGRAPH": str(folder / "fake")})
        engine.ready()
        same("its name", "lib", engine.name)

        def case(id, outcome, **more):
            m = engine.case(id)
            same("%s: %s" % (id, outcome), (outcome, more), (m["outcome"], {k: m.get(k) for k in more}))
            return m

        case("passes", "passed", message=None, reads=None, subtests=None, recycle=None)
        case("named", "xfailed")
        case("table", "passed", message="m", reads=["a"])
        m = case("throws", "failed", message="one")
        check("with its stack", [] if "w.mjs" in m["details"] else m["details"])
        case("throws_nothing", "failed", message="undefined")
        case("rejects", "failed", message="t")
        case("skips", "skipped", message="not here")
        case("async_skip", "skipped", message="later")
        case("odd", "error")
        case("other", "error")
        case("false", "error")
        case("timer", "failed", message="from a timer", recycle=True)
        case("stray", "failed", message="nobody waits", recycle=True)
        case("subtests", "passed", subtests=[{"name": "x > y", "outcome": "failed", "message": "m"}])
        case("bad_subtest", "failed")
        case("started", "passed", reads=["a", "b", "c"])
        same("started was told", 1, engine.started)
        case("recycle", "passed", recycle=True)
        same("data, attempt, next", '[{"a":1},2,"n"]', engine.case("data", {"a": 1}, "n", 2)["message"])
        same("no data", "[null,1,null]", engine.case("data")["message"])
        case("surrogate", "failed", message="half \ufffd nul \\0 end")
        m = case("huge", "failed")
        check("what does not fit is left out, and said to be",
              [] if "left out" in m["details"] and 0 < len(m["subtests"]) < 300 else repr(m)[:300])
        case("huge_reads", "error", reads=None)
        same("a long line from the engine", "12000000", engine.case("long_data", "x" * 12000000)["message"])
        same("children have no descriptor of the protocol", "0,1,2,3", engine.case("descriptors")["message"])
        case("prints", "passed")
        check("what it prints is the log", [] if "printed\n" in engine.text() else engine.text())
        case("once", "passed", message="o")
        check("once: the command line", [] if "once|key|--in|i|--in|j|--env|E|--out|o|--|make|{out}|" in engine.text() else engine.text())
        case("once_text", "passed", message="o")
        check("once: a text is a shell's", [] if "--out|o|--|/bin/sh|-c|echo a|" in engine.text() else engine.text())
        m = case("once_fails", "failed", message='once("fails"): exit status 1')
        check("once: with what it said", [] if "broken" in m["details"] else m["details"])
        case("once_wrong", "failed")
        same("it exits with 0", (0, []), engine.end())

        engine = Engine([node, "stop.mjs"], folder)
        engine.ready()
        engine.case("passes")
        status, errors = engine.end()
        same("stop fails", (1, ["while ending: cannot stop"]), (status, [e["message"] for e in errors]))
        engine = Engine([node, "start.mjs"], folder)
        m = engine.ready()
        same("start fails", ("error", "while starting: no app"), (m["type"], m["message"]))
        engine.end()
        engine = Engine([node, "w.mjs"], folder)
        engine.ready()
        os.close(engine._out)
        same("the end of the engine is the end", 0, engine.process.wait(60))

        check("descriptors with any number are kept from children", high_descriptors(node, folder))
        r, w = os.pipe()
        process = subprocess.run([node, "w.mjs"], cwd=folder, capture_output=True)
        os.close(r)
        os.close(w)
        same("without an engine it says what it is", (2, True), (process.returncode, b"tgraph worker-check" in process.stderr))


def high_descriptors(node, folder):
    """As number 70 and 80, with nothing open in between, where Node's own marking has stopped."""
    r1, w1 = os.pipe()
    r2, w2 = os.pipe()
    os.dup2(r1, 70)
    os.dup2(w2, 80)
    env = dict(os.environ, TGRAPH_WORKER="1", TGRAPH_WORKER_IN="70", TGRAPH_WORKER_OUT="80")
    process = subprocess.Popen([node, "w.mjs"], cwd=folder, env=env, pass_fds=(70, 80), stdin=-3)
    for fd in (70, 80, r1, w2):
        os.close(fd)
    os.write(w1, b'{"type":"hello","protocol":1}\n{"type":"run","id":1,"case":"descriptors","attempt":1,"next":null}\n')
    with os.fdopen(r2) as answers:
        answers.readline()
        message = json.loads(answers.readline())["message"]
    os.close(w1)
    process.wait(60)
    return [] if message == "0,1,2,3" else "a child has " + message


JEST = {
    "package.json": '{"private": true, "jest": {"testEnvironment": "node", "globalSetup": "./up.js", "globalTeardown": "./down.js"}}',
    "up.js": "module.exports = async () => { process.env.FROM_SETUP = 'yes'; console.error('set up'); };",
    "down.js": "module.exports = async () => { console.error('torn down'); };",
    "src/m.js": "module.exports = { n: 0 };",
    "test/ok.test.js": r"""
globalThis.leak = 1; const m = require('../src/m'); m.n++;
describe('outer', () => { describe('inner', () => { test('a', () => { expect(m.n).toBe(1); }); test.skip('s', () => {});
  test.todo('later'); test.failing('f', () => { throw new Error('x'); }); });
  test.each([[1, 2], [3, 4]])('each %i %i', (a, b) => expect(a + 1).toBe(b)); });
test('env', () => { expect(process.env.JEST_WORKER_ID).toMatch(/^\d+$/); expect(process.env.FROM_SETUP).toBe('yes'); console.log('out'); });
""",
    "test/bad.test.js": "test('bad', () => { expect({ a: 1 }).toEqual({ a: 2 }); }); test('good', () => {}); test.failing('passes', () => {});",
    "test/syntax.test.js": "const x = ;",
    "test/empty.test.js": "module.exports = 1;",
    "test/missing.test.js": "require('./not-there');",
    "test/skipped.test.js": "test.skip('a', () => {}); test.skip('b', () => {});",
    "test/only.test.js": "test('n', () => {}); test.only('o', () => {});",
    "test/hook.test.js": "beforeAll(() => { throw new Error('hook'); }); test('a', () => {});",
    "test/new_snapshot.test.js": "test('new', () => { expect({ a: 1 }).toMatchSnapshot(); });",
    "test/inline_snapshot.test.js": "test('new', () => { expect(1).toMatchInlineSnapshot(); });",
    "test/late.test.js": "test('a', (done) => { setTimeout(() => { throw new Error('late'); }, 5); setTimeout(done, 50); });",
    "test/mocks.test.js": "jest.mock('../src/m', () => ({ n: 9 })); test('a', () => { expect(require('../src/m').n).toBe(9); });",
    "test/after_mocks.test.js": "test('a', () => { expect(require('../src/m').n).toBe(0); expect(globalThis.leak).toBeUndefined(); });",
    "test/same.test.js": "test('x', () => {}); test('x', () => { throw new Error('one of two'); });",
}
OBSOLETE = "test('now', () => { expect(1).toMatchSnapshot(); }); test('gone', () => {});"

VITEST = {
    "package.json": '{"private": true, "type": "module"}',
    "vitest.config.mjs": "export default { test: { globals: true, include: ['test/*.test.{js,ts}'], globalSetup: './up.mjs' } };",
    "up.mjs": "export default () => { console.error('set up'); return () => console.error('torn down'); };",
    "src/m.js": "export const m = { n: 0 };",
    "test/ok.test.js": """
import { m } from '../src/m.js'; m.n++; globalThis.leak = 1; console.log('out');
describe('outer', () => { describe('inner', () => { test('a', () => { expect(m.n).toBe(1); }); test.skip('s', () => {});
  test.todo('later'); test.fails('f', () => { throw new Error('x'); }); });
  test.each([[1, 2], [3, 4]])('each %i %i', (a, b) => expect(a + 1).toBe(b)); });
""",
    "test/typed.test.ts": "const x: number = 1; test('typed', () => { expect(x).toBe(1); });",
    "test/bad.test.js": "test('bad', () => { expect({ a: 1 }).toEqual({ a: 2 }); }); test('good', () => {}); test.fails('passes', () => {});",
    "test/syntax.test.js": "const x = ;",
    "test/empty.test.js": "export default 1;",
    "test/missing.test.js": "import './not-there';",
    "test/skipped.test.js": "test.skip('a', () => {}); test.skip('b', () => {});",
    "test/only.test.js": "test('n', () => {}); test.only('o', () => {});",
    "test/hook.test.js": "beforeAll(() => { throw new Error('hook'); }); test('a', () => {});",
    "test/suite_hook.test.js": "describe('d', () => { afterAll(() => { throw new Error('hook'); }); test('a', () => {}); });",
    "test/new_snapshot.test.js": "test('new', () => { expect({ a: 1 }).toMatchSnapshot(); });",
    "test/exits.test.js": "test('a', () => { process.exit(0); });",
    "test/late.test.js": "test('a', async () => { setTimeout(() => { throw new Error('late'); }, 5); await new Promise((r) => setTimeout(r, 50)); });",
    "test/mocks.test.js": "vi.mock('../src/m.js', () => ({ m: { n: 9 } })); import { m } from '../src/m.js'; test('a', () => { expect(m.n).toBe(9); });",
    "test/after_mocks.test.js": "import { m } from '../src/m.js'; test('a', () => { expect(m.n).toBe(0); expect(globalThis.leak).toBeUndefined(); });",
    "test/same.test.js": "test('x', () => {}); test('x', () => { throw new Error('one of two'); });",
}


def part_tool(tool, files, plain):
    node = shutil.which(os.environ.get("NODE", "node"))
    if not (TOOLS / tool / "package.json").exists():
        print("1..0 # SKIP %s is not installed in %s" % (tool, TOOLS))
        sys.exit(0)
    worker = str(RULES / tool / (tool + "-worker.mjs"))
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(os.path.realpath(name))
        write(folder, files)
        (folder / "node_modules").symlink_to(TOOLS)
        tests = [f for f in files if f.startswith("test/")]

        def start(*args, env=None):
            return Engine([node, worker, *args], folder, env)

        engine = start("--tests=test/*.{js,ts}", env={"TGRAPH_SLOT": "3"})
        m = engine.ready()
        if m is None or m["type"] == "error":
            check("the worker is ready", [repr(m), engine.text()])
            return
        before = sorted(str(p) for p in folder.rglob("test/**/*"))
        done = compare(engine, tests, lambda f: plain(f, folder), tool)
        same("every test of a file skipped", "skipped", done["test/skipped.test.js"]["outcome"])
        check("a failure is told", [] if done["test/bad.test.js"]["message"].startswith("bad: ") else done["test/bad.test.js"]["message"])
        check("with the difference", [] if '"a": 2' in done["test/bad.test.js"]["details"].replace("a: 2", '"a": 2') else done["test/bad.test.js"])
        check("without colours", [] if "\x1b" not in json.dumps(done, ensure_ascii=False) else "an escape sequence")
        check("output is the log", [] if "out\n" in engine.text() else engine.text())
        again = engine.case("test/bad.test.js", attempt=2)
        same("a second attempt is answered anew", collected(done["test/bad.test.js"]["subtests"]), collected(again["subtests"]))
        write(folder, {"test/skipped.test.js": "test('a', () => {"})
        same("and sees the file as it is", "failed", engine.case("test/skipped.test.js", attempt=2)["outcome"])
        write(folder, {"test/skipped.test.js": files["test/skipped.test.js"],
                       "src/m.js": files["src/m.js"].replace("n: 0", "n: 5")})
        same("and what it loads", "failed", engine.case("test/after_mocks.test.js", attempt=2)["outcome"])
        write(folder, {"src/m.js": files["src/m.js"]})
        same("no such file", "error", engine.case("test/gone.test.js")["outcome"])
        same("a file that is no test", "error", engine.case("src/m.js")["outcome"])
        status, errors = engine.end()
        same("it exits with 0", (0, []), (status, errors))
        log = engine.text()
        same("what is global is set up and torn down once", (1, 1), (log.count("set up"), log.count("torn down")))
        same("no snapshot was written", before, sorted(str(p) for p in folder.rglob("test/**/*")))

        # Snapshots that are there: right, wrong, and one that no test asks for.
        write(folder, {"test/kept.test.js": "test('now', () => { expect(1).toMatchSnapshot(); });"})
        env = {k: v for k, v in os.environ.items() if k not in ("CI", "TGRAPH_SLOT")}
        update = {"jest": ["node", "node_modules/jest/bin/jest.js", "--ci=false", "kept"],
                  "vitest": ["node", "node_modules/vitest/vitest.mjs", "run", "-u", "kept"]}[tool]
        subprocess.run(update, cwd=folder, env=env, capture_output=True)
        kept = folder / "test/__snapshots__/kept.test.js.snap"
        text = kept.read_text()
        write(folder, {"test/obsolete.test.js": OBSOLETE, "test/wrong.test.js": "test('now', () => { expect(2).toMatchSnapshot(); });",
                       "test/__snapshots__/wrong.test.js.snap": text,
                       "test/__snapshots__/obsolete.test.js.snap": text.replace("exports[`now 1`]", "exports[`gone 1`] = `1`;\n\nexports[`now 1`]")})
        engine = start()
        engine.ready()
        compare(engine, ["test/kept.test.js", "test/wrong.test.js", "test/obsolete.test.js"], lambda f: plain(f, folder), tool)
        same("a snapshot stays as it was", text, kept.read_text())
        engine.end()

        engine = start("--tests=test/[a-m]*.js", "--tests=!test/b*")
        m = engine.ready()
        check("a test file that only the tool finds is an error",
              [] if m["type"] == "error" and "match: test/new_snapshot" in m["message"] and "test/bad" not in m["message"] else repr(m))
        engine.end()
        engine = start("--testNamePattern=good")
        engine.ready()
        same("a pattern selects tests", "passed", engine.case("test/bad.test.js")["outcome"])
        engine.end()
        engine = start("--bogus=1")
        m = engine.ready()
        check("an unknown option is an error", [] if m["type"] == "error" and "--bogus=1" in m["message"] else repr(m))
        engine.end()
        (folder / "node_modules").unlink()
        engine = start()
        m = engine.ready()
        check("a tool that is not installed is named", [] if m["type"] == "error" and "npm install" in m["message"] else repr(m))
        engine.end()


PARTS = {"node": part_node, "library": part_library, "jest": lambda: part_tool("jest", JEST, jest),
         "vitest": lambda: part_tool("vitest", VITEST, vitest)}
try:
    PARTS[sys.argv[1]]()
except Broken as error:
    check("the protocol is kept", str(error))
print("1..%d" % count)
sys.exit(1 if failures else 0)
