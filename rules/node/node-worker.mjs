// SPDX-License-Identifier: MIT
// A worker for node:test: a case is a test file, its tests are sub-tests. Each file gets a process of its own, as under
// `node --test`, so no file sees what another one left behind; what stays warm is the runner that starts it (run() of
// node:test) and reads its events, which under `node --test` is a second process for each file.
//
//     node [ARGUMENTS] node-worker.mjs [--test-name-pattern=REGULAR-EXPRESSION]... [--test-only]
//
// (A name like test-*.mjs would make this file a test to who runs `node --test` in the work tree.)
// ARGUMENTS of node reach the files' processes too: run() hands them on.
import { run as run_tests } from "node:test";
import { existsSync } from "node:fs";
import path from "node:path";
import { describe, firstLine, Refusal, serve } from "./tgraph.mjs";

const [major, minor] = process.versions.node.split(".").map(Number);
delete process.env.NODE_TEST_CONTEXT; // this process is not part of somebody's test

const options = { concurrency: 1 };
let wrong; // with what we were started: told where all see it
for (const argument of process.argv.slice(2)) {
  const [, name, value] = argument.match(/^(--[^=]*)=?(.*)$/s) ?? [];
  if (name === "--test-name-pattern") (options.testNamePatterns ??= []).push(value);
  else if (name === "--test-only") options.only = true;
  else {
    wrong = `unknown option ${argument}; those of node.suite are --test-name-pattern=REGULAR-EXPRESSION and --test-only`;
  }
}

// As node takes them: /text/flags, or the text alone.
function regular_expression(text) {
  const [, body, flags] = text.match(/^\/(.*)\/([a-z]*)$/s) ?? [undefined, text, ""];
  try {
    return new RegExp(body, flags);
  } catch (error) {
    throw new Refusal(`--test-name-pattern=${text}: ${error.message}`);
  }
}

function start() {
  if (wrong) throw new Refusal(wrong);
  options.testNamePatterns = options.testNamePatterns?.map(regular_expression);
  if (major < 18 || (major === 18 && minor < 19)) {
    throw new Refusal(`node ${process.versions.node}: node 18.19 or later reports its tests as events; use node.files instead`);
  }
}

// What failed, as the spec reporter of node shows it: the test's own error, not the one that says "this test failed".
function failure(error) {
  if (error?.code !== "ERR_TEST_FAILURE") return describe(error);
  if (error.failureType === "testCodeFailure" && error.cause === "test failed") { // a file's process, not a test
    const how = error.signal ? `signal ${error.signal}` : `exit status ${error.exitCode}`;
    return { message: `the file's process ended with ${how}`, details: "" };
  }
  const cause = error.cause ?? error;
  return typeof cause === "string" ? { message: firstLine(cause), details: cause } : describe(cause);
}

// A reason is the text that was given, or true.
const reason = (mark) => (typeof mark === "string" && mark ? firstLine(mark) : undefined);

// One event of a test that has ended, as a sub-test. A test marked todo may fail: then it is not counted, by node neither.
function subtest(type, data, names) {
  const name = [...names.slice(0, data.nesting), data.name].join(" > ");
  const result = { name, outcome: "passed", duration_ms: data.details?.duration_ms };
  const todo = data.todo !== undefined && data.todo !== false;
  if (type === "test:fail") {
    result.outcome = todo ? "xfailed" : "failed";
    result.message = failure(data.details?.error).message;
  } else if (data.skip !== undefined && data.skip !== false) {
    result.outcome = "skipped";
    result.message = reason(data.skip);
  } else if (todo) {
    result.outcome = "xpassed"; // done, as far as it can be seen
    result.message = reason(data.todo);
  }
  return result;
}

// Takes away the listeners that a run added to this process: run() of node 18 leaves its own.
function without_listeners(before) {
  for (const event of process.eventNames()) {
    for (const listener of process.rawListeners(event)) {
      if (!before.get(event)?.includes(listener)) process.removeListener(event, listener);
    }
  }
}

// `node --test` exits with 1 exactly if a test failed that is not marked todo; a file that failed by itself (exit status,
// signal, nothing that could be loaded) is a test of that name.
async function serve_file(name, data, run) {
  const file = path.resolve(data?.file ?? name);
  if (!existsSync(file)) return { outcome: "error", message: `no such file: ${file}` };
  const listeners = new Map(process.eventNames().map((event) => [event, process.rawListeners(event)]));
  const names = [];
  const failed = []; // [name, details], innermost first
  let tests = 0, skipped = 0;
  for await (const { type, data: event } of run_tests({ ...options, files: [file] })) {
    if (type === "test:stdout") process.stdout.write(event.message);
    else if (type === "test:stderr") process.stderr.write(event.message);
    else if (type === "test:start") names[event.nesting] = event.name;
    else if (type === "test:pass" || type === "test:fail") {
      const result = subtest(type, event, names);
      // The file itself as a test: what it says is what this case says.
      const whole = event.nesting === 0 && (event.name === file || path.resolve(event.name) === file);
      if (!whole) {
        run.subtest(result);
        if (event.details?.type !== "suite") {
          tests += 1;
          skipped += result.outcome === "skipped";
        }
      }
      if (result.outcome === "failed") {
        const cause = event.details?.error;
        // That a sub-test failed was told with the sub-test.
        const repeated = cause?.failureType === "subtestsFailed" && failed.length > 0;
        failed.push({ name: whole ? "" : result.name, repeated, ...failure(cause) });
      }
    }
  }
  without_listeners(listeners);
  if (failed.length > 0) {
    const own = failed.filter((f) => !f.repeated);
    const shown = own.length > 0 ? own : failed;
    return {
      outcome: "failed",
      message: shown[0].name ? `${shown[0].name}: ${shown[0].message}` : shown[0].message,
      details: shown.map((f) => (f.name ? `${f.name}\n${f.details}` : f.details)).join("\n\n") || undefined,
    };
  }
  return tests > 0 && skipped === tests ? { outcome: "skipped" } : { outcome: "passed" };
}

serve(serve_file, { name: `node:test ${process.versions.node}`, start });
