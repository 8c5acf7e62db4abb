-- SPDX-License-Identifier: MIT
-- JavaScript tests under the project's own jest: a suite whose cases are test files. The manual is docs/rules/jest.md.
local support = use "support"
local suites = use "node_suites"

local jest = {}

---@class jest.SuiteOptions
---@field name? string The suite's name, "jest" if left out.
---@field tests? string|string[] Patterns of the test files; jest's own if left out. A test file that jest finds and they do not match is an error.
---@field complete? boolean false: it is none, as the suite is meant to hold a part of the test files only.
---@field inputs? string|string[] What every test file may read; all files that git does not ignore if left out. The test files are taken out of it, and those put back that another file names.
---@field isolate? boolean false: every test file is an input of every case.
---@field node? string The program, "node" if left out.
---@field args? string[] Arguments of node.
---@field options? string[] --config=FILE, --testNamePattern=REGEX, --selectProjects=NAME; `options()` gives what stands after `--` on the command line.
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

---Declares a suite: a case for each test file, served by workers in which jest stays loaded. Their tests are reported
---within the case.
---
---    local jest = use "jest"
---    jest.suite { tests = "src/**/*.test.js" }
---@param options? jest.SuiteOptions
function jest.suite(options)
  options = options or {}
  support.check("jest.suite", options, FIELDS, 2)
  suites.declare(options, {
    name = "jest",
    tests = options.tests and support.list(options.tests) or suites.usual({
      "**/__tests__/**/*.{js,jsx,ts,tsx,mjs,cjs,mts,cts}",
      "**/{*.,}{test,spec}.{js,jsx,ts,tsx,mjs,cjs,mts,cts}",
     }),
    folder = "jest",
    worker = "jest-worker.mjs",
    finds = true,
  })
end

return jest
