-- SPDX-License-Identifier: MIT
-- Suites whose cases are a process each. The manual is docs/rules/exec.md.
local support = use "support"

local exec = {}

local FORMATS = { exit = true, tap = true, junit = true, go = true, libtest = true }

---@class exec.Options
---@field format? "exit"|"tap"|"junit"|"go"|"libtest" How a case's process says its results; "exit" if left out.
---@field junit? string Where it writes its JUnit XML.
---@field prefix? string[] Before each case's `cmd`.

---The command of a suite's worker that starts a process for each case.
---
---    local exec = use "exec"
---    suite "t" { worker = exec.worker { format = "tap" }, inputs = { exec.adapter() }, cases = { ... } }
---@param options? exec.Options
---@return string[] worker
function exec.worker(options)
  options = options or {}
  support.check("exec.worker", options, { format = "string", junit = "string", prefix = "table" }, 2)
  if options.format and not FORMATS[options.format] then
    error("exec.worker: field 'format': expected \"exit\", \"tap\", \"junit\", \"go\" or \"libtest\", got '"
      .. options.format .. "'", 2)
  end
  local arguments = { "--format", options.format or (options.junit and "junit") or "exit" }
  if options.junit then
    support.append(arguments, { "--junit-file", options.junit })
  end
  return support.exec_worker(arguments, options.prefix or {})
end

---What stands for that worker in keys: an input of the suite.
---@return string path
function exec.adapter()
  return support.exec_adapter()
end

return exec
