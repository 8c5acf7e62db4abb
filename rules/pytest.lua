-- SPDX-License-Identifier: MIT
-- Python tests: a target for each test file of pytest. The manual is docs/rules/pytest.md.
local support = use "support"

local list, append = support.list, support.append

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

local FIELDS = support.with_test_fields({
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
  local env = { PYTHONDONTWRITEBYTECODE = "1", PYTHONHASHSEED = "0" }
  for key, value in pairs(options.env or {}) do
    env[key] = value
  end

  local installed = "build/tgraph/" .. support.target_name(name) .. ".txt"
  local same = label(name) .. " " .. digest({ python, env })
  if not looked_up[same] then
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

  local patterns = options.tests and list(options.tests) or support.usual({ "**/test_*.py", "**/*_test.py" })
  support.test_files({
    tests = patterns,
    inputs = options.inputs,
    isolate = options.isolate,
    may_name = "*.py",
    also = { "**/conftest.py", "{pytest.ini,.pytest.ini,pyproject.toml,tox.ini,setup.cfg}" },
    word = word,
    token = "[%w_]+",
    plain = "^[%w_]+$",
    declare = function(path, inputs)
      test((options.prefix or "") .. support.target_name(path))(support.pass_on(options, {
        cmd = append({ python, "-m", "pytest", "-p", "no:cacheprovider" }, options.args or {}, { path }),
        cwd = ".",
        inputs = inputs,
        deps = append({ name }, list(options.deps)),
        env = env,
        -- 5: no test was collected, because all of the file's are deselected.
        success_codes = { 0, 5 },
      }))
    end,
  })
end

return pytest
