-- SPDX-License-Identifier: MIT
-- C and C++: objects, libraries, programs and unit tests. The manual is docs/rules/cc.md.
local support = use "support"
local tap = use "tap"

local list, append = support.list, support.append

local cc = {}

local OUT = "build/tgraph/"
local HEADERS = "{h,hh,hpp,hxx,h++,inc,inl,ipp,tpp,def}"
local CXX_SUFFIX = { cc = true, cpp = true, cxx = true, ["c++"] = true, C = true, ixx = true, cppm = true }

-- Links, and writes down what the result loads when it runs: a shared library of the system can change what a program
-- does without changing a byte of it. LIBS names them with their digests and is an output that tests depend on; DEP
-- names what the linker and the loader read, the loader's cache too, as a newly installed library can hide another.
local LINK = [[
out=$1 libs=$2 dep=$3
shift 3
"$@" "-Wl,--dependency-file=$dep.ld" || exit
ldd "$out" >"$dep.ldd" 2>/dev/null || :
awk -v out="$out" '
  function take(path) {
    if (path != "\\" && path != out && path !~ /:$/ && !(path in seen)) {
      seen[path] = 1
      print path
    }
  }
  FILENAME ~ /\.ldd$/ { for (i = 1; i <= NF; i++) if ($i ~ /^\//) { take($i); break } next }
  { sub(/:$/, ""); for (i = 1; i <= NF; i++) take($i) }
' "$dep.ld" "$dep.ldd" >"$dep.read"
{
  echo "$out: \\"
  if [ -e /etc/ld.so.cache ]; then echo ' /etc/ld.so.cache \'; fi
  sed 's/.*/ & \\/' "$dep.read"
  echo
} >"$dep"
awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) { print $i; break } }' "$dep.ldd" | while read -r lib; do
  case $lib in "$TGRAPH_ROOT"/*) ;; *) sha256sum "$lib" ;; esac
done >"$libs"
rm -f "$dep.ld" "$dep.ldd" "$dep.read"
]]
local LINK_TOOLS = { "awk", "ldd", "rm", "sed", "sha256sum" }

-- A compiler is many programs: the driver that PATH gives is often a link, a wrapper or a few kilobytes that start cc1,
-- as and ld. OUT holds the digests of all of them and of the libraries they load, and the names in the folders that
-- hide others on the search path for headers: all but the last, which hides none.
local TOOLCHAIN = [[
cc=$1 lang=$2 out=$3 dep=$4
{
  command -v "$cc"
  for p in cc1 cc1plus lto1 collect2 as ld; do command -v "$("$cc" -print-prog-name=$p 2>/dev/null)"; done
} | sort -u >"$out.programs"
while read -r p; do ldd "$p" 2>/dev/null; done <"$out.programs" |
  awk '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) { print $i; break } }' | sort -u - "$out.programs" >"$out.files"
echo | "$cc" -v -E -x "$lang" - 2>&1 >/dev/null |
  sed -n '/search starts here:/,/^End of search/s/^ //p' | sed '$d' >"$out.dirs"
{
  while read -r f; do sha256sum "$f"; done <"$out.files"
  while read -r d; do echo "$d: $(ls -A "$d" | sha256sum)"; done <"$out.dirs"
} >"$out"
{
  echo "$out: \\"
  sed 's/.*/ & \\/' "$out.files"
  sed 's,/*$,/,; s/.*/ & \\/' "$out.dirs"
  echo
} >"$dep"
rm -f "$out.programs" "$out.files" "$out.dirs"
]]
local TOOLCHAIN_TOOLS = { "awk", "ldd", "ls", "rm", "sed", "sha256sum", "sort" }

local COMPILE_FIELDS = {
  include = "table|string",
  cflags = "table|string",
  headers = "table|string",
  generated = "table|string",
  cc = "string",
  cxx = "string",
}
local LINK_FIELDS = { name = "string!", srcs = "table|string!", libs = "table|string", ldflags = "table|string" }

local function fields(...)
  local all = {}
  for _, set in ipairs({ ... }) do
    for name, wanted in pairs(set) do
      all[name] = wanted
    end
  end
  return all
end

-- Folders as flags, and as globs of the headers in them. What is not below the repository is the depfile's business.
local function includes(options)
  local flags, may_read = {}, { "**/*." .. HEADERS }
  for _, dir in ipairs(list(options.include)) do
    flags[#flags + 1] = "-I" .. support.for_command(dir)
    if dir ~= "." and not dir:find("^/[^/]") then
      may_read[#may_read + 1] = dir:gsub("([^/])/*$", "%1/") .. "**/*." .. HEADERS
    end
  end
  return flags, append(support.matching(may_read), list(options.headers))
end

local function is_cxx(src)
  return CXX_SUFFIX[src:match("%.([^./]+)$")] or false
end

local function compiler(options, cxx)
  if cxx then
    return options.cxx or "c++"
  end
  return options.cc or "cc"
end

-- The target that knows what `driver` runs; one for each compiler in the repository.
local toolchains = {}
local function toolchain(driver, cxx)
  local key = driver .. (cxx and " c++" or " c")
  if not toolchains[key] then
    local out = OUT .. "toolchain-" .. support.target_name(key:gsub("[/ ]", "-"))
    build(out)({
      description = "what " .. driver .. " runs",
      cmd = { "sh", "-c", TOOLCHAIN, "toolchain", driver, cxx and "c++" or "c", out, out .. ".d" },
      cwd = "//",
      inputs = {},
      outputs = { "//" .. out },
      depfile = "//" .. out .. ".d",
      tools = append({ driver }, TOOLCHAIN_TOOLS),
    })
    toolchains[key] = "//" .. out
  end
  return toolchains[key]
end

-- Objects of one target lie in a folder of its own: two targets may compile the same source with different flags.
local function compile(options, srcs, folder, extra_flags)
  local objects, any_cxx = {}, false
  local include_flags, may_read = includes(options)
  for _, src in ipairs(srcs) do
    local cxx = is_cxx(src)
    any_cxx = any_cxx or cxx
    local driver = compiler(options, cxx)
    local object = OUT .. folder .. "/" .. src:gsub("^//", "root/"):gsub("%.%./", "up/") .. ".o"
    build(object)({
      cmd = append({ driver, "-MD", "-MF", object .. ".d", "-c", "-o", object }, extra_flags, include_flags,
        list(options.cflags), { support.for_command(src) }),
      inputs = append({ src, toolchain(driver, cxx) }, list(options.generated)),
      cwd = ".",
      may_read = may_read,
      outputs = { object },
      depfile = object .. ".d",
    })
    objects[#objects + 1] = object
  end
  return objects, any_cxx
end

-- What a program or a shared library is linked from: arguments in order, the files among them that are outputs of other
-- targets, and the shared libraries that the program loads when it runs.
local function linked(libs)
  local all = { arguments = {}, files = {}, loads = {}, cxx = false }
  for _, lib in ipairs(libs) do
    if type(lib) == "string" then
      append(all.arguments, { support.for_command(lib) })
      append(all.files, lib:sub(1, 1) ~= "-" and { lib } or {})
    else
      local below = linked(lib.libs)
      append(all.arguments, { lib.static or lib.shared }, below.arguments)
      append(all.files, { lib.static or lib.shared }, below.files)
      append(all.loads, lib.static and {} or { lib.shared, lib.shared .. ".libs" }, below.loads)
      all.cxx = all.cxx or lib.cxx or below.cxx
    end
  end
  return all
end

-- Gives what a user of the result has as inputs besides it: what it loads.
local function link(options, label, out, objects, cxx, flags)
  local l = linked(list(options.libs))
  local libs = out .. ".libs"
  cxx = cxx or l.cxx
  local driver = compiler(options, cxx)
  if #l.loads > 0 then
    flags = append({ "-Wl,-rpath,$ORIGIN" }, flags)
  end
  build(label)({
    cmd = append({ "sh", "-c", LINK, "link", out, libs, out .. ".d", driver, "-o", out }, flags, objects, l.arguments,
      list(options.ldflags)),
    inputs = append({ toolchain(driver, cxx) }, objects, l.files),
    cwd = ".",
    outputs = { out, libs },
    depfile = out .. ".d",
    tools = append({ driver }, LINK_TOOLS),
  })
  return append({ libs }, l.loads)
end

---@class cc.Options What all functions of this rule take.
---@field include? string|string[] Folders for `-I`; the headers in them are watched.
---@field cflags? string|string[]
---@field headers? string|string[] Patterns of further files that a source may include.
---@field generated? string|string[] Outputs of other targets that a source includes.
---@field cc? string The C compiler and linker, "cc" if left out.
---@field cxx? string The C++ compiler and linker, "c++" if left out.

---@class cc.ObjectOptions: cc.Options
---@field src string
---@field folder? string Below build/tgraph/, "objects" if left out.

---@class cc.LinkOptions: cc.Options
---@field name string
---@field srcs string|string[]
---@field libs? any[] Libraries made by `cc.library`, flags such as "-lm", and paths of archives and objects.
---@field ldflags? string|string[]

---@class cc.LibraryOptions: cc.LinkOptions
---@field kind? "static"|"shared"|"both" "static" if left out.

---@class cc.TestOptions: cc.LinkOptions
---@field harness? "exit"|"tap"|"cmocka" How it says that it failed; "exit" if left out.
---@field args? string[]
---@field inputs? string|string[] What it reads when it runs; every file but those of compiled languages if left out.
---@field deps? string|string[]
---@field env? table
---@field stdin? string|table
---@field timeout? number|string
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean
---@field description? string

---@class cc.SuiteOptions: cc.LinkOptions
---@field harness? "exit"|"tap"|"junit"|"cmocka" How a program says its results; "exit" if left out.
---@field junit? string Where a program writes its JUnit XML; `$TGRAPH_TMPDIR` in it, and in `args`, is a folder of this case alone.
---@field args? string[] Of every program.
---@field inputs? string|string[] What they read when they run; every file but those of compiled languages if left out.
---@field deps? string|string[]
---@field env? table
---@field tools? string[]
---@field timeout? number|string|boolean
---@field case_timeout? number|string|boolean
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean
---@field description? string

---@class cc.Library
---@field name string
---@field static? string Path of the archive.
---@field shared? string Path of the shared library.
---@field libs any[]
---@field cxx boolean

---Compiles one source. Gives the path of the object, to be linked by a target of your own.
---
---    local object = cc.object { src = "gen/table.c", include = "include" }
---@param options cc.ObjectOptions
---@return string object
function cc.object(options)
  support.check("cc.object", options, fields(COMPILE_FIELDS, { src = "string!", folder = "string" }), 2)
  return compile(options, { options.src }, options.folder or "objects", {})[1]
end

---A static library, a shared one, or both. Gives what `libs` of other targets takes.
---
---    local calc = cc.library { name = "calc", srcs = glob("src/*.c"), include = "include" }
---    cc.binary { name = "calc-cli", srcs = "cli/main.c", include = "include", libs = { calc, "-lm" } }
---@param options cc.LibraryOptions
---@return cc.Library library
function cc.library(options)
  support.check("cc.library", options, fields(COMPILE_FIELDS, LINK_FIELDS, { kind = "string" }), 2)
  local kind = options.kind or "static"
  if kind ~= "static" and kind ~= "shared" and kind ~= "both" then
    error("cc.library: field 'kind': expected \"static\", \"shared\" or \"both\", got '" .. kind .. "'", 2)
  end
  local name = options.name
  local objects, cxx = compile(options, list(options.srcs), name .. ".objects", kind == "static" and {} or { "-fPIC" })
  local library = { name = name, libs = list(options.libs), cxx = cxx }
  if kind ~= "shared" then
    library.static = OUT .. "lib" .. name .. ".a"
    build(name)({
      -- An archive that is there would be added to. D leaves out times and owners.
      cmd = append({ "sh", "-c", 'rm -f "$1" && exec ar rcD "$@"', "ar", library.static }, objects),
      cwd = ".",
      inputs = objects,
      outputs = { library.static },
      tools = { "ar", "rm" },
    })
  end
  if kind ~= "static" then
    library.shared = OUT .. "lib" .. name .. ".so"
    link(options, kind == "both" and name .. ".so" or name, library.shared, objects, cxx,
      { "-shared", "-Wl,-soname,lib" .. name .. ".so" })
  end
  return library
end

---A program.
---@param options cc.LinkOptions
---@return string program Its path.
function cc.binary(options)
  support.check("cc.binary", options, fields(COMPILE_FIELDS, LINK_FIELDS), 2)
  local objects, cxx = compile(options, list(options.srcs), options.name .. ".objects", {})
  link(options, options.name, OUT .. options.name, objects, cxx, {})
  return OUT .. options.name
end

---A program and a test that runs it.
---
---    cc.test { name = "test_parse", srcs = "tests/test_parse.c", libs = { calc }, harness = "tap", inputs = {} }
---@param options cc.TestOptions
---@return string label
function cc.test(options)
  support.check("cc.test", options, support.with_fields_of("test", fields(COMPILE_FIELDS, LINK_FIELDS, {
    harness = "string",
    args = "table",
    inputs = "table|string",
    deps = "table|string",
    env = "table",
    stdin = "string|table",
  })), 2)
  local harness = options.harness or "exit"
  if harness ~= "exit" and harness ~= "tap" and harness ~= "cmocka" then
    error("cc.test: field 'harness': expected \"exit\", \"tap\" or \"cmocka\", got '" .. harness .. "'", 2)
  end
  local name, program = options.name, OUT .. options.name
  local objects, cxx = compile(options, list(options.srcs), name .. ".objects", {})
  local loads = link(options, program, program, objects, cxx, {})
  local cmd = append({ program }, options.args or {})
  -- The exit status of a cmocka program is the number of its failures.
  if harness == "tap" then
    cmd = tap.command(cmd)
  end
  return test(name)(support.pass_on("test", options, {
    cmd = cmd,
    cwd = ".",
    tools = harness == "tap" and tap.tools or nil,
    inputs = append({ program }, loads, options.inputs and list(options.inputs) or support.data({ "**" }, OUT)),
    deps = list(options.deps),
    env = options.env,
    stdin = options.stdin,
  }))
end

-- How a program of a suite says its results: what its case's data needs.
local function told_by(harness, options)
  if harness == "cmocka" then
    -- A file for each group: cmocka writes several documents into one.
    local folder = "$TGRAPH_TMPDIR/cmocka/"
    return "junit", folder, { CMOCKA_MESSAGE_OUTPUT = "XML", CMOCKA_XML_FILE = folder .. "%g.xml" }
  end
  return harness, harness == "junit" and options.junit or nil, nil
end

---Programs, one of each source, and a suite that runs them: a case for each, with the results that the program tells.
---
---    cc.suite { name = "unit", srcs = glob("tests/test_*.c"), libs = { calc }, harness = "tap", inputs = {} }
---@param options cc.SuiteOptions
---@return string label
function cc.suite(options)
  support.check("cc.suite", options, support.with_fields_of("suite", fields(COMPILE_FIELDS, LINK_FIELDS, {
    harness = "string",
    junit = "string",
    args = "table",
    inputs = "table|string",
    deps = "table|string",
    env = "table",
    tools = "table",
  })), 2)
  local harness = options.harness or "exit"
  if harness ~= "exit" and harness ~= "tap" and harness ~= "junit" and harness ~= "cmocka" then
    error("cc.suite: field 'harness': expected \"exit\", \"tap\", \"junit\" or \"cmocka\", got '" .. harness .. "'", 2)
  end
  if (harness == "junit") ~= (options.junit ~= nil) then
    error("cc.suite: field 'junit' says where the programs write their XML: it goes with harness = \"junit\"", 2)
  end
  local name, cases = options.name, {}
  local format, junit, env = told_by(harness, options)
  for _, src in ipairs(list(options.srcs)) do
    local stem = src:gsub("^//", ""):gsub("%.[^./]*$", "")
    local flat = name .. "-" .. support.target_name(stem):gsub("/", "-")
    local program = OUT .. flat
    local objects, cxx = compile(options, { src }, flat .. ".objects", {})
    local loads = link(options, program, program, objects, cxx, {})
    cases[#cases + 1] = {
      id = stem,
      inputs = append({ program }, loads),
      data = { cmd = append({ program }, options.args or {}), env = env },
    }
  end
  local arguments = { "--format", format }
  return suite(name)(support.pass_on("suite", options, {
    worker = support.exec_worker(append(arguments, junit and { "--junit-file", junit } or {}), {}),
    cases = cases,
    cwd = ".",
    inputs = append({ support.exec_adapter() }, options.inputs and list(options.inputs) or support.data({ "**" }, OUT)),
    deps = list(options.deps),
    env = options.env,
    tools = options.tools,
  }))
end

return cc
