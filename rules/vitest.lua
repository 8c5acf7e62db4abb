-- SPDX-License-Identifier: MIT
-- JavaScript tests under the project's own vitest: a suite whose cases are test files. The manual is docs/rules/vitest.md.
local support = use "support"
local suites = use "node_suites"

local vitest = {}

---@class vitest.SuiteOptions
---@field name? string The suite's name, "vitest" if left out.
---@field tests? string|string[] Patterns of the test files; vitest's own if left out. A test file that vitest finds and they do not match is an error.
---@field complete? boolean false: it is none, as the suite is meant to hold a part of the test files only.
---@field inputs? string|string[] What every test file may read; all files that git does not ignore if left out. The test files are taken out of it, and those put back that another file names.
---@field isolate? boolean false: every test file is an input of every case.
---@field node? string The program, "node" if left out.
---@field args? string[] Arguments of node.
---@field options? string[] --config=FILE, --testNamePattern=REGEX, --project=NAME; `options()` gives what stands after `--` on the command line.
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

local FIELDS = suites.fields({ complete = "boolean" })

---Declares a suite: a case for each test file, served by workers in which vitest stays loaded. Their tests are reported
---within the case.
---
---    local vitest = use "vitest"
---    vitest.suite { tests = "src/**/*.test.js" }
---@param options? vitest.SuiteOptions
function vitest.suite(options)
  options = options or {}
  support.check("vitest.suite", options, FIELDS, 2)
  suites.declare(options, {
    name = "vitest",
    tests = options.tests and support.list(options.tests)
      or suites.usual({ "**/*.{test,spec}.{js,jsx,ts,tsx,mjs,cjs,mts,cts}" }),
    folder = "vitest",
    worker = "vitest-worker.mjs",
    finds = true,
  })
end

return vitest
