-- SPDX-License-Identifier: MIT
-- JavaScript tests: a target for each file of `node --test`. The manual is docs/rules/node.md.
local support = use "support"

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

local FIELDS = support.with_test_fields({
  tests = "table|string",
  inputs = "table|string",
  isolate = "boolean",
  node = "string",
  args = "table",
  env = "table",
  prefix = "string",
  deps = "table|string",
})

-- "src/a.test.js", "a.test.js" and "a.test" are the same word: a module is named with its suffix or without.
local SUFFIX = { js = true, mjs = true, cjs = true, ts = true, mts = true, cts = true, jsx = true, tsx = true }
local function word(text)
  local name = text:gsub("^.*/", ""):gsub("%.+$", "")
  local stem, suffix = name:match("^(.+)%.(%w+)$")
  return SUFFIX[suffix] and stem or name
end

-- What a package manager writes when it changes node_modules: npm, pnpm, yarn.
local function installed()
  -- The Testfile matches where nothing else does, so that nothing is warned of.
  local found = glob({
    "node_modules/{.package-lock.json,.modules.yaml,.yarn-state.yml,.yarn-integrity}",
    "Testfile.lua",
    ignored = true,
  })
  local kept = {}
  for _, path in ipairs(found) do
    if path ~= "Testfile.lua" then
      kept[#kept + 1] = path
    end
  end
  return kept
end

---Declares a test for each test file, named by its path.
---
---    local node = use "node"
---    node.files { tests = "test/**/*.test.js" }
---@param options? node.Options
function node.files(options)
  options = options or {}
  support.check("node.files", options, FIELDS, 2)
  local patterns = options.tests and list(options.tests)
    or append(support.usual({ "**/*{.,-,_}test.{js,mjs,cjs}", "**/{test,test-*}.{js,mjs,cjs}",
      "**/test/**/*.{js,mjs,cjs}" }), { "!**/node_modules/**" })
  local marks = installed()
  support.test_files({
    tests = patterns,
    inputs = options.inputs,
    isolate = options.isolate,
    may_name = "*.{js,mjs,cjs,ts,mts,cts,jsx,tsx,json}",
    also = { "package.json" },
    word = word,
    token = "[%w_.$-]+",
    plain = "^[%w_.$-]+$",
    declare = function(path, inputs)
      test((options.prefix or "") .. support.target_name(path))(support.pass_on(options, {
        cmd = append({ options.node or "node" }, options.args or {}, { "--test", path }),
        cwd = ".",
        inputs = append(inputs, marks),
        deps = list(options.deps),
        env = options.env,
      }))
    end,
  })
end

return node
