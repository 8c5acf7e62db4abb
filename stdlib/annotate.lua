-- SPDX-License-Identifier: MIT
-- Writes tgraph.d.lua, the file that tells lua-language-server what a Testfile may say: from the schema and from the
-- annotations in this folder.
local core = ...

local schema = core.part "schema"
local types = core.part("types").types

local DOC = {
  test = "A test: one command that passes or fails.",
  build = "A command that makes files, its outputs.",
  group = "A name for several targets.",
  service = "A command that is kept up while the targets that depend on it run.",
  suite = "Many cases, handed one after the other to a few worker processes; each has its own result.",
  pool = "At most `slots` of the targets that name this pool run at once.",
}

local function field_line(field, required)
  local doc = field.doc
  if field.default then
    doc = doc .. " Default: " .. field.default .. "."
  end
  return ("---@field %s%s %s %s"):format(field.name, required and "" or "?", types[field.type].ls, doc)
end

local function has_word(words, word)
  return (" " .. words .. " "):find(" " .. word .. " ", 1, true) ~= nil
end

local function kind_class(kind, out)
  out[#out + 1] = ("---@class tgraph.%s"):format(kind)
  for _, field in ipairs(schema) do
    if has_word(field.kinds, kind) then
      -- A group's table may be the list itself.
      local required = kind ~= "group" and has_word(field.required or "", kind)
      out[#out + 1] = field_line(field, required)
    end
  end
  if kind == "group" then
    out[#out + 1] = "---@field [integer] string"
  end
  out[#out + 1] = ""
end

local function kind_function(kind, returns, out)
  out[#out + 1] = "---" .. DOC[kind]
  out[#out + 1] = "---@param name string"
  out[#out + 1] = ("---@param fields tgraph.%s"):format(kind)
  if returns then
    out[#out + 1] = "---@return string label"
  end
  local result = returns and ": string" or ""
  out[#out + 1] = ("---@overload fun(name: string): fun(fields: tgraph.%s)%s"):format(kind, result)
  out[#out + 1] = ("function %s(name, fields) end"):format(kind)
  out[#out + 1] = ""
end

-- The documented functions of one file: "function globals.NAME(ARGS)" and "function TABLE.NAME(ARGS)".
local function functions_of(text, out)
  local comment, declared = {}, {}
  for line in (text .. "\n"):gmatch("(.-)\n") do
    local owner, name, arguments = line:match("^function (%a[%w_]*)%.([%w_]+)%((.-)%)$")
    if line:match("^%-%-%-") then
      comment[#comment + 1] = line
    else
      if owner and #comment > 0 then
        if owner ~= "globals" and not declared[owner] then
          declared[owner] = true
          out[#out + 1] = owner .. " = {}"
          out[#out + 1] = ""
        end
        for _, c in ipairs(comment) do
          out[#out + 1] = c
        end
        out[#out + 1] = ("function %s%s(%s) end"):format(owner == "globals" and "" or owner .. ".", name, arguments)
        out[#out + 1] = ""
      end
      comment = {}
    end
  end
end

return function()
  local out = {
    "---@meta",
    "-- SPDX-License-Identifier: MIT",
    "-- The language of Testfiles, for lua-language-server. Written by tgraph; do not edit.",
    "",
    "---JSON's and YAML's null.",
    "---@type lightuserdata",
    "null = nil",
    "",
    "---Where tgraph runs: os and system \"linux\", arch \"x86_64\", libc \"glibc\" or \"musl\".",
    "---@type { os: string, system: string, arch: string, libc: string }",
    "platform = {}",
    "",
  }
  for _, kind in ipairs { "test", "build", "group", "service", "suite", "discover" } do
    kind_class(kind, out)
  end
  out[#out + 1] = "---@class tgraph.discovered"
  out[#out + 1] = ""
  out[#out + 1] = "---@class tgraph.case"
  for _, field in ipairs(schema.case) do
    out[#out + 1] = ("---@field %s%s %s %s"):format(field.name, field.required and "" or "?", field.ls, field.doc)
  end
  out[#out + 1] = ""
  out[#out + 1] = "---@class tgraph.pool"
  out[#out + 1] = "---@field slots integer How many may run at once."
  out[#out + 1] = ""
  out[#out + 1] = "---@class tgraph.defaults"
  for _, field in ipairs(schema) do
    if not field.own then
      out[#out + 1] = field_line(field, false)
    end
  end
  out[#out + 1] = ""
  for _, kind in ipairs { "test", "build", "group", "service", "suite" } do
    kind_function(kind, true, out)
  end
  kind_function("pool", false, out)
  for _, file in ipairs(core.library()) do
    if file[1]:match("^stdlib/") then
      functions_of(file[2], out)
    end
  end
  return table.concat(out, "\n")
end
