-- SPDX-License-Identifier: MIT
-- Rust: builds the tests of a package or workspace with cargo, and declares a suite with a case for each test, run in a process of
-- its own. The manual is docs/rules/cargo.md.
local support = use "support"

local list, append = support.list, support.append

local cargo = {}

-- What cargo and rustc listen to. Declared, so that they reach them, and count.
local VARIABLES = {
  "AR", "CARGO_BUILD_TARGET", "CARGO_ENCODED_RUSTFLAGS", "CARGO_HOME", "CARGO_INCREMENTAL", "CARGO_NET_OFFLINE",
  "CC", "CFLAGS", "CXX", "CXXFLAGS", "LDFLAGS", "PKG_CONFIG_PATH", "RUSTC", "RUSTC_WRAPPER", "RUSTFLAGS",
  "RUSTUP_HOME", "RUSTUP_TOOLCHAIN",
}

-- Builds, then says what there is. ANSWER: what cargo said of programs and build scripts, a list of JSON objects without what
-- differs from build to build. METADATA: the packages. TESTS: of each test program ("program PATH") its tests ("test NAME",
-- "ignored NAME"), or "whole" if it does not list them. TOOLCHAIN: what it was built with. DEP: files that say so.
local COMPILE = [==[
answer=$1 metadata=$2 tests=$3 toolchain=$4
shift 4
root=$TGRAPH_ROOT
case $root in *[\"\\]*)
  echo "the path of this repository has a character that JSON escapes: $root" >&2
  exit 1
  ;;
esac
cargo test --no-run --message-format=json-render-diagnostics "$@" >"$TGRAPH_TMPDIR/messages" || exit
cargo metadata --no-deps --format-version 1 >"$metadata" || exit
grep -e '"reason":"compiler-artifact".*"executable":"' -e '"reason":"build-script-executed"' "$TGRAPH_TMPDIR/messages" |
  sed 's/,"fresh":[a-z]*//' | sort >"$TGRAPH_TMPDIR/kept"
{
  printf '[{"reason":"tgraph","root":"%s"}' "$root"
  sed 's/^/,\n/' "$TGRAPH_TMPDIR/kept"
  echo ']'
} >"$answer" || exit

sysroot=$(rustc --print sysroot) || exit
LD_LIBRARY_PATH=$(rustc --print target-libdir 2>/dev/null):$sysroot/lib
export LD_LIBRARY_PATH
sed -n '/"profile":{[^}]*"test":true[^}]*}/s/.*"manifest_path":"\([^"]*\)".*"executable":"\([^"]*\)".*/\1 \2/p' "$TGRAPH_TMPDIR/kept" |
  while IFS= read -r line; do
    manifest=${line%%"Cargo.toml "*} program=${line#*"Cargo.toml "}
    folder=${program%/*}
    echo "program $program"
    if (cd "$manifest" && LD_LIBRARY_PATH=$folder:${folder%/deps}:$LD_LIBRARY_PATH &&
      "$program" --list --format terse && echo ::ignored &&
      "$program" --list --format terse --ignored) >"$TGRAPH_TMPDIR/list" 2>/dev/null </dev/null &&
      ! grep -v -q -e ': test$' -e ': benchmark$' -e ': bench$' -e '^::ignored$' "$TGRAPH_TMPDIR/list"; then
      awk '
        $0 == "::ignored" { ignored = 1; next }
        { sub(/: [a-z]*$/, "") }
        ignored { is[$0] = 1; next }
        { name[++n] = $0 }
        END { for (i = 1; i <= n; i++) print (name[i] in is ? "ignored " : "test ") name[i] }
      ' "$TGRAPH_TMPDIR/list"
    else
      echo whole
    fi
  done >"$tests" || exit
{ cargo --version --verbose && rustc --version --verbose; } >"$toolchain" || exit
{
  echo "$answer: \\"
  for f in "$sysroot/bin/rustc" "$sysroot/bin/cargo"; do
    case $f in "$root"/*) ;; *) [ ! -f "$f" ] || printf '%s\n' "$f" | sed 's/ /\\ /g; s/.*/ & \\/' ;; esac
  done
  echo
} >"$answer.d"
]==]
local COMPILE_TOOLS = { "cargo", "rustc", "awk", "grep", "sed", "sort" }

---@class cargo.Options
---@field name? string The suite's name, "cargo" if left out.
---@field flags? string|string[] Of `cargo test`: "--workspace", "--release", "--features=x".
---@field args? string|string[] Arguments of the test programs, beside the test's name.
---@field target? string The folder that cargo builds in, "target" if left out.
---@field sources? string|string[] What is built from; all files that git does not ignore if left out.
---@field inputs? string|string[] What the tests read besides their program; `sources` without those of compiled languages if left out.
---@field env? table As for `suite`, beside the variables of cargo.
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
  flags = "table|string",
  args = "table|string",
  target = "string",
  sources = "table|string",
  inputs = "table|string",
  env = "table",
  deps = "table|string",
  tools = "table",
})

local function environment(options, target)
  local env = support.environment(VARIABLES, options.env)
  env.CARGO_TARGET_DIR = env.CARGO_TARGET_DIR or target
  env.CARGO_TERM_COLOR = env.CARGO_TERM_COLOR or "never"
  return env
end

-- Paths below the repository without its own; nil for others.
local function below(path, root)
  if path == root then
    return ""
  end
  return path:sub(1, #root + 1) == root .. "/" and path:sub(#root + 2) or nil
end

local function parent(path)
  return path:match("^(.*)/[^/]*$") or ""
end

-- `path` as a process in `folder` names it; both are taken from the root.
local function relative(path, folder)
  local up = folder == "" and "" or folder:gsub("[^/]+", "..") .. "/"
  return up .. path
end

local TEXTS = { "description", "homepage", "license", "license_file", "readme", "repository", "rust_version" }

-- What cargo sets when it runs a package's tests (the Cargo Book, "Environment variables").
local function package_env(package, folder)
  local major, minor, patch, rest = package.version:match("^(%d+)%.(%d+)%.(%d+)(.*)$")
  local env = {
    CARGO_MANIFEST_DIR = "$TGRAPH_ROOT" .. (folder == "" and "" or "/" .. folder),
    CARGO_MANIFEST_PATH = "$TGRAPH_ROOT/" .. (folder == "" and "" or folder .. "/") .. "Cargo.toml",
    CARGO_PKG_NAME = package.name,
    CARGO_PKG_VERSION = package.version,
    CARGO_PKG_VERSION_MAJOR = major or "",
    CARGO_PKG_VERSION_MINOR = minor or "",
    CARGO_PKG_VERSION_PATCH = patch or "",
    CARGO_PKG_VERSION_PRE = (rest or ""):match("^%-([^+]*)") or "",
    CARGO_PKG_AUTHORS = table.concat(package.authors or {}, ":"),
  }
  for _, name in ipairs(TEXTS) do
    env["CARGO_PKG_" .. name:upper()] = type(package[name]) == "string" and package[name] or ""
  end
  return env
end

-- "cx" for the unit tests of a library, "cx::it" for tests/it.rs, "cx::bin/tool" for those of a program.
local function program_name(package, target)
  local kind = target.kind[1]
  if kind == "test" then
    return package.name .. "::" .. target.name
  end
  if kind == "bin" or kind == "example" or kind == "bench" then
    return package.name .. "::" .. kind .. "/" .. target.name
  end
  return package.name
end

-- Test program -> { whole = boolean, { name, ignored }... }
local function parse_tests(text)
  local of, program = {}, ""
  for line in text:gmatch("[^\n]+") do
    local word, rest = line:match("^(%l+) ?(.*)$")
    if word == "program" then
      program = rest
      of[program] = {}
    elseif word == "whole" then
      of[program].whole = true
    else
      table.insert(of[program], { name = rest, ignored = word == "ignored" })
    end
  end
  return of
end

local function library_path(program, root, linked)
  local folder = "$TGRAPH_ROOT/" .. parent(program)
  local paths = { folder, (folder:gsub("/deps$", "")) }
  for _, path in ipairs(linked) do
    path = path:gsub("^%l+=", "")
    local inside = below(path, root)
    paths[#paths + 1] = inside and "$TGRAPH_ROOT/" .. inside or path
  end
  return table.concat(paths, ":")
end

-- Everything that the answer says: cases, and the programs that the build made.
local function read_answer(answer, metadata, tests, arguments)
  local root = answer[1].root
  local packages, programs, scripts, linked = {}, {}, {}, {}
  for _, package in ipairs(metadata.packages) do
    packages[package.id] = package
  end
  local outputs, cases = {}, {}
  for _, message in ipairs(answer) do
    local package = packages[message.package_id or ""]
    if message.reason == "build-script-executed" then
      append(linked, message.linked_paths)
      if package then
        scripts[package.id] = message
      end
    elseif package and message.executable then
      local path = below(message.executable, root)
      if not path then
        error("cargo.suite: cargo builds outside the repository, in " .. message.executable, 3)
      end
      outputs[#outputs + 1] = "//" .. path
      if not message.profile.test then
        programs[package.id] = append(programs[package.id] or {}, { "//" .. path })
      end
    end
  end
  local listed = parse_tests(tests)
  for _, message in ipairs(answer) do
    local package = packages[message.package_id or ""]
    local found = listed[message.executable or ""]
    if package and found then
      local path, folder = below(message.executable, root), below(parent(package.manifest_path), root)
      local env = package_env(package, folder)
      local script = scripts[package.id]
      for _, pair in ipairs(script and script.env or {}) do
        env[pair[1]] = pair[2]
      end
      if script and script.out_dir then
        local inside = below(script.out_dir, root)
        env.OUT_DIR = inside and "$TGRAPH_ROOT/" .. inside or script.out_dir
      end
      env.LD_LIBRARY_PATH = library_path(path, root, linked)
      -- Tests of the whole package start its programs (CARGO_BIN_EXE_name).
      local kind = message.target.kind[1]
      local inputs = append({ "//" .. path }, (kind == "test" or kind == "bench") and programs[package.id] or {})
      local program, name = relative(path, folder), program_name(package, message.target)
      local cwd = "$TGRAPH_ROOT" .. (folder == "" and "" or "/" .. folder)
      if found.whole then
        cases[#cases + 1] = {
          id = name,
          group = name,
          inputs = inputs,
          data = { cmd = append({ program }, arguments), cwd = cwd, env = env, format = "exit" },
        }
      end
      for _, one in ipairs(found) do
        cases[#cases + 1] = {
          id = name .. "/" .. one.name,
          group = name,
          inputs = inputs,
          data = one.ignored and { skip = "ignored" }
            or { cmd = append({ program, "--exact", one.name, "--nocapture" }, arguments), cwd = cwd, env = env },
        }
      end
    end
  end
  return cases, outputs
end

---Declares a build, NAME.compile, and a suite with a case for each test of each test program.
---
---    local cargo = use "cargo"
---    cargo.suite { flags = "--workspace" }
---@param options? cargo.Options
function cargo.suite(options)
  options = options or {}
  support.check("cargo.suite", options, FIELDS, 2)
  local name, target = options.name or "cargo", options.target or "target"
  if #support.matching({ "Cargo.toml" }) == 0 then
    error("cargo.suite: there is no Cargo.toml in the Testfile's folder; it lies beside the topmost one", 2)
  end
  local out = "build/tgraph/" .. support.target_name(name)
  local answer, metadata = out .. ".json", out .. ".metadata.json"
  local tests, toolchain = out .. ".tests", out .. ".toolchain"
  local env = environment(options, target)
  local own = { "!" .. target .. "/**", "!build/tgraph/**" }
  local sources = append({}, options.sources and list(options.sources) or { "**" }, own)

  local known = json(answer, { optional = true })
  local cases, programs = {}, {}
  if known then
    cases, programs = read_answer(known, json(metadata), read(tests), list(options.args))
  end
  build(name .. ".compile")({
    description = "cargo test --no-run",
    cmd = append({ "sh", "-c", COMPILE, "compile", answer, metadata, tests, toolchain }, list(options.flags)),
    cwd = ".",
    tools = COMPILE_TOOLS,
    inputs = sources,
    outputs = append({ answer, metadata, tests, toolchain }, programs),
    depfile = answer .. ".d",
    incremental = true,
    jobserver = true,
    env = env,
  })
  if not known then
    return
  end
  if #cases == 0 then
    error("cargo.suite: no test in any package", 2)
  end
  local data = options.inputs and list(options.inputs)
    or append(support.data(sources, target .. "/"), { "!**/*.rs", "!build/tgraph/**" })
  suite(name)(support.pass_on("suite", options, {
    worker = support.exec_worker({ "--format", "libtest" }, {}),
    cases = cases,
    cwd = ".",
    inputs = append({ support.exec_adapter(), toolchain }, data),
    deps = list(options.deps),
    env = env,
    tools = options.tools,
  }))
end

return cargo
