// SPDX-License-Identifier: MIT
// A worker for the project's own vitest (3 or later): a case is a test file, its tests are sub-tests. vitest stays loaded
// between files, with its server and what that has transformed; each file runs in the pool that the project's configuration
// names, isolated as it says. Snapshots are as in vitest's CI mode: none is written.
//
//     node vitest-worker.mjs [--tests=PATTERN]... [--config=FILE] [--testNamePattern=REGEX] [--project=NAME]...
import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { check_known, read_arguments } from "../node/glob.mjs";
import { describe, firstLine, Refusal, serve } from "../node/tgraph.mjs";

const OPTIONS = ["config", "testNamePattern", "project"];
const root = process.cwd();
let vitest;
const files = new Map(); // absolute path -> its specifications, one for each project

// The folder's own vitest, by its package.json: what a package exports for import and for require differs.
async function load_vitest() {
  let entry;
  try {
    const require = createRequire(path.resolve("package.json"));
    const folder = path.dirname(require.resolve("vitest/package.json"));
    const node = require("vitest/package.json").exports["./node"];
    entry = path.join(folder, typeof node === "string" ? node : node.import?.default ?? node.import ?? node.default);
  } catch (error) {
    throw new Refusal(`vitest is not installed in ${process.cwd()}: npm install --save-dev vitest (${firstLine(error.message)})`);
  }
  return import(pathToFileURL(entry).href);
}

const LOG = { onUserConsoleLog: ({ content, type }) => (type === "stderr" ? process.stderr : process.stdout).write(content) };

// The server keeps what it has transformed, and nothing watches the files: what was edited since is transformed anew. (What
// is edited between its transform and the end of the case was written while the case ran, which the engine sees.)
const stats = new Map(); // file -> what its stat said after the case that loaded it
function each_file(look) {
  for (const project of vitest.projects) {
    for (const file of project.vite.moduleGraph.fileToModulesMap.keys()) {
      if (!path.isAbsolute(file) || file.includes("/node_modules/")) continue;
      const stat = statSync(file, { bigint: true, throwIfNoEntry: false });
      look(file, stat ? [stat.mtimeNs, stat.ctimeNs, stat.size, stat.ino].join() : "none");
    }
  }
}
function forget_edited() {
  const edited = new Set();
  each_file((file, now) => { if (stats.get(file) !== now) edited.add(file); });
  for (const file of edited) {
    vitest.invalidateFile(file);
    stats.delete(file);
  }
}
const note_files = () => each_file((file, now) => { if (!stats.has(file)) stats.set(file, now); });

async function start() {
  const given = read_arguments(process.argv.slice(2), OPTIONS, "vitest.suite");
  process.env.TEST = process.env.VITEST = "true"; // as its command does
  process.env.NODE_ENV ??= "test";
  // Its CI mode, which writes no snapshots and takes a forgotten `only` for a mistake, is decided while it is loaded; the
  // project's configuration and tests see the suite's environment.
  const ci = process.env.CI;
  process.env.CI = "1";
  const { createVitest, version } = await load_vitest();
  if (ci === undefined) delete process.env.CI;
  else process.env.CI = ci;
  if (Number.parseInt(version, 10) < 3) throw new Refusal(`vitest ${version}: vitest.suite needs vitest 3 or later`);
  vitest = await createVitest("test", {
    watch: false, run: true, update: false, reporters: [LOG], coverage: { enabled: false }, bail: 0, ui: false, open: false,
    maxWorkers: 1, minWorkers: 1, fileParallelism: false, config: given.config?.[0], testNamePattern: given.testNamePattern?.[0],
    ...(given.project ? { project: given.project } : {}),
  });
  vitest.config.snapshotOptions.updateSnapshot = "none";
  vitest.snapshot.options.updateSnapshot = "none";
  for (const project of vitest.projects) project.config.snapshotOptions.updateSnapshot = "none";
  for (const specification of await vitest.globTestSpecifications()) {
    const file = path.normalize(specification.moduleId);
    if (!files.has(file)) files.set(file, []);
    files.get(file).push(specification);
  }
  check_known([...files.keys()], given.tests ?? [], `vitest ${version}`);
}

// eslint-disable-next-line no-control-regex -- colours
const plain = (text) => String(text ?? "").replace(/\x1b\[[0-9;]*m/g, "");

// As vitest's own reporters show an error: its stack, and what was expected.
function shown(error) {
  const stack = plain(error?.stack || error?.message || describe(error).details);
  const message = plain(error?.message);
  return [stack.includes(message) ? stack : `${message}\n${stack}`, plain(error?.diff)].filter(Boolean).join("\n");
}

async function serve_file(name, data, run) {
  const file = path.resolve(root, data?.file ?? name); // not where a globalSetup went
  const specifications = files.get(file);
  if (!specifications) {
    return { outcome: "error", message: existsSync(file) ? "vitest does not take this file as a test: see `include` and `exclude` "
      + "of its configuration" : `no such file: ${file}` };
  }
  // What it remembers of earlier files comes with each answer, and a retry must not be answered from it.
  forget_edited();
  vitest.state.filesMap.clear();
  vitest.state.idMap.clear();
  const { testModules: all, unhandledErrors } = await vitest.runTestSpecifications(specifications, false);
  note_files();
  const testModules = all.filter((module) => path.normalize(module.moduleId) === file);
  const failures = []; // [title, error]
  let count = 0, skipped = 0;
  for (const module of testModules) {
    const project = vitest.projects.length > 1 && module.project.name ? [module.project.name] : [];
    for (const error of module.errors()) failures.push(["", error]);
    for (const suite of module.children.allSuites()) {
      for (const error of suite.errors()) failures.push([suite.fullName, error]);
    }
    for (const test of module.children.allTests()) {
      const { state, errors, note } = test.result();
      const title = [...project, ...test.fullName.split(" > ")].join(" > ");
      const outcome = { passed: "passed", failed: "failed", skipped: "skipped" }[state] ?? "error";
      const message = errors?.length ? firstLine(plain(errors[0].message))
        : outcome === "error" ? `vitest left it ${state}` : note ?? (test.options.mode === "todo" ? "todo" : undefined);
      run.subtest({ name: title, outcome, message, duration_ms: test.diagnostic()?.duration });
      count += 1;
      skipped += outcome === "skipped";
      if (outcome === "failed" && !errors?.length) failures.push([title, new Error("failed")]);
      else if (outcome === "error") failures.push([title, new Error(message)]);
      for (const error of outcome === "failed" ? errors ?? [] : []) failures.push([title, error]);
    }
    if (module.state() === "failed" && failures.length === 0) failures.push(["", new Error("vitest says that the file failed")]);
  }
  if (!vitest.config.dangerouslyIgnoreUnhandledErrors) {
    for (const error of unhandledErrors) failures.push(["unhandled", error]);
  }
  if (failures.length > 0) {
    const lines = failures.map(([title, error]) => [title, firstLine(plain(error?.message ?? error))].filter(Boolean).join(": "));
    return { outcome: "failed", message: lines[0],
      details: failures.map(([title, error]) => [title, shown(error)].filter(Boolean).join("\n")).join("\n\n") };
  }
  // Fewer files than were asked for: it was cancelled, or a pool broke without a word.
  if (testModules.length !== specifications.length) return { outcome: "error", message: "vitest gave no result for this file" };
  return { outcome: count > 0 && count === skipped ? "skipped" : "passed" };
}

serve(serve_file, { name: "vitest", start, stop: () => vitest?.close() });
