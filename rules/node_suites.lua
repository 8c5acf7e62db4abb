-- SPDX-License-Identifier: MIT
-- What node.suite, jest.suite and vitest.suite have in common. Not for Testfiles: it may change with any version.
local support = use "support"

local list, append = support.list, support.append

local suites = {}

-- "src/a.test.js", "a.test.js" and "a.test" are the same word: a module is named with its suffix or without.
local SUFFIX = { js = true, mjs = true, cjs = true, ts = true, mts = true, cts = true, jsx = true, tsx = true }
local function word(text)
  local name = text:gsub("^.*/", ""):gsub("%.+$", "")
  local stem, suffix = name:match("^(.+)%.(%w+)$")
  return SUFFIX[suffix] and stem or name
end

---What a package manager writes when it changes node_modules: npm, pnpm, yarn.
---@return string[] paths
function suites.installed()
  -- The Testfile matches where nothing else does, so that nothing is warned of.
  local own = glob("Testfile.lua")[1]
  local marks = "node_modules/{.package-lock.json,.modules.yaml,.yarn-state.yml,.yarn-integrity}"
  local kept = {}
  -- Beside the Testfile, and at the root, where the packages of a workspace are.
  for _, path in ipairs(glob({ marks, label("") == "//:" and marks or "//" .. marks, own, ignored = true })) do
    if path ~= own then
      kept[#kept + 1] = path
    end
  end
  return kept
end

---`support.test_files` for JavaScript: `declare` is called for each test file with its path and its inputs, of which
---the first is the file itself and the rest are the same for all.
---@param options { tests: any, inputs: any, isolate: boolean?, declare: function }
function suites.test_files(options)
  support.test_files({
    tests = options.tests,
    inputs = options.inputs,
    isolate = options.isolate,
    may_name = "*.{js,mjs,cjs,ts,mts,cts,jsx,tsx,json}",
    also = { "package.json" },
    word = word,
    token = "[%w_.$-]+",
    plain = "^[%w_.$-]+$",
    declare = options.declare,
  })
end

---Where test files of jest and vitest lie unless their configuration says otherwise.
---@param patterns string[]
---@return string[] patterns
function suites.usual(patterns)
  return append(support.usual(patterns), { "!**/node_modules/**" })
end

---The fields of such a suite: name -> Lua types, for support.check.
---@param more table<string, string>
---@return table<string, string>
function suites.fields(more)
  local fields = support.with_fields_of("suite", {
    name = "string",
    tests = "table|string",
    inputs = "table|string",
    isolate = "boolean",
    node = "string",
    args = "table",
    options = "table",
    env = "table",
    deps = "table|string",
    tools = "table",
  })
  for name, wanted in pairs(more) do
    fields[name] = wanted
  end
  return fields
end

---Declares a suite whose cases are test files, each an input of its own case only unless another file names it.
---@param options table What the Testfile gave, checked.
---@param how { name: string, tests: string[], folder: string, worker: string, finds: boolean? } folder: of rules/, with the worker in it; finds: the tool looks for test files itself, and one that the patterns do not match is an error
function suites.declare(options, how)
  local cases, common = {}, {}
  suites.test_files({
    tests = how.tests,
    inputs = options.inputs,
    isolate = options.isolate,
    declare = function(path, inputs)
      common = inputs
      cases[#cases + 1] = { id = path, inputs = { path } }
    end,
  })
  local arguments = {}
  if how.finds and options.complete ~= false then
    for _, pattern in ipairs(how.tests) do
      local negative, rest = pattern:match("^(!?)(.*)$")
      arguments[#arguments + 1] = "--tests=" .. negative .. support.for_command(rest)
    end
  end
  local inputs = append(table.move(common, 2, #common, 1, {}), suites.installed(), adapters "node")
  if how.folder ~= "node" then
    append(inputs, adapters(how.folder))
  end
  suite(options.name or how.name)(support.pass_on("suite", options, {
    worker = append({ options.node or "node" }, options.args or {},
      { support.for_command(adapter(how.folder .. "/" .. how.worker)) }, arguments, options.options or {}),
    cases = cases,
    cwd = ".",
    inputs = inputs,
    deps = list(options.deps),
    env = options.env,
    tools = options.tools,
  }))
end

return suites
