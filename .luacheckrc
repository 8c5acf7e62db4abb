-- SPDX-License-Identifier: MIT
std = "lua54"
max_code_line_length = 120
max_comment_line_length = false
max_string_line_length = false
-- What a Testfile sees besides Lua's own functions.
local testfile = {
  "test", "build", "group", "service", "pool", "defaults", "include", "use", "glob", "env", "tool", "json", "yaml",
  "read", "exists", "digest", "platform", "label", "path",
}
files["examples/**/*.lua"] = { read_globals = testfile }
files["rules/**/*.lua"] = { read_globals = testfile }
files["tests/**/*.lua"] = { read_globals = testfile }
