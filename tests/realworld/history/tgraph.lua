-- SPDX-License-Identifier: MIT
-- tgraph itself, at any commit of its history (history.sh lays this file over each of them): a library for each module of
-- the engine, the unit tests linked with their own module's and those above it in the table of docs/architecture.md, and
-- checks of scripts. Patterns may match nothing: the first commits have no engine.
local cc = use "cc"

local MODULES = { "base", "os", "tree", "store", "graph", "lua", "trace", "remote", "run", "report", "query", "cli" }
local C = {
  include = { "engine", "tests", "/usr/include/lua5.4" },
  cflags = { "-std=c17", "-D_GNU_SOURCE", '-DTGRAPH_VERSION="0"', '-DTGRAPH_LIBGIT2="libgit2.so.1.5"', "-O0", "-w",
    "-pthread" },
}
local SYSTEM = { "-lcmocka", "-llua5.4", "-lxxhash", "-lsqlite3", "-lyajl", "-lyaml", "-ldl", "-lm", "-pthread" }
-- What the programs of a module's tests read when they run.
local READS = {
  lua = { "docs/testfile.md", "docs/errors.md", "engine/**/*.c", "stdlib/*.lua", "rules/**" },
  report = { "docs/events.md", "tests/unit/report/*.py" },
}

defaults { timeout = "2m" }

local function with(fields)
  for k, v in pairs(C) do
    fields[k] = v
  end
  return fields
end

-- The language and the rules lie in the binary: a program of the build writes them as a C source.
local function embedded()
  local files = glob { "stdlib/**", "rules/**" }
  if #files == 0 or #glob "engine/lua/embed_gen.c" == 0 then
    return {}
  end
  local out = "build/gen/embedded.c"
  local gen = cc.binary(with { name = "embed_gen", srcs = "engine/lua/embed_gen.c" })
  build "embedded" { cmd = lists.concat("./" .. gen, out, files), inputs = files, outputs = { out } }
  return { cc.object(with { src = out }) }
end

local libs = {} -- of the modules so far, those that use others first
for _, module in ipairs(MODULES) do
  local srcs = glob { "engine/" .. module .. "/*.c", "!**/main.c", "!**/embed_gen.c" }
  if #srcs > 0 then
    table.insert(libs, 1, cc.library(with { name = "lib-" .. module, srcs = srcs }))
  end
  if module == "lua" then
    libs = lists.concat(libs, embedded())
  end
  for _, src in ipairs(glob("tests/unit/" .. module .. "/test_*.c")) do
    local support = read(src):find("memtree", 1, true) or module == "lua"
    cc.test(with {
      name = src:gsub("%.c$", ""),
      srcs = lists.concat(src, support and glob "tests/support/*.c" or {}),
      libs = lists.concat(libs, SYSTEM),
      inputs = READS[module] or {},
      env = module == "store" and { TMPDIR = "/tmp" } or nil, -- they look at it as another user too
    })
  end
end

-- Scripts: that they can be parsed, and the check of the layers.
local PARSE = "import ast, sys; ast.parse(open(sys.argv[1]).read())"
for _, src in ipairs(glob { "tests/**/*.py", "rules/**/*.py" }) do
  test("parse/" .. src) { cmd = { "python3", "-c", PARSE, src }, inputs = { src } }
end
for _, src in ipairs(glob { "tests/**/*.t", "tests/**/*.sh", ".ci/*" }) do
  test("parse/" .. src) { cmd = { "sh", "-n", src }, inputs = { src } }
end
for _, src in ipairs(glob { "stdlib/*.lua", "rules/**/*.lua", "examples/**/*.lua" }) do
  test("parse/" .. src) { cmd = { "luac5.4", "-p", src }, inputs = { src } }
end
if #glob "tests/support/layers.py" > 0 then
  test "layers" {
    cmd = { "python3", "tests/support/layers.py" },
    inputs = { "tests/support/layers.py", "engine/**", "docs/architecture.md" },
  }
end
