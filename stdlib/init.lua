-- SPDX-License-Identifier: MIT
-- The language of Testfiles. The engine runs this file first and gives it `core`, its own functions; what is in
-- `globals` is what a Testfile sees, beside the functions of Lua that the sandbox allows.
local core = ...

local targets = core.part "targets"

-- Lua's own, as the sandbox left them.
local globals = {
  assert = assert,
  error = error,
  ipairs = ipairs,
  math = math,
  next = next,
  null = null,
  pairs = pairs,
  rawequal = rawequal,
  select = select,
  string = string,
  table = table,
  tonumber = tonumber,
  tostring = tostring,
  type = type,
  utf8 = utf8,
  platform = core.platform,
}

for _, part in ipairs { "targets", "files", "helpers" } do
  for name, value in pairs(core.part(part).globals) do
    globals[name] = value
  end
end

return {
  globals = globals,
  begin = targets.begin,
  finish = targets.finish,
  annotations = function()
    return core.part "annotate"()
  end,
}
