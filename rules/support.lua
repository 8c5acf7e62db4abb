-- SPDX-License-Identifier: MIT
-- What the rules have in common. Not for Testfiles: it may change with any version.
local support = {}

-- Suffixes of what compilers read and write.
local COMPILED = "c,h,cc,hh,cpp,hpp,cxx,hxx,c++,h++,inl,ipp,tpp,cppm,ixx,m,mm,s,S,asm,f,F,f90,F90,cu,cuh,o,a"
local IS_COMPILED = {}
for suffix in COMPILED:gmatch("[^,]+") do
  IS_COMPILED[suffix] = true
end

---Is this a file that a test meets through the program that was built from it?
---@param path string
---@return boolean
function support.is_compiled(path)
  return IS_COMPILED[path:match("%.([^./]+)$")] or false
end

---A string stands for a list of one; nil for the empty list.
---@param value any
---@return any[]
function support.list(value)
  if value == nil then
    return {}
  end
  if type(value) == "table" then
    return value
  end
  return { value }
end

---Appends the items of all the given lists to the first.
---@param to any[]
---@param ... any[]
---@return any[] to
function support.append(to, ...)
  for _, from in ipairs({ ... }) do
    for _, item in ipairs(from) do
      to[#to + 1] = item
    end
  end
  return to
end

---The files of `patterns` that a program may read when it runs: all but compiled ones, and those below a folder of outputs.
---@param patterns string[]
---@param outputs string A folder, with a trailing slash.
---@return string[] patterns
function support.data(patterns, outputs)
  return support.append({}, patterns, { "!**/*.{" .. COMPILED .. "}", "!" .. outputs .. "**" })
end

---A path as a command that runs in the Testfile's folder may name it: "//x" is taken from the root.
---@param path string
---@return string
function support.for_command(path)
  local rest = path:match("^//(.*)$")
  if not rest then
    return path
  end
  local here = label(""):match("^(.-):$")
  local up = here == "//" and "" or here:gsub("[^/]+", ".."):gsub("$", "/")
  return up .. rest ~= "" and up .. rest or "."
end

-- Testfile's folder and pattern -> whether a file matches.
local matches = {}

---Those of the patterns that match a file now. What matches nothing would be warned of, which is right for a pattern that
---a person wrote and not for one that a rule tries; when a file comes, the Testfile is loaded again.
---@param patterns string[]
---@return string[]
function support.matching(patterns)
  local kept = {}
  for _, pattern in ipairs(patterns) do
    local key = label("") .. pattern
    if matches[key] == nil then
      -- The Testfile itself always matches, so that nothing is warned of here.
      local found = glob({ pattern, "Testfile.lua" })
      matches[key] = #found > 1 or (found[1] ~= nil and found[1] ~= "Testfile.lua")
    end
    if matches[key] then
      kept[#kept + 1] = pattern
    end
  end
  return kept
end

---The same, but all of them where none matches: then it is right to be warned.
---@param patterns string[]
---@return string[]
function support.usual(patterns)
  local kept = support.matching(patterns)
  return #kept > 0 and kept or patterns
end

---The names that differ least from `name`, for a message: one edit, two letters swapped, or the same beginning.
---@param name string
---@param known table<string, any>
---@return string? nearest
local function nearest(name, known)
  local best, best_score
  for candidate in pairs(known) do
    local row = {}
    for j = 0, #candidate do
      row[j] = j
    end
    for i = 1, #name do
      local diagonal
      diagonal, row[0] = row[0], i
      for j = 1, #candidate do
        local cost = name:byte(i) == candidate:byte(j) and 0 or 1
        diagonal, row[j] = row[j], math.min(row[j] + 1, row[j - 1] + 1, diagonal + cost)
      end
    end
    local score = row[#candidate]
    if not best_score or score < best_score or (score == best_score and candidate < best) then
      best, best_score = candidate, score
    end
  end
  return best_score and best_score <= math.max(2, #name // 3) and best or nil
end

---Ends with an error at the Testfile's line unless `options` is a table with fields of these names and types only.
---@param where string The function's name, for the message.
---@param options table
---@param fields table<string, string> Lua types, several with "|" between; a trailing "!" marks a required field.
---@param level integer As for `error`, seen from the rule's function.
function support.check(where, options, fields, level)
  if type(options) ~= "table" then
    error(("%s: expected a table of options, got %s"):format(where, type(options)), level + 1)
  end
  for name, value in pairs(options) do
    local wanted = fields[name]
    if not wanted then
      local near = type(name) == "string" and nearest(name, fields)
      local hint = near and (", did you mean '%s'?"):format(near) or ""
      error(("%s: unknown field '%s'%s"):format(where, tostring(name), hint), level + 1)
    end
    local fits = false
    for one in wanted:gmatch("[^|!]+") do
      fits = fits or type(value) == one
    end
    if not fits then
      error(("%s: field '%s': expected %s, got %s"):format(where, name, wanted:gsub("!", ""):gsub("|", " or "),
        type(value)), level + 1)
    end
  end
  for name, wanted in pairs(fields) do
    if wanted:sub(-1) == "!" and options[name] == nil then
      error(("%s: field '%s' is missing"):format(where, name), level + 1)
    end
  end
end

local BOTH = {
  timeout = "number|string|boolean",
  retries = "number",
  tags = "table|string",
  pool = "string",
  slots = "number",
  exclusive = "boolean|string|table",
  cache = "boolean",
  description = "string",
}
local OF_SUITES = {
  case_timeout = "number|string|boolean",
  start_timeout = "number|string",
  recycle = "table",
}
-- What a rule hands on unchanged: kind of target -> name -> Lua types.
local PASSED_ON = { test = {}, suite = {} }
for name, wanted in pairs(BOTH) do
  PASSED_ON.test[name], PASSED_ON.suite[name] = wanted, wanted
end
for name, wanted in pairs(OF_SUITES) do
  PASSED_ON.suite[name] = wanted
end

---`fields` and those that go to a target of this kind unchanged.
---@param kind "test"|"suite"
---@param fields table<string, string>
---@return table<string, string>
function support.with_fields_of(kind, fields)
  for name, wanted in pairs(PASSED_ON[kind]) do
    fields[name] = wanted
  end
  return fields
end

---Copies the fields that go to a target of this kind unchanged.
---@param kind "test"|"suite"
---@param options table
---@param to table
---@return table to
function support.pass_on(kind, options, to)
  for name in pairs(PASSED_ON[kind]) do
    to[name] = options[name]
  end
  return to
end

---An `env` field: names to pass on, and what the Testfile says.
---@param names string[]
---@param said table?
---@return table env
function support.environment(names, said)
  local env = support.append({}, names)
  for key, value in pairs(said or {}) do
    if type(key) == "number" then
      env[#env + 1] = value
    else
      env[key] = value
    end
  end
  return env
end

---What stands for the worker of suites whose cases are a process each: an input of each such suite.
---@return string path
function support.exec_adapter()
  return adapter "exec/worker.sh"
end

---The command of that worker (docs/rules/exec.md): `arguments` of its own, and after them what starts each case.
---@param arguments string[]
---@param prefix string[]
---@return string[] cmd
function support.exec_worker(arguments, prefix)
  local cmd = { "sh", support.for_command(support.exec_adapter()) }
  return support.append(cmd, arguments, { "--" }, prefix)
end

---A target's name from any text: what a name may not hold becomes "_".
---@param text string
---@return string
function support.target_name(text)
  local name = text:gsub("[^%w_.+=@,/~-]", "_")
  return name == "" and "_" or name
end

---The part after the last slash, without its suffix.
---@param path string
---@return string
function support.stem(path)
  local name = path:gsub("^.*/", ""):gsub("%.[^.]*$", "")
  return name
end

-- Which of the test files does another file name? Each text is walked once, however many test files there are.
local function named_by_others(tests, texts, options)
  local by_word, named = {}, {}
  for _, path in ipairs(tests) do
    local w = options.word(path)
    by_word[w] = by_word[w] or {}
    table.insert(by_word[w], path)
    -- A name that is no single word in a text is not looked for, but taken to be there.
    named[path] = not w:find(options.plain) or nil
  end
  for _, path in ipairs(texts) do
    for token in (read(path, { optional = true }) or ""):gmatch(options.token) do
      for _, named_path in ipairs(by_word[options.word(token)] or {}) do
        if named_path ~= path then
          named[named_path] = true
        end
      end
    end
  end
  return named
end

---Declares a target for each test file, with the right inputs: everything, but not the other test files. A test file
---that another file names stays an input of all, as whoever names it may load it. Those that are looked through for
---names lie in a folder that holds test files, or below one.
---
---  - tests: patterns; inputs: patterns or nil; isolate: false makes every test file an input of all.
---  - may_name: pattern for the names of files that may load one; also: patterns of such files elsewhere; word: what counts as the name of a test file, for its
---    path and for a token of a text; token: a Lua pattern; plain: a Lua pattern for words that are always one token.
---  - declare: is called for each test file with its path and its inputs.
---@param options { tests: string[], inputs: any, isolate: boolean?, may_name: string, also: string[], word: function, token: string, plain: string, declare: function }
function support.test_files(options)
  local tests = glob(options.tests)
  local common = support.append({}, options.inputs and support.list(options.inputs) or { "**" })
  if options.isolate ~= false then
    local folders, seen, is_test = {}, {}, {}
    for _, path in ipairs(tests) do
      is_test[path] = true
      local folder = path:match("^(.*/)[^/]*$") or ""
      if not seen[folder] then
        seen[folder] = true
        folders[#folders + 1] = folder .. "**/" .. options.may_name
      end
    end
    local named = named_by_others(tests, #folders > 0 and glob(support.append(folders, options.also)) or {}, options)
    -- What the patterns match and is no test, as another pattern takes it out, is a file like any other.
    local wide = {}
    for _, pattern in ipairs(options.tests) do
      if pattern:sub(1, 1) ~= "!" then
        wide[#wide + 1] = pattern
        common[#common + 1] = "!" .. pattern
      end
    end
    for _, path in ipairs(glob(wide)) do
      if named[path] or not is_test[path] then
        common[#common + 1] = path
      end
    end
  end
  for _, path in ipairs(tests) do
    options.declare(path, support.append({ path }, common))
  end
end

return support
