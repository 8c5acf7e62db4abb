-- SPDX-License-Identifier: MIT
-- Python tests: a target for each test file of pytest, or a suite with a case for each test. The manual is docs/rules/pytest.md.
local support = use "support"

local list, append = support.list, support.append
local env_of, given_options = env, options -- locals have these names

local pytest = {}

-- Writes what is installed to OUT, and to DEP what that was read from: the interpreter, the folders of packages (they
-- count by the names in them, so that a new package is seen) and each package's record (it holds the digests of its
-- files, so that another build of the same version is seen).
local ENVIRONMENT = [==[
import hashlib, os, site, sys, sysconfig

out, dep = sys.argv[1:3]
root = os.environ["TGRAPH_ROOT"] + os.sep
read = {os.path.realpath(sys.executable), sys.executable}
said = {"python " + sys.version.replace("\n", " ")}

def take(path, label):
    try:
        with open(path, "rb") as f:
            said.add(label + " " + hashlib.sha256(f.read()).hexdigest())
        read.add(path)
        return True
    except OSError:
        return False

take(os.path.join(sys.prefix, "pyvenv.cfg"), "pyvenv.cfg")
if "PYENV_ROOT" in os.environ:
    read.add(os.path.join(os.environ["PYENV_ROOT"], "version"))
own = {os.path.realpath(sysconfig.get_path(n)) for n in ("stdlib", "platstdlib")}
folders = [p for p in sys.path if p and os.path.realpath(p) not in own and not p.endswith(("lib-dynload", ".zip"))]
for folder in sorted({*folders, *site.getsitepackages(), site.getusersitepackages()}):
    if not os.path.isabs(folder) or (folder + os.sep).startswith(root):
        continue
    if not os.path.isdir(folder):
        # It would be found if it came to be: what it would be made in is watched.
        while not os.path.isdir(folder):
            folder = os.path.dirname(folder)
        read.add(folder + os.sep)
        continue
    read.add(folder + os.sep)
    names = sorted(n for n in os.listdir(folder) if n != "__pycache__")
    said.add("folder " + folder + " " + hashlib.sha256("\n".join(names).encode()).hexdigest())
    for name in names:
        path = os.path.join(folder, name)
        if name.endswith((".pth", ".egg-link")) or name.endswith(".egg-info") and os.path.isfile(path):
            take(path, name)
        elif name.endswith((".dist-info", ".egg-info")):
            for record in ("RECORD", "METADATA", "PKG-INFO"):
                if take(os.path.join(path, record), name):
                    break
with open(out, "w") as f:
    f.write("\n".join(sorted(said)) + "\n")
with open(dep, "w") as f:
    f.write(out + ":" + "".join(" \\\n " + p.replace(" ", "\\ ") for p in sorted(read)) + "\n")
]==]

---@class pytest.Options
---@field tests? string|string[] Patterns of the test files; pytest's own (test_*.py, *_test.py) if left out.
---@field inputs? string|string[] What every test may read; all files that git does not ignore if left out. The test files are taken out of it, and those put back that another file names.
---@field isolate? boolean false: every test file is an input of every test.
---@field python? string The interpreter, "python3" if left out.
---@field args? string[] Arguments of pytest before the file.
---@field env? table As for `test`; what is installed is looked up with it too.
---@field name? string The name of the target that looks up what is installed, "pytest-env" if left out.
---@field prefix? string For the names of the tests; none if left out.
---@field deps? string|string[]
---@field timeout? number|string
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean

local FIELDS = support.with_fields_of("test", {
  tests = "table|string",
  inputs = "table|string",
  isolate = "boolean",
  python = "string",
  args = "table",
  env = "table",
  name = "string",
  prefix = "string",
  deps = "table|string",
})

-- Label and digest of what a look-up depends on -> true: two calls of one Testfile share a look-up.
local looked_up = {}

local function word(path)
  return support.stem(path)
end

-- What pytest gets besides what the Testfile gives it.
local function environment(given)
  local env = { PYTHONDONTWRITEBYTECODE = "1", PYTHONHASHSEED = "0" }
  for key, value in pairs(given or {}) do
    env[key] = value
  end
  return env
end

-- Declares the build that looks up what is installed, unless it is there already.
local function look_up(name, python, env)
  local installed = "build/tgraph/" .. support.target_name(name) .. ".txt"
  local same = label(name) .. " " .. digest({ python, env })
  if looked_up[same] then
    return
  end
  looked_up[same] = true
  build(name)({
    description = "what " .. python .. " has installed",
    cmd = { python, "-c", ENVIRONMENT, installed, installed .. ".d" },
    cwd = ".",
    inputs = {},
    outputs = { installed },
    depfile = installed .. ".d",
    env = env,
  })
end

-- pytest's own patterns, where the Testfile names none.
-- What pytest reads of its own accord, here and in the folders above, whatever `inputs` says.
local CONFIGURATION = "{conftest.py,pytest.ini,.pytest.ini,pytest.toml,.pytest.toml,pyproject.toml,tox.ini,setup.cfg}"
local function configuration()
  local patterns = { "**/conftest.py", CONFIGURATION }
  local folder = label(""):match("^(.-):$")
  while folder ~= "//" and folder ~= "" do
    folder = folder:match("^(.*)/[^/]*$") or ""
    patterns[#patterns + 1] = "//" .. (folder == "" and "" or folder .. "/") .. CONFIGURATION
  end
  return support.matching(patterns)
end

local function patterns_of(options)
  return options.tests and list(options.tests) or support.usual({ "**/test_*.py", "**/*_test.py" })
end

---Declares a test for each test file, named by its path.
---
---    local pytest = use "pytest"
---    pytest.files { env = { PYTHONPATH = "src" } }
---@param options? pytest.Options
function pytest.files(options)
  options = options or {}
  support.check("pytest.files", options, FIELDS, 2)
  local python = options.python or "python3"
  local name = options.name or "pytest-env"
  local env = environment(options.env)
  look_up(name, python, env)

  local read_anyway = configuration()
  support.test_files({
    tests = patterns_of(options),
    inputs = options.inputs,
    isolate = options.isolate,
    may_name = "*.py",
    also = { "**/conftest.py", "{pytest.ini,.pytest.ini,pyproject.toml,tox.ini,setup.cfg}" },
    word = word,
    token = "[%w_]+",
    plain = "^[%w_]+$",
    declare = function(path, inputs)
      test((options.prefix or "") .. support.target_name(path))(support.pass_on("test", options, {
        cmd = append({ python, "-m", "pytest", "-p", "no:cacheprovider" }, options.args or {}, { path }),
        cwd = ".",
        inputs = append({}, inputs, read_anyway),
        deps = append({ name }, list(options.deps)),
        env = env,
        -- 5: no test was collected, because all of the file's are deselected.
        success_codes = { 0, 5 },
      }))
    end,
  })
end

---@class pytest.SuiteOptions
---@field name? string The suite's name, "pytest" if left out. What looks up what is installed is called NAME-env.
---@field tests? string|string[] Patterns of the test files; pytest's own (test_*.py, *_test.py) if left out.
---@field inputs? string|string[] What every test may read; all files that git does not ignore if left out. A test file counts for its own cases, and for those that were seen to read it.
---@field isolate? boolean false: every test file is an input of every case.
---@field python? string The interpreter, "python3" if left out.
---@field args? string[] Arguments of pytest. Those that select (paths, -k, -m) go into select.
---@field select? string[] Arguments of pytest's collection alone: paths, -k, -m.
---@field options? string[]|boolean Options of the suite's own that may stand after `--` on the command line: "--focus", "--env=" (takes a value). false: what stands there is not for this suite.
---@field env? table As for `suite`.
---@field required_env? string|string[] Variables without which no test can run; they are passed on.
---@field collect? string "all": a worker collects all files at once; "file" if left out.
---@field order? string As for `suite`, "file" if left out.
---@field deps? string|string[]
---@field tools? string[]
---@field timeout? number|string|boolean
---@field case_timeout? number|string|boolean
---@field start_timeout? number|string
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean
---@field description? string
---@field recycle? table

local SUITE_FIELDS = support.with_fields_of("suite", {
  tools = "table",
  name = "string",
  tests = "table|string",
  inputs = "table|string",
  isolate = "boolean",
  python = "string",
  args = "table",
  select = "table",
  options = "table|boolean",
  env = "table",
  required_env = "table|string",
  collect = "string",
  order = "string",
  deps = "table|string",
})

-- Options of pytest that select tests: only the collection gets them, so that a case has one key whatever selected it.
local SELECTS = { "-k=", "-m=", "--deselect=" }
-- Options that change what is shown. A case has another key with them, as what it shows is a part of its result.
local SHOWS = { "-v", "-vv", "-vvv", "-s", "-l", "--showlocals", "--tb=", "--capture=", "--show-capture=" }

-- Sorts what stands after `--` into what selects and what every process gets.
local function command_line(options, level)
  local selects, own = {}, {}
  if options.options == false then
    return selects, own
  end
  local takes = {} -- option -> { where it goes, whether it takes a value }
  local function declare(names, to)
    for _, option in ipairs(names) do
      local bare = option:gsub("=$", "")
      takes[bare] = { to = to, value = bare ~= option }
    end
  end
  declare(SELECTS, selects)
  declare(SHOWS, own)
  declare(type(options.options) == "table" and options.options or {}, own)
  local given = given_options()
  local function wrong(text, ...)
    error(("pytest.suite: after --: " .. text):format(...), level + 2)
  end
  local i = 1
  while i <= #given do
    local argument = given[i]
    local short, rest = argument:match("^(%-[km])=?(.+)$")
    local long, value = argument:match("^(%-%-[^=]+)=(.*)$")
    local option = short or long or argument
    local known = takes[option]
    if not known then
      wrong("'%s' is no option of this suite: name it, options = { \"%s\" } (\"%s=\" if it takes a value), or say "
        .. "options = false if it is not meant for this suite; -k, -m and --deselect select tests",
        argument, option, option)
    elseif not known.value then
      if value then
        wrong("%s takes no value; options = { \"%s=\" } says that it does", option, option)
      end
      append(known.to, { argument })
    elseif rest or value then
      append(known.to, short and { short, rest } or { argument })
    else
      i = i + 1
      if not given[i] then
        wrong("%s needs a value", option)
      end
      append(known.to, { argument, given[i] })
    end
    i = i + 1
  end
  return selects, own
end

-- Patterns that add, without those that take out.
local function adding(patterns)
  local out = {}
  for _, pattern in ipairs(patterns) do
    if pattern:sub(1, 1) ~= "!" then
      out[#out + 1] = pattern
    end
  end
  return out
end

-- Of what the patterns match: what to leave out of the inputs and to put back (files that are no tests), the test
-- files, and the worker's arguments that say which names those have.
local function split(patterns)
  local wide = adding(patterns)
  local out, names, seen = {}, {}, {}
  for _, pattern in ipairs(wide) do
    out[#out + 1] = "!" .. pattern
    local name = pattern:match("[^/]*$")
    -- A folder's name stands for all that is in it.
    name = name:find("%.") and name or "*"
    if not seen[name] then
      seen[name] = true
      names[#names + 1] = "--test-files=" .. name
    end
  end
  local is_test, tests = {}, {}
  for _, path in ipairs(glob(patterns)) do
    local name = path:match("[^/]*$")
    is_test[path] = name:find("%.py$") and name ~= "conftest.py" and name ~= "__init__.py" or nil
  end
  for _, path in ipairs(glob(wide)) do
    local to = is_test[path] and tests or out
    to[#to + 1] = path
  end
  return out, tests, names
end

-- Those of the inputs that name something besides the test files, which are taken out of them: of the others nothing
-- would be left, and a pattern that matches no file is warned of.
local function without_tests(inputs, tests)
  local is_test, out = {}, {}
  for _, path in ipairs(tests) do
    is_test[path] = true
  end
  for _, input in ipairs(inputs) do
    local pattern = input
    if not input:find("[*?%[{]") then
      pattern = input:gsub("/+$", "") .. "/**" -- a folder stands for what is in it
    end
    local found, left = 0, 0
    -- The Testfile itself always matches, so that nothing is warned of here.
    for _, path in ipairs(input:sub(1, 1) ~= "!" and glob({ pattern, "Testfile.lua" }) or {}) do
      if path ~= "Testfile.lua" then
        found = found + 1
        left = left + (is_test[path] and 0 or 1)
      end
    end
    if found == 0 or left > 0 then
      out[#out + 1] = input
    end
  end
  return out
end

---Declares a suite with a case for each test. What pytest collects is a step of its own, NAME.discover, that runs when a
---file has changed; a few workers serve the cases.
---
---    local pytest = use "pytest"
---    pytest.suite { env = { PYTHONPATH = "src" } }
---@param options? pytest.SuiteOptions
function pytest.suite(options)
  options = options or {}
  support.check("pytest.suite", options, SUITE_FIELDS, 2)
  if options.collect and options.collect ~= "file" and options.collect ~= "all" then
    error(("pytest.suite: field 'collect' is 'file' or 'all', not '%s'"):format(options.collect), 2)
  end
  local name = options.name or "pytest"
  local python = options.python or "python3"
  local env = environment(options.env)
  for _, variable in ipairs(list(options.required_env)) do
    env_of(variable) -- ends here, before anything runs, if it is not set
    env[#env + 1] = variable
  end
  local selects, own = command_line(options, 2)
  local deps = append({ name .. "-env" }, list(options.deps))
  look_up(name .. "-env", python, environment(options.env))

  local patterns = patterns_of(options)
  local adapter_files = append(append({}, adapters("pytest")), adapters("python"))
  -- What a Testfile says of the suite is in its declaration.
  local given = options.inputs and list(options.inputs) or { "**", "!**/Testfile.lua" }
  given = append({}, given, configuration())
  local all = append({}, given, adding(patterns))
  local common, may_read, names = append({}, all), nil, {}
  if options.isolate ~= false then
    local changes
    changes, may_read, names = split(patterns)
    common = append(without_tests(given, may_read), changes)
  end
  local command = { python, support.for_command(adapter("pytest/tgraph_pytest.py")) }
  local arguments = append({ "--" }, options.args or {}, own)
  suite(name)(support.pass_on("suite", options, {
    worker = append({}, command, { "serve", "--collect=" .. (options.collect or "file") }, names, arguments),
    cases = discover({
      cmd = append({}, command, { "discover" }, arguments, options.select or {}, selects),
      cwd = ".",
      inputs = append({}, all, adapter_files),
      deps = deps,
      env = env,
      tools = options.tools,
    }),
    cwd = ".",
    inputs = append(common, adapter_files),
    may_read = may_read,
    deps = deps,
    env = env,
    order = options.order or "file",
    tools = options.tools,
  }))
end

return pytest
