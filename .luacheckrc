-- SPDX-License-Identifier: MIT
-- What Testfiles, rules and the library see: the sandbox's part of Lua 5.4 and the language of stdlib/.
std = {
  read_globals = {
    "assert", "error", "ipairs", "next", "null", "pairs", "rawequal", "select", "tonumber", "tostring", "type",
    math = { fields = { "abs", "ceil", "floor", "fmod", "huge", "max", "maxinteger", "min", "mininteger", "modf", "pi",
      "sqrt", "tointeger", "type", "ult" } },
    string = { fields = { "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "rep", "reverse",
      "sub", "upper" } },
    table = { fields = { "concat", "insert", "move", "pack", "remove", "sort", "unpack" } },
    utf8 = { fields = { "char", "charpattern", "codepoint", "codes", "len", "offset" } },
  },
}
max_line_length = 120
max_comment_line_length = false
max_string_line_length = false

local language = { "adapter", "adapters", "build", "defaults", "digest", "discover", "env", "glob", "group", "include",
  "json", "label", "lists", "options", "paths",
  "platform", "pool", "print", "read", "service", "suite", "test", "tool", "use", "yaml" }
files["stdlib/schema.lua"] = { max_line_length = 140 } -- a table of sentences
files["rules/"] = { read_globals = language }
files["examples/"] = { read_globals = language }
files["tests/"] = { read_globals = language }
