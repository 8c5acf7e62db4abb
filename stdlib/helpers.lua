-- SPDX-License-Identifier: MIT
-- Small functions for lists and paths. They ask nothing of the world. Plural, as `path` and `list` are what loops call
-- their variables.
local globals = {}

local lists = {}
globals.lists = lists

---All items of all lists, one after the other; what is no list counts as one item, nil as none.
---@param ... any
---@return any[]
function lists.concat(...)
  local all = {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if type(part) == "table" then
      for _, item in ipairs(part) do
        all[#all + 1] = item
      end
    elseif part ~= nil then
      all[#all + 1] = part
    end
  end
  return all
end

---A list of what the function makes of each item; nil leaves the item out.
---@param items any[]
---@param f fun(item: any): any
---@return any[]
function lists.map(items, f)
  local made = {}
  for _, item in ipairs(items) do
    local new = f(item)
    if new ~= nil then
      made[#made + 1] = new
    end
  end
  return made
end

---The items for which the function says yes.
---@param items any[]
---@param f fun(item: any): boolean
---@return any[]
function lists.filter(items, f)
  local kept = {}
  for _, item in ipairs(items) do
    if f(item) then
      kept[#kept + 1] = item
    end
  end
  return kept
end

---Is the value one of the items?
---@param items any[]
---@param value any
---@return boolean
function lists.has(items, value)
  for _, item in ipairs(items) do
    if item == value then
      return true
    end
  end
  return false
end

---A sorted copy without duplicates.
---@param items string[]
---@return string[]
function lists.sorted(items)
  local copy, kept = {}, {}
  for i, item in ipairs(items) do
    copy[i] = item
  end
  table.sort(copy)
  for _, item in ipairs(copy) do
    if item ~= kept[#kept] then
      kept[#kept + 1] = item
    end
  end
  return kept
end

local paths = {}
globals.paths = paths

---Joins parts with slashes; a part that starts with "//" starts anew.
---@param ... string
---@return string
function paths.join(...)
  local joined = ""
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if joined == "" or part:sub(1, 2) == "//" then
      joined = part
    elseif part ~= "" then
      joined = joined:gsub("/$", "") .. "/" .. part
    end
  end
  return joined
end

---The folder part: "a/b" of "a/b/c.txt", "." of "c.txt".
---@param of string
---@return string
function paths.dir(of)
  return of:match("^(.*)/[^/]*$") or "."
end

---The name: "c.txt" of "a/b/c.txt".
---@param of string
---@return string
function paths.name(of)
  return of:match("[^/]*$")
end

---The name without its suffix: "c" of "a/b/c.txt".
---@param of string
---@return string
function paths.stem(of)
  local name = paths.name(of)
  return name:match("^(.+)%.[^.]*$") or name
end

---The suffix with its dot: ".txt" of "a/b/c.txt", "" if there is none.
---@param of string
---@return string
function paths.suffix(of)
  return paths.name(of):match("^.+(%.[^.]*)$") or ""
end

return { globals = globals }
