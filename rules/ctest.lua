-- SPDX-License-Identifier: MIT
-- CMake projects: configures, builds, and makes a target of each ctest test. The manual is docs/rules/ctest.md.
local support = use "support"

local list, append = support.list, support.append

local ctest = {}

-- The file API then writes down which targets are programs and libraries.
local CONFIGURE = [[
mkdir -p "$1/.cmake/api/v1/query" && : >"$1/.cmake/api/v1/query/codemodel-v2" || exit
stamp=$1/tgraph-configured
cache=$1/CMakeCache.txt
shift
cmake "$@" && cp "$cache" "$stamp"
]]

-- Builds, then says in OUT what there is: the tests, the programs and libraries, and the files that tests name. DEP
-- lists what was read outside the repository.
local COMPILE = [==[
build=$1 config=$2 out=$PWD/$3 dep=$PWD/$3.d
shift 3
# What an earlier run made may be all that there is of a build folder.
if [ ! -e "$build/CMakeCache.txt" ]; then
  mkdir -p "$build/.cmake/api/v1/query" && : >"$build/.cmake/api/v1/query/codemodel-v2" && cmake "$@" || exit
fi
cmake --build "$build" ${config:+--config "$config"} || exit

cd "$build" || exit
tmp=$TGRAPH_TMPDIR build=$(pwd -P)
cat >"$tmp/targets.cmake" <<'END'
file(GLOB replies "${BUILD}/.cmake/api/v1/reply/target-*.json")
foreach(reply IN LISTS replies)
  file(READ "${reply}" target)
  string(JSON type GET "${target}" type)
  string(JSON n ERROR_VARIABLE none LENGTH "${target}" artifacts)
  if(type MATCHES "^(EXECUTABLE|SHARED_LIBRARY|MODULE_LIBRARY)$" AND n GREATER 0)
    string(JSON path GET "${target}" artifacts 0 path)
    get_filename_component(path "${path}" ABSOLUTE BASE_DIR "${BUILD}")
    if(EXISTS "${path}")
      file(APPEND "${TMP}/${type}" "${path}\n")
    endif()
  endif()
endforeach()
END
: >"$tmp/EXECUTABLE"; : >"$tmp/SHARED_LIBRARY"; : >"$tmp/MODULE_LIBRARY"
cmake -DBUILD="$build" -DTMP="$tmp" -P "$tmp/targets.cmake" || exit
ctest --show-only=json-v1 ${config:+-C "$config"} >"$tmp/tests.json" || exit

# Files of the build folder that a test's command names.
grep -o "\"$build/[^\"\\\\]*\"" "$tmp/tests.json" | tr -d '"' | sort -u |
  while read -r f; do [ ! -f "$f" ] || echo "$f"; done >"$tmp/files"
sort -u "$tmp/EXECUTABLE" "$tmp/files" >"$tmp/programs"

# What each program loads, by content: LIBS/<program> holds it, so that a test depends on its own libraries only.
while read -r f; do
  ldd "$f" 2>/dev/null | awk -v f="$f" '{ for (i = 1; i <= NF; i++) if ($i ~ /^\//) { print f "\t" $i; break } }'
done <"$tmp/programs" >"$tmp/loads"
{ cut -f 2 "$tmp/loads"; cat "$tmp/MODULE_LIBRARY"; } | sort -u >"$tmp/libraries"
while read -r f; do sha256sum "$f"; done <"$tmp/libraries" >"$tmp/digests"
rm -rf tgraph-libs && mkdir tgraph-libs || exit
awk -v build="$build/" -v modules="$tmp/MODULE_LIBRARY" -v digests="$tmp/digests" '
  BEGIN {
    while ((getline line <digests) > 0) digest[substr(line, 67)] = line
    while ((getline line <modules) > 0) all = all digest[line] "\n"
  }
  FILENAME ~ /programs$/ {
    name = $0
    sub(build, "", name)
    gsub("/", "=", name)
    file[$0] = "tgraph-libs/" name
    printf "%s", all >file[$0]
    close(file[$0])
    next
  }
  { split($0, part, "\t"); print digest[part[2]] >>file[part[1]]; close(file[part[1]]) }
' "$tmp/programs" "$tmp/loads"

# What was read outside the repository, system headers above all. Ninja keeps it in a log of its own.
{
  echo "$out: \\"
  {
    find . -name '*.d' ! -path "./${dep##*/}" -exec cat {} +
    [ ! -e build.ninja ] || ninja -t deps 2>/dev/null
    cat "$tmp/libraries"
    [ ! -e /etc/ld.so.cache ] || echo /etc/ld.so.cache
  } | awk -v root="$TGRAPH_ROOT/" '
    { gsub(/\\ /, "\001") }
    { for (i = 1; i <= NF; i++) {
        path = $i
        sub(/:$/, "", path)
        if (path ~ /^\// && index(path, root) != 1 && !(path in seen)) {
          seen[path] = 1
          gsub("\001", "\\ ", path)
          print " " path " \\"
        }
      } }'
  echo
} >"$dep"

quote() { sed 's/["\\]/\\&/g; s/.*/"&"/' | paste -s -d , -; }
{
  echo "{\"root\": $(echo "$TGRAPH_ROOT" | quote), \"build\": $(echo "$build" | quote),"
  echo "\"programs\": [$(sort -u "$tmp/EXECUTABLE" | quote)],"
  echo "\"files\": [$(quote <"$tmp/files")],"
  echo "\"libraries\": [$({ cat "$tmp/SHARED_LIBRARY" "$tmp/MODULE_LIBRARY"; grep "^$build/" "$tmp/libraries"; } |
    while read -r f; do readlink -f "$f"; done | sort -u | quote)],"
  echo '"ctest":'
  cat "$tmp/tests.json"
  echo '}'
} >"$out"
]==]

-- ctest judges what an exit status does not say, and it knows how fixtures go together. It keeps a log where it starts,
-- so each starts in a folder of its own.
local THROUGH_CTEST = [[
cd "$TGRAPH_TMPDIR" && echo "subdirs(\"$TGRAPH_ROOT/$1\")" >CTestTestfile.cmake || exit
exec ctest --no-tests=error --output-on-failure ${3:+-C "$3"} -R "$2"
]]

-- Properties that make ctest run the test.
local JUDGED = {
  "WILL_FAIL", "PASS_REGULAR_EXPRESSION", "FAIL_REGULAR_EXPRESSION", "SKIP_REGULAR_EXPRESSION", "REQUIRED_FILES",
  "ENVIRONMENT_MODIFICATION", "TIMEOUT_AFTER_MATCH", "TIMEOUT_SIGNAL_NAME", "FIXTURES_SETUP", "FIXTURES_CLEANUP",
  "FIXTURES_REQUIRED",
}

local FIELDS = {
  source = "string",
  build = "string",
  generator = "string",
  config = "string",
  options = "table",
  sources = "table|string",
  inputs = "table|string|function",
  programs = "table|string",
  prefix = "string",
  env = "table",
  tags = "table|string",
  timeout = "number|string",
  retries = "number",
  pool = "string",
}

local SUITE_FIELDS = { name = "string", results = "table|function", case_timeout = "number|string" }
for name, wanted in pairs(FIELDS) do
  SUITE_FIELDS[name] = wanted
end
local RESULTS_FIELDS = { format = "string", junit = "string", args = "table", env = "table" }

local function below(path, folder)
  if path:sub(1, #folder + 1) == folder .. "/" then
    return path:sub(#folder + 2)
  end
  return path == folder and "" or nil
end

-- From one repository-relative folder to a path.
local function relative(path, from)
  local up = ""
  while from ~= "" and path ~= from and path:sub(1, #from + 1) ~= from .. "/" do
    from = from:match("^(.*)/[^/]*$") or ""
    up = up .. "../"
  end
  local rest = from == "" and path or path:sub(#from + 2)
  return (up == "" and "./" or up) .. rest
end

local function has_judged_property(properties)
  for _, name in ipairs(JUDGED) do
    local value = properties[name]
    if value ~= nil and value ~= false then
      return true
    end
  end
  return false
end

local function sorted_keys(set)
  local keys = {}
  for key in pairs(set) do
    keys[#keys + 1] = key
  end
  table.sort(keys)
  return keys
end

-- What is said of one project on the way from its JSON to its targets.
local function new_project(options, answer)
  local p = { options = options, root = answer.root, tests = {}, by_name = {}, in_build = {}, helpers = {} }
  p.build = below(answer.build, answer.root)
  for _, key in ipairs({ "programs", "files", "libraries" }) do
    for _, path in ipairs(answer[key]) do
      p.in_build[path] = key == "libraries" and "library" or "file"
    end
  end
  local fixtures = {}
  for _, raw in ipairs(answer.ctest.tests) do
    local t = { name = raw.name, command = raw.command, properties = {} }
    for _, property in ipairs(raw.properties or {}) do
      t.properties[property.name] = property.value
    end
    t.labels = t.properties.LABELS or {}
    if not t.properties.DISABLED then
      p.tests[#p.tests + 1] = t
      p.by_name[t.name] = p.by_name[t.name] or {}
      table.insert(p.by_name[t.name], t)
      for _, kind in ipairs({ "FIXTURES_SETUP", "FIXTURES_CLEANUP" }) do
        for _, fixture in ipairs(t.properties[kind] or {}) do
          fixtures[fixture] = fixtures[fixture] or {}
          table.insert(fixtures[fixture], t)
        end
      end
    end
  end
  p.fixtures = fixtures
  return p
end

-- The paths below the repository that a test's command, folder or environment holds, wherever in the text.
local function named_paths(p, t)
  local found = {}
  local function look(text)
    local from = 1
    while true do
      local first, last = text:find(p.root, from, true)
      if not first then
        return
      end
      local rest = text:match("^/([^%s:;,'\"]*)", last + 1)
      if rest then
        found[(rest:gsub("/+$", ""))] = true
      elseif last == #text or text:match("^[%s:;,'\"]", last + 1) then
        found[""] = true
      end
      from = last + 1
    end
  end
  for i, argument in ipairs(t.command or {}) do
    look(argument)
    -- A path with a space or a comma in it is found whole where it is the whole argument.
    local whole = i > 1 and below(argument, p.root)
    if whole then
      found[(whole:gsub("/+$", ""))] = true
    end
  end
  look(t.properties.WORKING_DIRECTORY or "")
  for _, property in ipairs({ "ENVIRONMENT", "ENVIRONMENT_MODIFICATION", "REQUIRED_FILES" }) do
    for _, text in ipairs(t.properties[property] or {}) do
      look(text)
    end
  end
  return sorted_keys(found)
end

-- The file that says what a program loads.
local function built_libraries(p, path)
  local name = below(path, p.root .. "/" .. p.build):gsub("/", "=")
  return "//" .. p.build .. "/tgraph-libs/" .. name
end

-- Appends a file of the build folder as an input; of a program also what it loads.
local function add_built(p, path, to)
  to["//" .. below(path, p.root)] = true
  if p.in_build[path] == "file" then
    to[built_libraries(p, path)] = true
  end
end

-- What one command of ctest's may read, as a set.
local function add_inputs(p, t, to)
  local options = p.options
  local command = t.command or {}
  local own = command[1] and p.in_build[command[1]] ~= nil
  t.paths = {}
  for _, rel in ipairs(named_paths(p, t)) do
    local path = rel == "" and p.root or p.root .. "/" .. rel
    if p.in_build[path] then
      add_built(p, path, to)
    elseif not below(rel, p.build) then
      if p.files[rel] then
        t.paths[#t.paths + 1] = "//" .. rel
      elseif p.folders[rel] then
        local folder = rel == "" and "" or rel .. "/"
        t.paths[#t.paths + 1] = "//" .. folder .. "**"
        -- The exclusion of compiled languages below holds for patterns; what is in a folder that a test names counts.
        for _, file in ipairs(p.compiled) do
          if file:sub(1, #folder) == folder then
            to["//" .. file] = true
          end
        end
      end
    end
  end
  for _, path in ipairs(p.helpers) do
    add_built(p, path, to)
  end
  -- LD_LIBRARY_PATH and LD_PRELOAD: it may load any library.
  for _, property in ipairs({ "ENVIRONMENT", "ENVIRONMENT_MODIFICATION" }) do
    for _, text in ipairs(t.properties[property] or {}) do
      for path in pairs(text:find("^LD_") and p.in_build or {}) do
        add_built(p, path, to)
      end
    end
  end
  for _, path in ipairs(t.paths) do
    to[path] = true
  end
  local data = options.inputs
  if type(data) == "function" then
    data = data({ name = t.name, command = command, labels = t.labels, properties = t.properties, paths = t.paths })
  end
  if data == nil then
    -- What is no program of the project's may start any of them, and read any source.
    data = own and p.data or p.sources
  end
  for _, pattern in ipairs(list(data)) do
    to[pattern] = true
  end
end

-- A test, what must have run before it, and what its fixtures run with it.
local function closure(p, t)
  local seen, queue = { [t] = true }, { t }
  local function visit(tests)
    for _, other in ipairs(tests or {}) do
      if not seen[other] then
        seen[other] = true
        queue[#queue + 1] = other
      end
    end
  end
  local i = 1
  while queue[i] do
    local properties = queue[i].properties
    visit(p.by_name[queue[i].name])
    -- A cleanup depends on all users of its fixture; who it cleans up for does not depend on the others.
    if i == 1 or not properties.FIXTURES_CLEANUP then
      for _, name in ipairs(properties.DEPENDS or {}) do
        visit(p.by_name[name])
      end
    end
    for _, kind in ipairs({ "FIXTURES_REQUIRED", "FIXTURES_SETUP", "FIXTURES_CLEANUP" }) do
      for _, fixture in ipairs(properties[kind] or {}) do
        visit(p.fixtures[fixture])
      end
    end
    i = i + 1
  end
  return queue
end

local function environment(p, t)
  local env = {}
  for name, value in pairs(p.options.env or {}) do
    env[name] = value
  end
  for _, text in ipairs(t.properties.ENVIRONMENT or {}) do
    local name, value = text:match("^([^=]+)=(.*)$")
    if name then
      env[name] = value
    end
  end
  return env
end

-- Can it be a case? One that others need, or that needs others or a place of its own, is a target.
local function is_case(p, t, deps, exclusive)
  return p.cases and #deps == 0 and not exclusive and (t.properties.PROCESSORS or 1) <= 1 and not p.needed[t.name]
end

-- What `results` says of a test: how its program tells them, and what asks it to.
local function results_of(p, t)
  local results = p.options.results
  if type(results) == "function" then
    results = results({
      name = t.name, command = t.command, labels = t.labels, properties = t.properties, paths = t.paths,
    })
  end
  if results == nil then
    return {}
  end
  support.check("ctest.suite: results of test '" .. t.name .. "'", results, RESULTS_FIELDS, 4)
  return results
end

local function add_case(p, t, target, through)
  local options, data = p.options, { cmd = target.cmd }
  if not through then
    local results = p.in_build[t.command[1]] and results_of(p, t) or {}
    data.cmd = append(append({}, target.cmd), results.args or {})
    data.cwd = "$TGRAPH_ROOT" .. target.cwd:gsub("^//(.)", "/%1"):gsub("^//$", "")
    data.env = environment({ options = {} }, t)
    for name, value in pairs(results.env or {}) do
      data.env[name] = value
    end
    data.format, data.junit = results.format or (results.junit and "junit"), results.junit
    data.skip_codes = t.properties.SKIP_RETURN_CODE and { t.properties.SKIP_RETURN_CODE } or nil
    if next(data.env) == nil then
      data.env = nil
    end
    if not p.in_build[t.command[1]] then
      p.tools[t.command[1]] = true
    end
  end
  for _, tool in ipairs(through and target.tools or {}) do
    p.tools[tool] = true
  end
  p.cases[#p.cases + 1] = {
    id = t.label,
    inputs = target.inputs,
    tags = target.tags,
    timeout = target.timeout ~= options.timeout and target.timeout or nil,
    data = data,
  }
end

local function declare_test(p, t)
  local options, properties = p.options, t.properties
  local inputs, locks, deps = {}, {}, {}
  for _, other in ipairs(closure(p, t)) do
    add_inputs(p, other, inputs)
    append(locks, other.properties.RESOURCE_LOCK or {})
  end
  for _, kind in ipairs({ "FIXTURES_REQUIRED", "FIXTURES_SETUP", "FIXTURES_CLEANUP" }) do
    for _, fixture in ipairs(properties[kind] or {}) do
      locks[#locks + 1] = "ctest-fixture-" .. fixture
    end
  end
  for _, name in ipairs(properties.DEPENDS or {}) do
    for _, other in ipairs(p.by_name[name] or {}) do
      deps[#deps + 1] = other.label
    end
  end

  local folder = below(properties.WORKING_DIRECTORY or p.root .. "/" .. p.build, p.root)
  local program = t.command and below(t.command[1], p.root)
  local through = not t.command or not folder or #p.by_name[t.name] > 1 or has_judged_property(properties)
  local cwd = "."
  local cmd, timeout, tools
  if through then
    -- A character that means something in an expression is escaped.
    local expression = "^" .. t.name:gsub("[%^%$%(%)%%%.%[%]%*%+%-%?|\\]", "\\%0") .. "$"
    cmd = { "sh", "-c", THROUGH_CTEST, "ctest", p.build, expression, options.config or "" }
    tools = { "ctest" }
    if t.command and not program then
      tools[2] = t.command[1]
    end
    timeout = options.timeout
  else
    cmd = { program and relative(program, folder) or t.command[1] }
    append(cmd, { table.unpack(t.command, 2) })
    cwd = "//" .. folder
    timeout = properties.TIMEOUT or options.timeout
  end

  local tags = { "ctest" }
  for _, tag in ipairs(append(append({}, list(options.tags)), t.labels)) do
    tags[#tags + 1] = support.target_name(tag)
  end
  local exclusive = properties.RUN_SERIAL == true or (locks[1] and locks) or nil
  local target = {
    cmd = cmd,
    cwd = cwd,
    tools = tools,
    env = through and options.env or environment(p, t),
    inputs = sorted_keys(inputs),
    deps = deps,
    timeout = timeout,
    success_codes = not through and properties.SKIP_RETURN_CODE and { 0, properties.SKIP_RETURN_CODE } or nil,
    slots = properties.PROCESSORS,
    exclusive = exclusive,
    tags = tags,
    retries = options.retries,
    pool = options.pool,
  }
  if is_case(p, t, deps, exclusive) then
    add_case(p, t, target, through)
  else
    test(t.label)(target)
  end
end

-- Labels of targets; ctest allows any text as a name, and the same name twice.
local function name_tests(p)
  local taken = {}
  for _, t in ipairs(p.tests) do
    local base = (p.options.prefix or "") .. support.target_name(t.name)
    local label, n = base, 2
    while taken[label] do
      label, n = base .. "~" .. n, n + 1
    end
    taken[label] = true
    t.label = label
  end
end

-- Programs of the project that no test is: any test may start them.
local function find_helpers(p, answer)
  local wanted = p.options.programs
  local is_test = {}
  for _, t in ipairs(p.tests) do
    is_test[(t.command or {})[1] or ""] = true
  end
  for _, path in ipairs(answer.programs) do
    local named = false
    for _, pattern in ipairs(list(wanted)) do
      named = named or path:sub(-#pattern - 1) == "/" .. pattern
    end
    if named or (wanted == nil and not is_test[path]) then
      p.helpers[#p.helpers + 1] = path
    end
  end
end

---@class ctest.Test What the function `inputs` is given.
---@field name string
---@field command string[]
---@field labels string[]
---@field properties table<string, any>
---@field paths string[] Files and folders of the repository that its command, folder or environment names.

---@class ctest.Results
---@field format? "exit"|"tap"|"junit" How a test's program says the results within it; by its exit status alone if left out.
---@field junit? string Where it writes its JUnit XML; `$TGRAPH_TMPDIR` in it is a folder of this case alone.
---@field args? string[] Further arguments that ask for it.
---@field env? table<string, string> Further variables.

---@class ctest.SuiteOptions: ctest.Options
---@field name? string The suite's name, "ctest" if left out.
---@field results? ctest.Results|fun(t: ctest.Test): ctest.Results?
---@field case_timeout? number|string Of tests without a TIMEOUT.

---@class ctest.Options
---@field source? string Folder of CMakeLists.txt, "." if left out.
---@field build? string The build folder, "build" if left out.
---@field generator? string As for `cmake -G`.
---@field config? string As for `cmake --build --config`.
---@field options? table Cache variables, { NAME = value }; items without a name are arguments of cmake.
---@field sources? string|string[] What the project is built from; all below `source` that git does not ignore if left out.
---@field inputs? string|string[]|fun(t: ctest.Test): string[] What tests read besides their programs; `sources` without the files of compiled languages if left out.
---@field programs? string|string[] Programs that any test may start; all that are no test themselves if left out.
---@field prefix? string For the names of all targets.
---@field env? table Of cmake and the tests.
---@field tags? string|string[]
---@field timeout? number|string
---@field retries? number
---@field pool? string

local function project(options, suite_name)
  local source, folder, prefix = options.source or ".", options.build or "build", options.prefix or ""
  local answer_path = folder .. "/tgraph-ctest.json"
  local everything = (source == "." and "" or source .. "/") .. "**"
  local sources = append({}, options.sources and list(options.sources) or { everything }, { "!" .. folder .. "/**" })
  local data = support.data(sources, folder .. "/")

  local arguments = { "-S", source, "-B", folder }
  if options.generator then
    append(arguments, { "-G", options.generator })
  end
  append(arguments, options.options or {})
  for name, value in pairs(options.options or {}) do
    if type(name) == "string" then
      if type(value) == "boolean" then
        value = value and "ON" or "OFF"
      end
      arguments[#arguments + 1] = "-D" .. name .. "=" .. tostring(value)
    end
  end

  build(prefix .. "configure")({
    description = "cmake " .. source,
    cmd = append({ "sh", "-c", CONFIGURE, "configure", folder }, arguments),
    cwd = ".",
    tools = { "cmake" },
    -- A build description may collect sources by wildcard: a new or a removed file counts, an edit of it does not.
    inputs = data,
    value = { names = digest(glob(sources)) },
    outputs = { folder .. "/tgraph-configured" },
    incremental = true,
    env = options.env,
  })

  local outputs, p = { answer_path }, nil
  local answer = json(answer_path, { optional = true })
  if answer then
    p = new_project(options, answer)
    for path in pairs(p.in_build) do
      outputs[#outputs + 1] = "//" .. below(path, p.root)
      if p.in_build[path] == "file" then
        outputs[#outputs + 1] = built_libraries(p, path)
      end
    end
  end
  build(prefix .. "compile")({
    description = "cmake --build " .. folder,
    cmd = append({ "sh", "-c", COMPILE, "compile", folder, options.config or "", answer_path },
      arguments),
    cwd = ".",
    tools = { "cmake", "ctest", "ldd" },
    inputs = append({ folder .. "/tgraph-configured" }, sources),
    outputs = outputs,
    depfile = answer_path .. ".d",
    incremental = true,
    jobserver = true,
    env = options.env,
  })

  if p then
    p.data, p.sources = data, sources
    p.files, p.compiled, p.folders = {}, {}, { [""] = true }
    local here = label(""):gsub(":$", ""):gsub("^//", "")
    for _, path in ipairs(glob(sources)) do
      local file = path:sub(1, 2) == "//" and path:sub(3) or (here == "" and "" or here .. "/") .. path
      p.files[file] = true
      if support.is_compiled(file) then
        table.insert(p.compiled, file)
      end
      for i in file:gmatch("()/") do
        p.folders[file:sub(1, i - 1)] = true
      end
    end
    name_tests(p)
    find_helpers(p, answer)
    if suite_name then
      p.cases, p.needed, p.tools = {}, {}, {}
      for _, t in ipairs(p.tests) do
        for _, name in ipairs(t.properties.DEPENDS or {}) do
          p.needed[name] = true
        end
      end
    end
    for _, t in ipairs(p.tests) do
      declare_test(p, t)
    end
    if p.cases and #p.cases > 0 then
      suite(suite_name)({
        worker = support.exec_worker({}, {}),
        cases = p.cases,
        cwd = ".",
        inputs = { support.exec_adapter() },
        env = options.env,
        tools = sorted_keys(p.tools),
        case_timeout = options.case_timeout or options.timeout,
        retries = options.retries,
        pool = options.pool,
      })
    end
  end
end

---Declares a CMake project: `configure`, `compile`, and a test for each test that ctest lists.
---
---    local ctest = use "ctest"
---    ctest.project { options = { BUILD_TESTING = true } }
---
---@param options? ctest.Options
function ctest.project(options)
  options = options or {}
  support.check("ctest.project", options, FIELDS, 2)
  project(options)
end

---The same, with the tests as cases of a suite and the results within each. A test that others need, or that needs others or a
---place of its own (DEPENDS, fixtures, RUN_SERIAL, RESOURCE_LOCK, PROCESSORS), stays a target.
---
---    ctest.suite { results = { format = "tap" } }
---
---@param options? ctest.SuiteOptions
function ctest.suite(options)
  options = options or {}
  support.check("ctest.suite", options, SUITE_FIELDS, 2)
  project(options, (options.prefix or "") .. (options.name or "ctest"))
end

return ctest
