-- SPDX-License-Identifier: MIT
-- JavaScript tests: a target for each file of `node --test`, or a suite of them. The manual is docs/rules/node.md.
local support = use "support"
local suites = use "node_suites"

local list, append = support.list, support.append

local node = {}

---@class node.Options
---@field tests? string|string[] Patterns of the test files; those that `node --test` looks for if left out.
---@field inputs? string|string[] What every test may read; all files that git does not ignore if left out. The test files are taken out of it, and those put back that another file names.
---@field isolate? boolean false: every test file is an input of every test.
---@field node? string The program, "node" if left out.
---@field args? string[] Arguments of node before `--test`, such as `--import`.
---@field env? table As for `test`.
---@field prefix? string For the names of the tests; none if left out.
---@field deps? string|string[]
---@field timeout? number|string
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean

local FIELDS = support.with_fields_of("test", {
  tests = "table|string",
  inputs = "table|string",
  isolate = "boolean",
  node = "string",
  args = "table",
  env = "table",
  prefix = "string",
  deps = "table|string",
})

-- What `node --test` looks for.
local function patterns_of(options)
  return options.tests and list(options.tests)
    or suites.usual({ "**/*{.,-,_}test.{js,mjs,cjs}", "**/{test,test-*}.{js,mjs,cjs}", "**/test/**/*.{js,mjs,cjs}" })
end

---Declares a test for each test file, named by its path.
---
---    local node = use "node"
---    node.files { tests = "test/**/*.test.js" }
---@param options? node.Options
function node.files(options)
  options = options or {}
  support.check("node.files", options, FIELDS, 2)
  local marks = suites.installed()
  suites.test_files({
    tests = patterns_of(options),
    inputs = options.inputs,
    isolate = options.isolate,
    declare = function(path, inputs)
      test((options.prefix or "") .. support.target_name(path))(support.pass_on("test", options, {
        cmd = append({ options.node or "node" }, options.args or {}, { "--test", path }),
        cwd = ".",
        inputs = append(inputs, marks),
        deps = list(options.deps),
        env = options.env,
      }))
    end,
  })
end

---@class node.SuiteOptions
---@field name? string The suite's name, "node" if left out.
---@field tests? string|string[] Patterns of the test files; those that `node --test` looks for if left out.
---@field inputs? string|string[] What every test file may read; all files that git does not ignore if left out. The test files are taken out of it, and those put back that another file names.
---@field isolate? boolean false: every test file is an input of every case.
---@field node? string The program, "node" if left out.
---@field args? string[] Arguments of node, such as `--import`.
---@field options? string[] --test-only, --test-name-pattern=REGEX; `options()` gives what stands after `--` on the command line.
---@field env? table As for `suite`.
---@field deps? string|string[]
---@field tools? string[]
---@field timeout? number|string|boolean
---@field case_timeout? number|string|boolean
---@field start_timeout? number|string
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean
---@field description? string
---@field recycle? table

local SUITE_FIELDS = suites.fields({})

---Declares a suite: a case for each test file, each in a process of its own, started by warm workers. Their tests are
---reported within the case.
---
---    local node = use "node"
---    node.suite { tests = "test/**/*.test.js" }
---@param options? node.SuiteOptions
function node.suite(options)
  options = options or {}
  support.check("node.suite", options, SUITE_FIELDS, 2)
  suites.declare(options, { name = "node", tests = patterns_of(options), folder = "node", worker = "node-worker.mjs" })
end

return node
