-- SPDX-License-Identifier: MIT
-- test, build, group, service, suite, discover, pool and defaults: checked here against the schema, converted by the
-- engine.
local core = ...

local schema = core.part "schema"
local types = core.part "types"

local core_place, core_declare, raw_next = core.place, core.declare, core.next
local a = types.a

-- A discover is no target of its own, but has fields as one: its suite declares a build of them.
local KINDS = { "test", "build", "group", "service", "suite", "discover" }

-- of[kind][name] is { check, what }; names[kind] is sorted; required[kind] is in the order of the schema.
local of, names, required, inheritable = {}, {}, {}, {}
for _, kind in ipairs(KINDS) do
  of[kind], names[kind], required[kind] = {}, {}, {}
end
for _, field in ipairs(schema) do
  local t = types.types[field.type]
  field.check, field.what = t.check, t.what
  for kind in field.kinds:gmatch "%a+" do
    of[kind][field.name] = field
    table.insert(names[kind], field.name)
  end
  for kind in (field.required or ""):gmatch "%a+" do
    table.insert(required[kind], field)
  end
  if not field.own then
    table.insert(inheritable, field.name)
  end
end
for _, kind in ipairs(KINDS) do
  table.sort(names[kind])
end
table.sort(inheritable)

local globals = {}

-- What `defaults` has said in this Testfile: kind -> fields.
local defaults_of = {}
-- `test "name"` that still waits for its table: number -> { kind, name, place }.
local open, n_open = {}, 0

local function hint_for(word, candidates, otherwise)
  local near = type(word) == "string" and core.nearest(word, candidates)
  if near then
    return ("did you mean '%s'?"):format(near)
  end
  return otherwise
end

-- How a message calls it: a discover has no name.
local function called(kind, name)
  return name and ("%s '%s'"):format(kind, name) or kind
end

-- Keys in order; those that have none come last, in none.
local function keys_of(t)
  local keys, odd = {}, 0
  for k in raw_next, t do
    if type(k) == "string" or type(k) == "number" then
      keys[#keys + 1] = k
    else
      odd = odd + 1
    end
  end
  table.sort(keys, function(x, y)
    if type(x) == type(y) then
      return x < y
    end
    return type(x) == "number"
  end)
  return keys, odd
end

-- Reports what is wrong with the fields and returns those that are right.
local function report(kind, name, place, given)
  local right = {}
  local fields = of[kind]
  local keys, odd = keys_of(given)
  for _, k in ipairs(keys) do
    local field, v = fields[k], given[k]
    if not field and type(k) == "number" then
      core.fail("T201", place, ("item %s of %s has no field name"):format(k, called(kind, name)),
        "every field has a name: cmd = { ... }", kind, name)
    elseif not field then
      core.fail("T201", place, ("unknown field '%s' of %s"):format(k, called(kind, name)),
        hint_for(k, names[kind], "its fields are " .. table.concat(names[kind], ", ")), kind, name, k)
    else
      local why = field.check(v)
      if why then
        local message = ("field '%s' of %s must be %s, and %s"):format(k, called(kind, name), field.what, why)
        core.fail("T202", place, message, nil, kind, name, k)
      else
        right[k] = v
      end
    end
  end
  if odd > 0 then
    core.fail("T201", place, ("a field of %s has no text as its name"):format(called(kind, name)), nil, kind, name)
  end
  return right
end

-- Those of the fields that are right, all of them in the usual case; what is wrong or missing is reported.
local function checked(kind, name, place, given)
  local fields = of[kind]
  local passed = given
  for k, v in raw_next, given do
    local field = fields[k]
    if not field or field.check(v) then
      passed = report(kind, name, place, given)
      break
    end
  end
  local inherited = defaults_of[kind]
  for _, field in ipairs(required[kind]) do
    local key = field.name
    local there = given[key] ~= nil or (inherited and inherited[key] ~= nil)
    -- What a build writes to standard output may be all that it makes.
    if not there and not (key == "outputs" and given.stdout ~= nil) then
      core.fail("T203", place, ("%s needs the field '%s'"):format(called(kind, name), key), field.doc, kind, name)
    end
  end
  return passed
end

-- Are name and fields what `kind "name" { ... }` takes?
local function is_declaration(kind, name, place, given)
  if type(name) ~= "string" then
    core.fail("T202", place, ("the name of a %s must be a string, and is %s"):format(kind, a(name)), nil, kind)
    return false
  end
  if type(given) ~= "table" then
    core.fail("T202", place, ("%s '%s' must be given a table of fields, and is given %s"):format(kind, name, a(given)),
      nil, kind, name)
    return false
  end
  return true
end

local function declare(kind, name, place, given)
  if not is_declaration(kind, name, place, given) then
    return type(name) == "string" and name or ""
  end
  return core_declare(kind, name, place, checked(kind, name, place, given), defaults_of[kind])
end

-- A function for `kind "name" { ... }` and `kind("name", { ... })`.
local function declarer(kind, run)
  return function(name, given)
    local place = core_place()
    if given ~= nil then
      return run(kind, name, place, given)
    end
    n_open = n_open + 1
    local id = n_open
    open[id] = { kind, name, place }
    return function(later)
      open[id] = nil
      return run(kind, name, place, later)
    end
  end
end

globals.test = declarer("test", declare)
globals.build = declarer("build", declare)
globals.service = declarer("service", declare)

globals.group = declarer("group", function(kind, name, place, given)
  if type(given) == "table" and given.members == nil and (given[1] ~= nil or raw_next(given) == nil) then
    local with_members = { members = {} }
    for k, v in raw_next, given do
      if math.type(k) == "integer" then
        with_members.members[k] = v
      else
        with_members[k] = v
      end
    end
    given = with_members
  end
  return declare(kind, name, place, given)
end)

-- What this Testfile has had of `discover` and no suite has taken, in order.
local waiting = {}

---A command that lists the cases of a suite on its standard output: a line of JSON for each,
---{"id": "a", "data": any, "group": "g", "inputs": ["file"], "tags": ["t"], "timeout": 5}, of which only the id is needed.
---It is a build, "SUITE.discover", and runs only when what it reads has changed. Goes into `cases`.
---@param fields tgraph.discover
---@return tgraph.discovered cases
function globals.discover(fields)
  local place = core_place()
  local token = {}
  if type(fields) ~= "table" then
    core.fail("T202", place, "discover must be given a table of fields, and is given " .. a(fields), nil, "discover")
    fields = {}
  else
    fields = checked("discover", nil, place, fields)
  end
  -- The defaults of here, not of where a suite takes it.
  types.discovered[token] = { place = place, fields = fields, inherited = defaults_of.discover }
  waiting[#waiting + 1] = token
  return token
end

-- Where the list of a suite's cases is kept. Labels are unique; a name's slashes make no folders, so that the suite
-- "b/c" of "a" and the suite "c" of "a/b" do not meet.
local function list_of(name)
  local dir = core.dir()
  return ("//.tgraph/cases/%s%s.jsonl"):format(dir == "" and dir or dir .. "/", (name:gsub("/", "%%")))
end

globals.suite = declarer("suite", function(kind, name, place, given)
  if not is_declaration(kind, name, place, given) then
    return type(name) == "string" and name or ""
  end
  local passed = checked(kind, name, place, given)
  local discovered = type(passed.cases) == "table" and types.discovered[passed.cases]
  if not discovered then
    return core_declare(kind, name, place, passed, defaults_of[kind])
  end
  for i, token in ipairs(waiting) do
    if token == passed.cases then
      table.remove(waiting, i)
      break
    end
  end
  local path = list_of(name)
  local fields = { outputs = {}, stdout = path }
  for k, v in raw_next, discovered.fields do
    fields[k] = v
  end
  local with_path = {}
  for k, v in raw_next, passed do
    with_path[k] = v
  end
  with_path.cases = path
  core_declare("discover", name .. ".discover", discovered.place, fields, discovered.inherited)
  return core_declare(kind, name, place, with_path, defaults_of[kind])
end)

globals.pool = declarer("pool", function(_, name, place, given)
  if type(name) ~= "string" then
    core.fail("T202", place, "the name of a pool must be a string, and is " .. a(name), nil, "pool")
  elseif type(given) ~= "table" then
    local message = ("pool '%s' must be given a table of fields, and is given %s"):format(name, a(given))
    core.fail("T202", place, message, nil, "pool", name)
  else
    for _, k in ipairs((keys_of(given))) do
      if k ~= "slots" then
        core.fail("T201", place, ("unknown field '%s' of pool '%s'"):format(k, name),
          hint_for(k, { "slots" }, "its field is slots"), "pool", name, k)
      end
    end
    if given.slots == nil then
      core.fail("T203", place, ("pool '%s' needs the field 'slots'"):format(name), "slots = 2 lets two run at once",
        "pool", name)
    elseif math.type(given.slots) ~= "integer" then
      local message = ("field 'slots' of pool '%s' must be a whole number, and is %s"):format(name, a(given.slots))
      core.fail("T202", place, message, nil, "pool", name, "slots")
    else
      core.pool(name, place, given.slots)
    end
  end
  return nil
end)

---Fields for the targets that this Testfile declares from here on. A target's own field wins; `env` is merged by name and
---`tags` are added. A later `defaults` replaces what it names and leaves the rest.
---@param fields tgraph.defaults
function globals.defaults(fields)
  local place = core_place()
  if type(fields) ~= "table" then
    core.fail("T202", place, "defaults must be given a table of fields, and is given " .. a(fields), nil, "defaults")
    return
  end
  local next_defaults = {}
  for _, kind in ipairs(KINDS) do
    next_defaults[kind] = {}
    for k, v in raw_next, defaults_of[kind] or {} do
      next_defaults[kind][k] = v
    end
  end
  for _, k in ipairs((keys_of(fields))) do
    local field
    for _, kind in ipairs(KINDS) do
      field = field or of[kind][k]
    end
    if not field or field.own then
      core.fail("T201", place, field and ("field '%s' cannot have a default"):format(k)
        or ("unknown field '%s' of defaults"):format(k),
        hint_for(not field and k, inheritable, "its fields are " .. table.concat(inheritable, ", ")), "defaults", nil,
        tostring(k))
    else
      local why = field.check(fields[k])
      if why then
        local message = ("field '%s' of defaults must be %s, and %s"):format(k, field.what, why)
        core.fail("T202", place, message, nil, "defaults", nil, k)
      else
        for kind in field.kinds:gmatch "%a+" do
          next_defaults[kind][k] = fields[k]
        end
      end
    end
  end
  defaults_of = next_defaults
end

---The absolute label of a target of this Testfile. It means the same target in every other one.
---@param name string
---@return string label
function globals.label(name)
  local dir = core.dir()
  return (dir == "" and "//" or dir) .. ":" .. name
end

return {
  globals = globals,
  of = of,
  kinds = KINDS,
  inheritable = inheritable,

  -- The engine calls these before and after each Testfile.
  begin = function()
    defaults_of = {}
    open, n_open = {}, 0
    waiting = {}
  end,
  finish = function()
    for _, waits in pairs(open) do
      local kind, name, place = waits[1], waits[2], waits[3]
      local shown = tostring(name)
      core.fail("T210", place, ("%s '%s' has no table of fields"):format(kind, shown),
        ("write: %s \"%s\" { ... }"):format(kind, shown), kind, type(name) == "string" and name or nil)
    end
    for _, token in ipairs(waiting) do
      core.fail("T217", types.discovered[token].place, "no suite takes the cases of this discover",
        "write: suite \"name\" { cases = discover { ... }, ... }", "discover")
    end
  end,
}
