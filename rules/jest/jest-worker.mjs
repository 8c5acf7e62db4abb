// SPDX-License-Identifier: MIT
// A worker for the project's own jest (28 or later): a case is a test file, its tests are sub-tests. jest stays loaded between
// files: its configuration, the map of the project's files, its transforms. Each file has module registry and globals of
// its own, as in jest's own workers. Snapshots are as under `jest --ci`: none is written.
//
//     node jest-worker.mjs [--tests=PATTERN]... [--config=FILE] [--testNamePattern=REGEX] [--selectProjects=NAME]...
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { check_known, read_arguments } from "../node/glob.mjs";
import { firstLine, Refusal, serve } from "../node/tgraph.mjs";

const OPTIONS = ["config", "testNamePattern", "selectProjects"];
// What jest's `pending` is: skipped by the test, or left out by its `only` or by a pattern.
const STATUS = { passed: "passed", failed: "failed", pending: "skipped", skipped: "skipped", disabled: "skipped",
  todo: "skipped", focused: "passed" };

const root = process.cwd();
const jest = {}; // what of jest is loaded: global, contexts, tests, createTestScheduler, transform

function load_jest() {
  let packages;
  try {
    packages = createRequire(createRequire(path.resolve("package.json")).resolve("jest"));
  } catch (error) {
    throw new Refusal(`jest is not installed in ${process.cwd()}: npm install --save-dev jest (${firstLine(error.message)})`);
  }
  const core = packages("@jest/core");
  const inner = createRequire(packages.resolve("@jest/core"));
  const load = (name) => inner(name);
  return { core, version: core.getVersion(), config: load("jest-config"), runtime: load("jest-runtime").default,
    transform: load("@jest/transform") };
}

// Tests tell workers that run at once apart by this (ports, databases). Here each worker is a jest of its own, which would
// say 1 in all of them; tgraph's slot is a number that no two of them have.
function number_worker() {
  const id = String(Number(process.env.TGRAPH_SLOT ?? 0) + 1);
  process.env = new Proxy(process.env, {
    set: (target, name, value) => { target[name] = name === "JEST_WORKER_ID" ? id : value; return true; },
  });
}

async function start() {
  const given = read_arguments(process.argv.slice(2), OPTIONS, "jest.suite");
  process.env.NODE_ENV ??= "test";
  number_worker();
  const { core, version, config, runtime, transform } = load_jest();
  const argv = {
    $0: "jest", _: [], ci: true, watch: false, watchAll: false, watchman: false, runInBand: true, coverage: false, json: false,
    notify: false, config: given.config?.[0], testNamePattern: given.testNamePattern?.[0], selectProjects: given.selectProjects,
  };
  for (const name of Object.keys(argv)) if (argv[name] === undefined) delete argv[name];
  const { globalConfig, configs } = await config.readConfigs(argv, [process.cwd()]);
  const wanted = given.selectProjects;
  const name_of = (c) => (typeof c.displayName === "object" ? c.displayName?.name : c.displayName);
  const projects = wanted ? configs.filter((c) => wanted.includes(name_of(c))) : configs;
  if (projects.length === 0) throw new Refusal(`--selectProjects: no project is called ${wanted.join(" or ")}`);
  jest.global = { ...globalConfig, bail: 0, reporters: [], collectCoverage: false, notify: false, maxWorkers: 1,
    detectOpenHandles: false, workerIdleMemoryLimit: undefined, onlyChanged: false, onlyFailures: false };
  jest.create = core.createTestScheduler;
  jest.transform = transform;
  jest.named = projects.length > 1;
  jest.tests = new Map(); // absolute path -> what jest's scheduler takes, one for each project
  for (const project of projects) {
    // The map of files is this worker's own; what transforms made is found again by content, and shared.
    const found = await runtime.createContext({ ...project, cacheDirectory: path.join(process.env.TMPDIR ?? "/tmp", "jest-map") },
      { console, maxWorkers: 1, watch: false, watchman: false });
    const shared = path.join(process.env.TGRAPH_ROOT ?? process.cwd(), ".tgraph", "jest");
    const context = { ...found, config: { ...project, cacheDirectory: shared } };
    const search = new core.SearchSource(context);
    // jest 30 takes the project as its second parameter, where earlier ones take a list of changed files.
    const found_tests = await search.getTestPaths(...(Number.parseInt(version, 10) >= 30 ? [jest.global, project] : [jest.global]));
    for (const test of found_tests.tests) {
      if (!jest.tests.has(test.path)) jest.tests.set(test.path, []);
      jest.tests.get(test.path).push({ context, path: test.path });
    }
  }
  check_known([...jest.tests.keys()], given.tests ?? [], `jest ${version}`);
  await hooks("globalSetup");
  jest.folder = process.cwd();
  jest.exit_code = process.exitCode;
}

// Once for each worker, not for each file: as jest does for all that it runs.
async function hooks(name) {
  const seen = new Set();
  const configs = [...jest.tests.values()].flat().map((test) => test.context.config);
  for (const config of configs.concat(configs.length > 0 ? [{ ...configs[0], [name]: jest.global[name] }] : [])) {
    const file = config[name];
    if (!file || seen.has(file)) continue;
    seen.add(file);
    const transformer = await jest.transform.createScriptTransformer(config);
    try {
      await transformer.requireAndTranspileModule(file, async (hook) => {
        if (typeof hook !== "function") throw new TypeError("the file does not export a function");
        await hook(jest.global, config);
      });
    } catch (error) {
      throw new Error(`jest: ${name} ${path.relative(process.cwd(), file)}: ${error?.message ?? error}`, { cause: error });
    }
  }
}

// eslint-disable-next-line no-control-regex -- colours
const plain = (text) => String(text ?? "").replace(/\x1b\[[0-9;]*m/g, "");

// What failed in one line: the first one that is no test's name, and what a matcher expected and got.
function headline(report) {
  const text = plain(report);
  const values = ["Expected", "Received"].map((word) => text.match(new RegExp(`^ *(${word}[^:\\n]*: .*)$`, "m"))?.[1]);
  const first = firstLine(text.replace(/^\s*\u25cf.*$/gm, "")).replace(/^Error: /, "");
  return [first, ...values].filter(Boolean).join("; ").slice(0, 1000) || "it failed";
}

function subtest(result, project) {
  const name = [...project, ...result.ancestorTitles, result.title].join(" > ");
  const message = result.status === "failed" ? headline(result.failureMessages?.[0])
    : result.status === "todo" ? "todo" : undefined;
  return { name, outcome: STATUS[result.status] ?? "error", message, duration_ms: result.duration ?? undefined };
}

// What a file's tests wrote is there only while reporters are told of it.
const CONSOLE = {
  onTestFileResult: (_, result) => { for (const { message } of result.console ?? []) process.stdout.write(`${message}\n`); },
  getLastError() {},
};

async function serve_file(name, data, run) {
  const file = path.resolve(root, data?.file ?? name);
  const tests = jest.tests.get(file);
  if (!tests) {
    return { outcome: "error", message: existsSync(file) ? "jest does not take this file as a test: see testMatch, testRegex "
      + "and testPathIgnorePatterns of its configuration" : `no such file: ${file}` };
  }
  const scheduler = await jest.create(jest.global, { startRun() {}, firstRun: true, previousSuccess: true });
  scheduler.addReporter(CONSOLE);
  const results = await scheduler.scheduleTests(tests, { isInterrupted: () => false, isWatchMode: () => false,
    setState: async () => {} });
  // These belong to the process, and the next file gets them as this one did.
  const exit_code = process.exitCode;
  process.chdir(jest.folder);
  process.exitCode = jest.exit_code;
  const why = [], details = [];
  let count = 0, skipped = 0;
  results.testResults.forEach((result) => {
    const project = jest.named && result.displayName ? [result.displayName.name] : [];
    for (const one of result.testResults) {
      const shown = subtest(one, project);
      run.subtest(shown);
      count += 1;
      skipped += shown.outcome === "skipped";
      if (one.status === "failed") why.push(`${shown.name}: ${shown.message}`);
    }
    if (result.testExecError) why.unshift(firstLine(plain(result.testExecError.message)) || headline(result.failureMessage));
    if (result.failureMessage) details.push(plain(result.failureMessage));
    if (result.snapshot?.unchecked > 0) why.push(`${result.snapshot.unchecked} obsolete snapshots, which jest -u removes`);
  });
  for (const orphan of results.snapshot.filesRemovedList ?? []) {
    why.push(`obsolete snapshot file ${path.relative(root, orphan)}, which jest -u removes`);
  }
  if (results.testResults.length !== tests.length && results.success) why.push("jest was interrupted");
  if (exit_code) why.push(`process.exitCode is ${exit_code} after its tests`);
  if (!results.success || why.length > 0) {
    return { outcome: "failed", message: why[0] || "jest says that the run has failed", details: details.join("\n") || why.join("\n") };
  }
  return { outcome: count > 0 && count === skipped ? "skipped" : "passed" };
}

serve(serve_file, { name: "jest", start, stop: () => hooks("globalTeardown") });
