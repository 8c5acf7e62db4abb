-- SPDX-License-Identifier: MIT
-- What a Testfile may ask the world: files, patterns, variables, tools, other Testfiles and modules. Every question is
-- recorded: with the same answers a Testfile declares the same targets.
local core = ...

local a = core.part("types").a

local globals = {}

-- Ends the Testfile unless the argument is a string.
local function want_string(call, what, value, place)
  if type(value) ~= "string" then
    core.fail("T202", place, ("the %s of %s must be a string, and is %s"):format(what, call, a(value)), nil, call)
    core.raise()
  end
end

-- Ends the Testfile unless `options` is nil or a table with these fields.
local function want_options(call, options, known, place)
  if options == nil then
    return {}
  end
  if type(options) ~= "table" then
    core.fail("T202", place, ("the options of %s must be a table, and are %s"):format(call, a(options)), nil, call)
    core.raise()
  end
  for k in pairs(options) do
    if not known[k] then
      local list = {}
      for name in pairs(known) do
        list[#list + 1] = name
      end
      local near = core.nearest(tostring(k), list)
      local hint = near and ("did you mean '%s'?"):format(near) or "its options are " .. table.concat(list, ", ")
      core.fail("T201", place, ("unknown option '%s' of %s"):format(tostring(k), call), hint, call, nil, tostring(k))
      core.raise()
    end
  end
  return options
end

local function reader(call)
  return function(path, options)
    local place = core.place()
    want_string(call, "path", path, place)
    options = want_options(call, options, { optional = true }, place)
    return core.read(call, path, place, options.optional)
  end
end

local read, json, yaml = reader "read", reader "json", reader "yaml"

---The text of a file.
---@param path string
---@param options? { optional: boolean } optional = true gives nil if there is no such file
---@return string text
function globals.read(path, options)
  return read(path, options)
end

---The value in a JSON file. Whole numbers stay exact as far as 64 bits go; null is `null`.
---@param path string
---@param options? { optional: boolean } optional = true gives nil if there is no such file
---@return any value
function globals.json(path, options)
  return json(path, options)
end

---The value in a YAML file (1.2, core schema, one document). Keys are always strings, as in JSON; null is `null`.
---@param path string
---@param options? { optional: boolean } optional = true gives nil if there is no such file
---@return any value
function globals.yaml(path, options)
  return yaml(path, options)
end

---The files that match, sorted, as this Testfile would name them. `*` and `?` stay within one part of a path, `**` is any
---number of parts, `[a-z]` a set, `{a,b}` alternatives; "!pattern" excludes. What git ignores is left out.
---@param patterns string|string[] With options beside the patterns, too: glob { "**/*.c", exclude = { "gen/**" } }
---@param options? { exclude: string|string[], ignored: boolean } ignored = true: what git ignores as well
---@return string[] paths
function globals.glob(patterns, options)
  local place = core.place()
  local known = { exclude = true, ignored = true }
  options = want_options("glob", options, known, place)
  local include, exclude, ignored = {}, options.exclude, options.ignored
  if type(patterns) == "table" then
    for k, v in pairs(patterns) do
      if math.type(k) == "integer" then
        include[#include + 1] = v
      elseif k == "exclude" then
        exclude = v
      elseif k == "ignored" then
        ignored = v
      else
        want_options("glob", { [k] = v }, known, place)
      end
    end
  else
    include[1] = patterns
  end
  if type(exclude) ~= "table" then
    exclude = { exclude }
  end
  for _, list in ipairs { include, exclude } do
    for _, pattern in ipairs(list) do
      want_string("glob", "pattern", pattern, place)
    end
  end
  if #include == 0 then
    core.fail("T202", place, "glob must be given a pattern or a list of patterns, and is given " .. a(patterns), nil,
      "glob")
    core.raise()
  end
  return core.glob(include, exclude, ignored, place)
end

---The value of an environment variable of the person or machine that runs tgraph. Without a default it must be set. When
---it changes, the Testfile is loaded again. A command does not see it: that is its `env` field.
---@param name string
---@param default? string|false false: nil if it is not set
---@return string value
function globals.env(name, default)
  local place = core.place()
  want_string("env", "name", name, place)
  local value = core.env(name)
  if value ~= nil then
    return value
  end
  if default == nil then
    core.fail("T215", place, ("the environment variable '%s' is not set"):format(name),
      ("set it, or give a default: env(\"%s\", \"...\")"):format(name), "env", nil, nil, name)
    return ""
  end
  return default or nil
end

---Makes sure that a tool is on PATH and gives its name, for `cmd` and `tools`; its content counts there.
---@param name string
---@param options? { optional: boolean } optional = true gives nil if it is not there
---@return string name
function globals.tool(name, options)
  local place = core.place()
  want_string("tool", "name", name, place)
  options = want_options("tool", options, { optional = true }, place)
  if core.tool(name) then
    return name
  end
  if options.optional then
    return nil
  end
  core.fail("T214", place, ("the tool '%s' is not on PATH"):format(name),
    ("install it, or ask with tool(\"%s\", { optional = true }), which gives nil"):format(name), "tool", nil, nil, name)
  return name
end

---Loads the Testfile of a folder, once. Its targets are called "folder:name".
---@param folders string|string[] Folders, or paths of Testfiles as glob gives them
function globals.include(folders)
  local place = core.place()
  if type(folders) ~= "table" then
    folders = { folders }
  end
  for _, folder in ipairs(folders) do
    want_string("include", "folder", folder, place)
    core.include(folder, place)
  end
end

---Loads a module, once, and gives what it returns: a rule of tgraph's own ("cc", "pytest", ...), or a Lua file of the
---repository ("./tools/checks.lua"). It runs in the same sandbox with the same functions.
---@param name string
---@return any module
function globals.use(name)
  local place = core.place()
  want_string("use", "name", name, place)
  return core.use(name, place)
end

---The path of a file that tgraph's rules bring with them (a plugin, a worker), to be named in `inputs`; a command in the
---Testfile's folder names it as `support.for_command` says. The file counts by its content.
---@param path string As in rules/: "pytest/worker.py"
---@return string path
function globals.adapter(path)
  local place = core.place()
  want_string("adapter", "path", path, place)
  return core.adapter(path, place)
end

---The paths of all such files in a folder of rules/ and below it.
---@param folder string
---@return string[] paths
function globals.adapters(folder)
  local place = core.place()
  want_string("adapters", "folder", folder, place)
  return core.adapters((folder:gsub("/+$", "")), place)
end

---What stands after `--` on the command line: `tgraph unit -- -k parser` gives { "-k", "parser" }. With other options
---the Testfiles are loaded again. What is put into commands counts there.
---@return string[] options
function globals.options()
  return core.options()
end

---A digest of any data (32 hexadecimal digits): the same for equal values, whatever order their keys were set in.
---@param value any
---@return string digest
function globals.digest(value)
  local text, why = core.canonical(value)
  if not text then
    core.fail("T207", core.place(), "the value has no digest: " .. why, nil, "digest")
    core.raise()
  end
  return core.hash(text)
end

---Shows values as a warning when the Testfile is loaded: for looking into a Testfile, not for messages that stay.
---@param ... any
function globals.print(...)
  local parts = table.pack(...)
  for i = 1, parts.n do
    parts[i] = tostring(parts[i])
  end
  local text = table.concat(parts, "  ")
  if #text > 1000 then
    text = text:sub(1, 1000) .. "..."
  end
  core.warn("T190", core.place(), text, "print")
end

return { globals = globals }
