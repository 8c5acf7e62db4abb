// SPDX-License-Identifier: MIT
// Workers and costly files of tgraph for Node 18 and later, without dependencies. The manual is docs/rules/worker.md.
//
//     import { serve } from "./tgraph.mjs";
//     serve(async (name, data, run) => { ... }, { name: "shop" });      // returns: passed; throws: failed
import { spawn } from "node:child_process";
import { closeSync, constants, createReadStream, openSync, writeSync } from "node:fs";
import { Socket } from "node:net";
import { inspect } from "node:util";

const OUTCOMES = ["passed", "failed", "error", "skipped", "xfailed", "xpassed"];
const LINE_BYTES = 16 * 1024 * 1024 - 1024; // the protocol's limit, with room for the line feed and rounding
const DETAIL_CHARS = 1024 * 1024;

/** The first line of a text that says something, with the next one if it ends with a colon; at most 1,000 characters. */
export function firstLine(text) {
  const [first = "", second = ""] = String(text).split(/[\r\n]+/, 100).map((one) => one.trim()).filter(Boolean);
  return (first.endsWith(":") ? `${first} ${second}`.trim() : first).slice(0, 1000);
}

/** For what a person did wrong and a sentence says: it is told without a stack. */
export class Refusal extends Error {}

/** An error as Node shows it, and as one line. Whatever can be thrown is an error here. */
export function describe(error) {
  let details;
  try {
    details = inspect(error, { breakLength: Infinity, depth: 4 });
  } catch {
    details = "(an error that cannot be shown)"; // its own code threw while it was looked at
  }
  let message;
  try {
    message = firstLine(error?.message || "");
  } catch {
    message = "";
  }
  return { message: message || firstLine(details), details };
}

// JSON text whose strings are UTF-8 without lone halves of a character: the engine reads no others.
function encode(message) {
  return JSON.stringify(message, (_, v) => (typeof v === "string" && /[\0\ud800-\udfff]/.test(v)
    ? Buffer.from(v).toString().replaceAll("\0", "\\0") : v));
}

// A line that fits: what is long and only shown gives way first, and what is left out is said.
function line(message) {
  if (message.details?.length > DETAIL_CHARS) {
    const half = DETAIL_CHARS / 2;
    message.details = `${message.details.slice(0, half)}\n... ${message.details.length - DETAIL_CHARS} characters`
      + ` left out ...\n${message.details.slice(-half)}`;
  }
  let text = encode(message);
  while (Buffer.byteLength(text) > LINE_BYTES && message.subtests?.length) {
    const keep = Math.floor(message.subtests.length / 2);
    const left = (message.left ?? 0) + message.subtests.length - keep;
    message = { ...message, left, subtests: message.subtests.slice(0, keep) };
    text = encode({ ...message, details: `${message.details ?? ""}\n(${left} results of sub-tests left out)` });
  }
  if (Buffer.byteLength(text) > LINE_BYTES) { // only `reads` is left, and a part of it would be a wrong list
    text = encode({ type: "done", id: message.id, outcome: "error", message: "the worker's answer is longer than 16 MiB" });
  }
  return text;
}

// A descriptor number of the environment, now closed in children. Node marks those it inherits as close-on-exec when it
// starts, but stops at the first unused number above 15; a descriptor opened anew is marked for certain.
function take(variable, flags) {
  const fd = Number(process.env[variable]);
  if (process.env.TGRAPH_WORKER === undefined || !Number.isInteger(fd) || fd < 3) {
    process.stderr.write(`${process.argv[1] ?? "node"}: this is a worker, which tgraph starts.\n`
      + `Try it with: tgraph worker-check -- ${process.argv.slice(0, 2).join(" ")}\n`);
    process.exit(2);
  }
  delete process.env[variable];
  try {
    const again = openSync(`/proc/self/fd/${fd}`, flags);
    closeSync(fd);
    return again;
  } catch {
    return fd; // a socket, or a system without /proc
  }
}

/**
 * Serves cases until the engine says that there are no more; then the process exits. `handler(name, data, run)` is called for
 * one case at a time. What it returns is the `done` message's content: nothing (passed), an outcome's name, or a table with
 * `outcome`, `message`, `details`, `reads`, ... It throws: failed.
 *   run.started()             the time limit begins now
 *   run.reads(...paths)       files that the case read
 *   run.subtest({name, outcome, message?, duration_ms?})
 *   run.skip(why)             ends the case (throws)
 *   run.recycle()             this worker is spent
 *   run.attempt, run.next, run.hello
 * Options: name; start(hello) before the first case; stop() after the last.
 */
export function serve(handler, { name = "node", start, stop } = {}) {
  const input = take("TGRAPH_WORKER_IN", constants.O_RDONLY);
  const output = take("TGRAPH_WORKER_OUT", constants.O_WRONLY);
  let current, hello, ended = false;

  function send(message) {
    let bytes = Buffer.from(`${line(message)}\n`);
    while (bytes.length > 0) {
      try {
        bytes = bytes.subarray(writeSync(output, bytes));
      } catch (error) {
        if (error.code !== "EAGAIN") process.exit(1); // the engine is gone, and nobody reads a message about that
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1);
      }
    }
  }
  function give_up(error, context) {
    if (ended) return;
    ended = true;
    const { message, details } = describe(error);
    send({ type: "error", message: context ? `${context}: ${message}` : message,
      details: error instanceof Refusal ? undefined : details });
    process.exit(1);
  }
  // Ends the case in flight, once: whatever comes after belongs to nothing.
  function done(run, fields) {
    if (current !== run) return;
    current = undefined;
    const result = { ...run.result, ...fields };
    if (!OUTCOMES.includes(result.outcome)) {
      result.message = `the worker's handler gave no outcome: ${inspect(result.outcome)}`;
      result.outcome = "error";
    }
    send({ ...result, type: "done", id: run.id });
  }
  function thrown(run, error) {
    if (run.skipped && error === run.skipped) done(run, { outcome: "skipped", message: firstLine(run.skipped.message) });
    else done(run, { outcome: "failed", ...describe(error) });
  }
  function stray(error) { // thrown where nobody waits for it: in a timer, in a promise
    if (current) {
      current.result.recycle = true; // what threw may have left anything behind
      thrown(current, error);
    } else if (!hello?.ready) {
      give_up(error);
    } else {
      process.stderr.write(`${describe(error).details}\n`); // after `done`: the engine sees that the worker ended
      process.exit(1);
    }
  }
  process.on("uncaughtException", stray);
  process.on("unhandledRejection", stray);

  async function serve_case(message) {
    const run = { id: message.id, attempt: message.attempt, next: message.next ?? null, hello, result: {} };
    run.started = () => { if (current === run) send({ type: "started", id: run.id }); };
    run.reads = (...paths) => { run.result.reads = (run.result.reads ?? []).concat(paths.flat().map(String)); };
    run.recycle = () => { run.result.recycle = true; };
    run.skip = (why = "") => { throw (run.skipped = new Error(why)); };
    run.subtest = (s) => {
      if (typeof s?.name !== "string" || !OUTCOMES.includes(s.outcome)) {
        throw new TypeError(`run.subtest: expected a name and an outcome (${OUTCOMES.join(", ")}), got ${inspect(s)}`);
      }
      (run.result.subtests ??= []).push(s);
    };
    current = run;
    try {
      const value = await handler(message.case, message.data, run);
      // A table without an outcome (a response that was returned by chance) is no pass.
      done(run, typeof value === "object" && value ? { outcome: undefined, ...value } : { outcome: value ?? "passed" });
    } catch (error) {
      thrown(run, error);
    }
  }
  async function finish() {
    if (ended) return;
    try {
      await stop?.();
    } catch (error) {
      return give_up(error, "while ending");
    }
    ended = true;
    process.exit(0);
  }
  async function take_message(text) {
    let message;
    try {
      message = JSON.parse(text);
    } catch (error) {
      return give_up(error, "a line from the engine is no JSON");
    }
    if (message.type === "hello" && !hello) {
      if (message.protocol !== 1) {
        return give_up(new Refusal(`this worker speaks version 1 of the protocol, the engine ${inspect(message.protocol)}`));
      }
      hello = message;
      try {
        await start?.(message);
      } catch (error) {
        return give_up(error, error instanceof Refusal ? undefined : "while starting");
      }
      send({ type: "ready", protocol: 1, name });
      hello.ready = true;
    } else if (message.type === "run") {
      await serve_case(message);
    } else if (message.type === "exit") {
      await finish();
    }
  }

  // A blocking read in the thread pool would keep the process from exiting, so pipes are polled.
  let socket;
  try {
    socket = new Socket({ fd: input, readable: true, writable: false });
  } catch {
    socket = createReadStream(null, { fd: input });
  }
  let rest = []; // pieces of a line that has not ended
  socket.on("data", (chunk) => {
    for (let at; (at = chunk.indexOf(10)) >= 0; chunk = chunk.subarray(at + 1)) {
      const text = Buffer.concat([...rest, chunk.subarray(0, at)]).toString();
      rest = [];
      take_message(text);
    }
    rest.push(chunk);
  });
  socket.on("end", finish);
  socket.on("error", (error) => give_up(error, "reading from the engine"));
}

/**
 * Makes a costly file once for all processes: `tgraph once`. Returns `out` when it is there.
 *     await once("archive", ["./make-archive", "big.zip"], { out: "big.zip", inputs: ["seed.txt"], env: ["LEVEL"] })
 * @param {string} key what it is, for people and in its key
 * @param {string|string[]} command writes `out`; a string is run by /bin/sh
 */
export function once(key, command, { out, inputs = [], env = [], cwd } = {}) {
  if (typeof out !== "string") throw new TypeError(`once("${key}"): the option out names the file that the command makes`);
  const args = ["once", key, ...[inputs].flat().flatMap((path) => ["--in", path]),
    ...[env].flat().flatMap((variable) => ["--env", variable]), "--out", out, "--",
    ...(Array.isArray(command) ? command : ["/bin/sh", "-c", command])];
  return new Promise((resolve, reject) => {
    let log = "";
    const child = spawn(process.env.TGRAPH || "tgraph", args, { cwd, stdio: ["ignore", "inherit", "pipe"] });
    child.stderr.setEncoding("utf8").on("data", (text) => { log = (log + text).slice(-64 * 1024); });
    child.on("error", (error) => reject(new Error(`once("${key}"): cannot start tgraph: ${error.message}; set TGRAPH to `
      + "its path, or put it on PATH")));
    child.on("close", (status, signal) => {
      if (status === 0) resolve(out);
      else reject(new Error(`once("${key}"): ${signal ? `signal ${signal}` : `exit status ${status}`}\n${log}`.trimEnd()));
    });
  });
}
