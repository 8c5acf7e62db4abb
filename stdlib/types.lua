-- SPDX-License-Identifier: MIT
-- The types that fields may have. Each has:
--   what   how a message says what is expected
--   ls     the type in lua-language-server's notation
--   check  nil if the value fits, else how a message goes on: "is a number", "holds a table as item 2"
local core = ...

local next, type, math_type = core.next, type, math.type

-- What `discover` has given -> what it was given: { place, fields }. The tables themselves are empty, so that nobody
-- takes them for anything else.
local discovered = {}

local function a(value)
  if value == null then
    return "null"
  end
  if value ~= nil and discovered[value] then
    return "what discover gives"
  end
  local t = type(value)
  return t == "nil" and "nil" or "a " .. t
end

-- The items are 1 to n, and `fits` says yes to each.
local function check_list(value, fits)
  if type(value) ~= "table" or discovered[value] then
    return "is " .. a(value)
  end
  local n = 0
  for i, item in next, value do
    n = n + 1
    if math_type(i) ~= "integer" then
      return ("holds the key '%s'"):format(tostring(i))
    end
    if not fits(item) then
      return ("holds %s as item %d"):format(a(item), i)
    end
  end
  if n ~= #value then
    return "has a gap"
  end
  return nil
end

local function is_string(value)
  return type(value) == "string"
end

local function is_code(value)
  return math_type(value) == "integer"
end

local function is_case(value)
  return type(value) == "string" or (type(value) == "table" and not discovered[value])
end

-- Lists within lists, as far down as anybody would go.
local function check_nested(value, depth)
  if type(value) == "string" then
    return nil
  end
  return check_list(value, function(item)
    return type(item) == "string" or (depth < 20 and type(item) == "table" and not check_nested(item, depth + 1))
  end)
end

local function plain(lua_type, what)
  return {
    what = what,
    ls = lua_type,
    check = function(value)
      if type(value) ~= lua_type then
        return "is " .. a(value)
      end
      return nil
    end,
  }
end

local function strings_or_string(value)
  if type(value) == "string" then
    return nil
  end
  return check_list(value, is_string)
end

local types = {
  string = plain("string", "a string"),
  boolean = plain("boolean", "true or false"),
  table = plain("table", "a table"),

  integer = {
    what = "a whole number",
    ls = "integer",
    check = function(value)
      if math_type(value) ~= "integer" then
        return "is " .. (type(value) == "number" and tostring(value) or a(value))
      end
      return nil
    end,
  },

  strings = { what = "a string or a list of strings", ls = "string|string[]", check = strings_or_string },

  command = {
    what = "a list of strings (a program and its arguments) or a string (for /bin/sh)",
    ls = "string|string[]",
    check = strings_or_string,
  },

  inputs = {
    what = "a list of paths and patterns",
    ls = "string|(string|string[])[]",
    check = function(value)
      return check_nested(value, 0)
    end,
  },

  env = {
    what = "a table of names to pass on and NAME = value",
    ls = "table<integer|string, string|number|boolean>",
    check = function(value)
      if type(value) ~= "table" then
        return "is " .. a(value)
      end
      for k, v in next, value do
        local t = type(v)
        if math_type(k) == "integer" then
          if t ~= "string" then
            return ("holds %s where a name is due"):format(a(v))
          end
        elseif type(k) ~= "string" then
          return "holds " .. a(k) .. " as a name"
        elseif t ~= "string" and t ~= "number" and t ~= "boolean" then
          return ("holds %s as the value of '%s'"):format(a(v), k)
        end
      end
      return nil
    end,
  },

  duration = {
    what = [[a number of seconds or a text such as "90s", "5m", "1h" or "250ms"]],
    ls = "number|string|false",
    check = function(value)
      if type(value) ~= "number" and type(value) ~= "string" and value ~= false then
        return "is " .. a(value)
      end
      return nil
    end,
  },

  exclusive = {
    what = "true, a name or a list of names",
    ls = "boolean|string|string[]",
    check = function(value)
      if type(value) == "boolean" then
        return nil
      end
      return strings_or_string(value)
    end,
  },

  stdin = {
    what = [[a text or { file = "path" }]],
    ls = "string|{ file: string }",
    check = function(value)
      if type(value) == "string" then
        return nil
      end
      if type(value) ~= "table" then
        return "is " .. a(value)
      end
      for k in next, value do
        if k ~= "file" then
          return ("holds the key '%s'"):format(tostring(k))
        end
      end
      if type(value.file) ~= "string" then
        return "has " .. a(value.file) .. " as its file"
      end
      return nil
    end,
  },

  codes = {
    what = "a list of exit statuses",
    ls = "integer[]",
    check = function(value)
      return check_list(value, is_code)
    end,
  },

  ready = {
    what = "a table with one of line, port and cmd, and perhaps timeout",
    ls = "{ line: string?, port: integer?, cmd: (string|string[])?, timeout: (number|string)? }",
    check = function(value)
      if type(value) ~= "table" then
        return "is " .. a(value)
      end
      for k, v in next, value do
        local fits
        if k == "line" then
          fits = type(v) == "string"
        elseif k == "port" then
          fits = math_type(v) == "integer"
        elseif k == "cmd" then
          fits = not strings_or_string(v)
        elseif k == "timeout" then
          fits = type(v) == "number" or type(v) == "string"
        else
          return ("holds the key '%s'"):format(tostring(k))
        end
        if not fits then
          return ("holds %s as its %s"):format(a(v), k)
        end
      end
      return nil
    end,
  },

  -- As a duration, but there must be one.
  limit = {
    what = [[a number of seconds or a text such as "90s" or "5m"]],
    ls = "number|string",
    check = function(value)
      if type(value) ~= "number" and type(value) ~= "string" then
        return "is " .. a(value)
      end
      return nil
    end,
  },

  -- What a case's table may hold is the engine's to check: there may be very many of them.
  cases = {
    what = "a list of ids and of tables with an id, or discover { ... }",
    ls = "(string|tgraph.case)[]|tgraph.discovered",
    check = function(value)
      if discovered[value] then
        return nil
      end
      return check_list(value, is_case)
    end,
  },

  order = {
    what = [["any", "group" or "file"]],
    ls = [["any"|"group"|"file"]],
    check = function(value)
      if value == "any" or value == "group" or value == "file" then
        return nil
      end
      return "is " .. (type(value) == "string" and ("'%s'"):format(value) or a(value))
    end,
  },

  recycle = {
    what = [[a table with cases, memory or both, such as { cases = 500, memory = "512MiB" }]],
    ls = "{ cases: integer?, memory: (integer|string)? }",
    check = function(value)
      if type(value) ~= "table" then
        return "is " .. a(value)
      end
      for k, v in next, value do
        if k ~= "cases" and k ~= "memory" then
          return ("holds the key '%s'"):format(tostring(k))
        end
        if math_type(v) ~= "integer" and (k == "cases" or type(v) ~= "string") then
          return ("holds %s as its %s"):format(a(v), k)
        end
      end
      return next(value) == nil and "is empty" or nil
    end,
  },

  value = {
    what = "data",
    ls = "any",
    check = function()
      return nil
    end,
  },
}

return { types = types, a = a, check_list = check_list, discovered = discovered }
