-- SPDX-License-Identifier: MIT
-- Go modules: a suite with a case for each package that has tests. The manual is docs/rules/go.md.
local support = use "support"

local list, append = support.list, support.append

local go = {}

-- What the go command listens to. Declared, so that they reach it, and count.
local VARIABLES = {
  "CC", "CGO_CFLAGS", "CGO_CPPFLAGS", "CGO_CXXFLAGS", "CGO_ENABLED", "CGO_LDFLAGS", "CXX", "GO111MODULE",
  "GO386", "GOAMD64", "GOARCH", "GOARM", "GOARM64", "GOCACHE", "GODEBUG", "GOENV", "GOEXPERIMENT", "GOFLAGS",
  "GOMODCACHE", "GONOPROXY", "GONOSUMDB", "GOOS", "GOPATH", "GOPRIVATE", "GOPROXY", "GOROOT", "GOSUMDB",
  "GOTOOLCHAIN", "GOWORK", "PKG_CONFIG_PATH",
}

-- Writes the packages and what they are made of to OUT, as a list of JSON objects: those of the standard library are left
-- out, and folders of the repository are named as //FOLDER. TOOLCHAIN gets what all of them are built and run with; DEP
-- names the files outside the repository that say so.
local PACKAGES = [==[
out=$1 toolchain=$2
shift 2
root=$TGRAPH_ROOT tab=$(printf '\t')
export root tab
case $root in *[\&\<\>\"\\]*)
  echo "the path of this repository has a character that JSON escapes: $root" >&2
  exit 1
  ;;
esac
cd "$(pwd -P)" || exit
go list -e -deps -test "-json=Dir,ImportPath,Name,Standard,ForTest,GoFiles,CgoFiles,CFiles,CXXFiles,MFiles,HFiles,FFiles,SFiles,SwigFiles,SwigCXXFiles,SysoFiles,TestGoFiles,XTestGoFiles,EmbedFiles,TestEmbedFiles,XTestEmbedFiles,Deps,Error" "$@" \
  >"$TGRAPH_TMPDIR/packages" || exit
awk '
  function flush_deps(   i, said) {
    text = text "\t\"Deps\": ["
    for (i = 1; i <= n; i++) {
      if (deps[i] in standard) continue
      text = text (said++ ? ", " : "") "\"" deps[i] "\""
    }
    text = text "]" tail "\n"
  }
  BEGIN { tab = ENVIRON["tab"]; root = ENVIRON["root"]; printf "[" }
  $0 == "{" { text = "{\n"; is_standard = in_deps = 0; next }
  $0 == "}" {
    if (is_standard) standard[path] = 1
    else { printf "%s%s}", count++ ? ",\n" : "", text }
    next
  }
  in_deps && $0 ~ /^\t\]/ { in_deps = 0; tail = $0 ~ /,$/ ? "," : ""; flush_deps(); next }
  in_deps { sub(/^\t\t"/, ""); sub(/",?$/, ""); deps[++n] = $0; next }
  $0 == tab "\"Deps\": [" { in_deps = 1; n = 0; next }
  /^\t\t"\// { next } # the main package of a test, in the cache of the go command
  $0 == tab "\"Standard\": true," || $0 == tab "\"Standard\": true" { is_standard = 1 }
  index($0, tab "\"ImportPath\": \"") == 1 { path = $0; sub(/^\t"ImportPath": "/, "", path); sub(/",?$/, "", path) }
  index($0, tab "\"Dir\": \"" root "/") == 1 || index($0, tab "\"Dir\": \"" root "\"") == 1 {
    rest = substr($0, length(tab "\"Dir\": \"" root) + 1)
    sub(/^\//, "", rest)
    $0 = tab "\"Dir\": \"//" rest
  }
  { text = text $0 "\n" }
  END { print "]" }
' "$TGRAPH_TMPDIR/packages" >"$out" || exit

work=$(go env GOWORK)
{
  go version
  go env GOOS GOARCH CGO_ENABLED GOEXPERIMENT GOFLAGS CC CXX
  cat "$(go env GOROOT)/VERSION" 2>/dev/null
  if [ "$(go env CGO_ENABLED)" = 1 ]; then "$(go env CC)" --version 2>/dev/null | head -n 1; fi
  for f in "$work" "${work:+$work.sum}"; do [ ! -f "$f" ] || sha256sum <"$f"; done
} >"$toolchain" || exit
{
  echo "$out: \\"
  for f in "$(go env GOROOT)/VERSION" "$(go env GOENV)"; do
    case $f in "$root"/*) ;; *) [ ! -f "$f" ] || printf '%s\n' "$f" | sed 's/ /\\ /g; s/.*/ & \\/' ;; esac
  done
  echo
} >"$out.d"
]==]
local PACKAGES_TOOLS = { "go", "awk", "cat", "head", "sed", "sha256sum" }

-- The files of a package that another package is built with; and those that only its own tests are.
local BUILT_FROM = {
  "GoFiles", "CgoFiles", "CFiles", "CXXFiles", "MFiles", "HFiles", "FFiles", "SFiles", "SwigFiles", "SwigCXXFiles",
  "SysoFiles", "EmbedFiles",
}
local TESTED_WITH = { "TestGoFiles", "XTestGoFiles", "TestEmbedFiles", "XTestEmbedFiles" }

-- A list of inputs has at most so many items; more are lists in it.
local LIST_ITEMS = 5000

---@class go.Options
---@field name? string The suite's name, "go" if left out.
---@field packages? string|string[] As for `go test`; "./..." if left out.
---@field flags? string|string[] For building, such as "-race" and "-tags=integration": for `go list` and `go test`.
---@field args? string|string[] Further arguments of `go test`, such as "-short" and "-run=Parse".
---@field inputs? string|string[] What every package's tests may read besides the files of their package.
---@field env? table As for `suite`, beside the variables of the go command.
---@field deps? string|string[]
---@field tools? string[] What the tests run.
---@field timeout? number|string|boolean
---@field case_timeout? number|string|boolean
---@field retries? number
---@field tags? string|string[]
---@field pool? string
---@field slots? number
---@field exclusive? boolean|string|string[]
---@field cache? boolean
---@field description? string

local FIELDS = support.with_fields_of("suite", {
  name = "string",
  packages = "table|string",
  flags = "table|string",
  args = "table|string",
  inputs = "table|string",
  env = "table",
  deps = "table|string",
  tools = "table",
})

-- Paths are taken from the root here, without the "//" that inputs have.
local function from_root(path)
  local rest = path:match("^//(.*)$")
  if rest then
    return rest
  end
  local here = label(""):gsub(":$", ""):gsub("^//", "")
  return (here == "" and "" or here .. "/") .. path
end

local function below(folder, name)
  return (folder == "" and "" or folder .. "/") .. name
end

local function parent(path)
  return path:match("^(.*)/[^/]*$") or ""
end

-- The list may be older than the files: what was deleted since then is no input, and has it made anew.
local function is_there(path, known)
  if known[path] == nil then
    known[path] = #glob({ path, "Testfile.lua", ignored = true }) > 1
  end
  return known[path]
end

local function add_files(to, package, fields, known)
  for _, field in ipairs(fields) do
    for _, name in ipairs(package[field] or {}) do
      local path = "//" .. below(package.folder, name)
      to[path] = is_there(path, known) or nil
    end
  end
end

-- The files that some package is made of, as the list says.
local function files_of(packages)
  local named = {}
  for _, package in ipairs(packages) do
    for _, fields in ipairs(package.folder and { BUILT_FROM, TESTED_WITH } or {}) do
      for _, field in ipairs(fields) do
        for _, name in ipairs(package[field] or {}) do
          named[below(package.folder, name)] = true
        end
      end
    end
  end
  return named
end

-- What is no source of a package belongs to the one in the nearest folder above it. A module within the module is
-- another's, but one in testdata is data. The second table holds all files.
local function data_files(packages, folders)
  local sources = files_of(packages)
  local modules, of, known = {}, {}, {}
  for _, path in ipairs(glob({ "*/**/go.mod", "Testfile.lua" })) do
    local is_data = ("/" .. path):find("/testdata/", 1, true)
    modules[parent(from_root(path))] = path ~= "Testfile.lua" and not is_data or nil
  end
  for _, path in ipairs(glob({ "**", "!build/tgraph/**" })) do
    local file = from_root(path)
    local folder = parent(file)
    local is_source = path:find("%.go$") and sources[file] or path:find("^vendor/")
    known["//" .. file] = true
    while folder ~= "" and not folders[folder] and not modules[folder] do
      folder = parent(folder)
    end
    if folders[folder] and not modules[folder] and not is_source then
      of[folder] = of[folder] or {}
      table.insert(of[folder], "//" .. file)
    end
  end
  return of, known
end

-- "x [y.test]" is x as it is built for the tests of y.
local function plain(path)
  return (path:gsub(" %[.*$", ""))
end

local function input_lists(files)
  local all = {}
  for path in pairs(files) do
    all[#all + 1] = path
  end
  if #all <= LIST_ITEMS then
    return all
  end
  local lists = {}
  for i = 1, #all, LIST_ITEMS do
    lists[#lists + 1] = table.move(all, i, math.min(i + LIST_ITEMS - 1, #all), 1, {})
  end
  return lists
end

local function case_of(package, by_path, own, known)
  local files = {}
  add_files(files, package, BUILT_FROM, known)
  add_files(files, package, TESTED_WITH, known)
  for _, path in ipairs(own or {}) do
    files[path] = true
  end
  local main = by_path[package.ImportPath .. ".test"]
  for _, path in ipairs((main or package).Deps or {}) do
    local dep = by_path[plain(path)]
    -- What lies outside the repository is fixed by go.sum.
    if dep and dep.folder then
      add_files(files, dep, BUILT_FROM, known)
    end
  end
  local inputs = input_lists(files)
  -- What go list cannot read it does not know the files of.
  if package.Error or not main then
    inputs[#inputs + 1] = "**/*.go"
  end
  local here = from_root("")
  local id = below(package.folder, "")
  id = id:sub(1, #here) == here and id:sub(#here + 1):gsub("/$", "") or package.ImportPath
  return { id = id == "" and "." or id, data = { cmd = { package.ImportPath } }, inputs = inputs }
end

local function cases_of(packages)
  local by_path, folders, cases = {}, {}, {}
  for _, package in ipairs(packages) do
    by_path[package.ImportPath] = package
    package.folder = (package.Dir or ""):match("^//(.*)$")
    if package.folder then
      folders[package.folder] = true
    end
  end
  local data, known = data_files(packages, folders)
  for _, package in ipairs(packages) do
    local tests = #(package.TestGoFiles or {}) + #(package.XTestGoFiles or {}) > 0
    local main = package.ImportPath:match("^(.*)%.test$")
    if package.folder and not package.ForTest and not by_path[main or ""] and (tests or package.Error) then
      cases[#cases + 1] = case_of(package, by_path, data[package.folder], known)
    end
  end
  return cases
end

---Declares a suite with a case for each package that has tests, and a build, NAME.packages, that lists them.
---
---    local go = use "go"
---    go.suite { flags = "-race" }
---@param options? go.Options
function go.suite(options)
  options = options or {}
  support.check("go.suite", options, FIELDS, 2)
  local name = options.name or "go"
  local flags = list(options.flags)
  local packages = list(options.packages or "./...")
  local env = support.environment(VARIABLES, options.env)
  local out = "build/tgraph/" .. support.target_name(name)
  local answer, toolchain = out .. ".packages.json", out .. ".toolchain"
  local module_files = support.matching({
    "go.mod", "go.sum", "go.work", "go.work.sum", "//go.work", "//go.work.sum", "vendor/modules.txt",
  })
  if #module_files == 0 or module_files[1] ~= "go.mod" then
    error("go.suite: there is no go.mod in the Testfile's folder: a module's Testfile lies beside it", 2)
  end
  build(name .. ".packages")({
    description = "go list " .. table.concat(packages, " "),
    cmd = append({ "sh", "-c", PACKAGES, "packages", answer, toolchain }, flags, packages),
    cwd = ".",
    tools = PACKAGES_TOOLS,
    inputs = append({ "**/*.go" }, module_files),
    -- Files may be embedded by pattern: one that comes or goes counts, an edit of it does not.
    value = { names = digest(glob({ "**", "!build/tgraph/**" })) },
    outputs = { answer, toolchain },
    depfile = answer .. ".d",
    env = env,
  })
  local known = json(answer, { optional = true })
  if not known then
    return
  end
  local cases = cases_of(known)
  if #cases == 0 then
    error("go.suite: no package of " .. table.concat(packages, " ") .. " has tests", 2)
  end
  suite(name)(support.pass_on("suite", options, {
    worker = support.exec_worker({ "--format", "go" },
      append({ "go", "test", "-json", "-count=1" }, flags, list(options.args))),
    cases = cases,
    cwd = ".",
    inputs = append({ support.exec_adapter(), toolchain }, module_files, list(options.inputs)),
    deps = list(options.deps),
    env = env,
    tools = append({ "go" }, options.tools or {}),
  }))
end

return go
