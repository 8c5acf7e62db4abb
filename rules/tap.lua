-- SPDX-License-Identifier: MIT
-- Programs that speak TAP (the Test Anything Protocol, versions 12 to 14).
local tap = {}

-- Passes the program's output through as it comes, then judges it: an exit status of 0 does not say that no test
-- failed. Only lines at the margin count: what is indented is a subtest or a diagnostic, and the line after it says how
-- that went. A crash of the program is made the shell's own, so that its signal is seen.
local CHECKER = [[
{ "$@"; echo $? >"$TGRAPH_TMPDIR/tap.status"; } | tee "$TGRAPH_TMPDIR/tap.out"
read -r status <"$TGRAPH_TMPDIR/tap.status"
awk '
  function bad(what) { print "tap: " what >"/dev/stderr"; failed = 1 }
  { sub(/\r$/, "") }
  /^Bail out!/ { bad($0) }
  /^1\.\.[0-9]+/ { if (planned) bad("a second plan: " $0); planned = 1; plan = substr($0, 4) + 0 }
  /^(not )?ok([^A-Za-z0-9_]|$)/ {
    seen++
    line = $0
    gsub(/\\#/, "", line)
    if (line ~ /^not/ && tolower(line) !~ /#[ \t]*(todo|skip)([^a-z0-9_]|$)/) bad($0)
    sub(/^(not )?ok[ \t]*/, "", line)
    if (line ~ /^[0-9]/ && line + 0 != seen) bad("number " line + 0 " where " seen " was due: " $0)
  }
  END {
    if (!planned) bad("no plan (1..N)")
    else if (plan != seen) bad("planned " plan ", ran " seen + 0)
    exit failed
  }' "$TGRAPH_TMPDIR/tap.out" || failed=1
case $status in 132 | 134 | 135 | 136 | 139) kill -$((status - 128)) $$ ;; esac
[ "$status" = 0 ] || exit "$status"
exit "${failed:-0}"
]]

---The command that runs a TAP program and fails if a test of it failed, whatever its exit status is: on a `not ok` that
---is not marked TODO or SKIP, on a missing plan, when the plan's number is not what ran, on "Bail out!".
---
---    local tap = use "tap"
---    test "shell" { cmd = tap.command { "sh", "tests/shell.t" }, tools = tap.tools, inputs = { "tests/**" } }
---@param argv string[] The program and its arguments.
---@return string[] cmd
function tap.command(argv)
  local cmd = { "sh", "-c", CHECKER, "tap" }
  for _, argument in ipairs(argv) do
    cmd[#cmd + 1] = argument
  end
  return cmd
end

---What the command runs besides the program.
---@type string[]
tap.tools = { "awk", "tee" }

return tap
