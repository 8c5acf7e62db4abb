-- SPDX-License-Identifier: MIT
-- Programs that speak TAP (the Test Anything Protocol, versions 12 to 14).
local tap = {}

-- Passes the program's output through as it comes, then judges it: an exit status of 0 does not say that no test
-- failed. It is the judge of engine/run/results_tap.c in awk. Only lines at the margin count, but for two: a subtest that is not
-- ok under a test that is, and a bail-out. A crash of the program is made the shell's own, so that its signal is seen.
local CHECKER = [[
{ "$@"; echo $? >"$TGRAPH_TMPDIR/tap.status"; } | tee "$TGRAPH_TMPDIR/tap.out"
read -r status <"$TGRAPH_TMPDIR/tap.status"
awk '
  function bad(what) { print "tap: " what >"/dev/stderr"; failed = 1 }
  function directive(text) {
    gsub(/\\\\/, "", text)
    gsub(/\\#/, "", text)
    return match(tolower(text), /#[ \t]*(todo|skip)([^a-z0-9_]|$)/)
  }
  { sub(/\r$/, ""); match($0, /^ */); indent = RLENGTH; text = substr($0, indent + 1) }
  yaml && indent < yaml && text != "" { yaml = 0 }
  yaml { if (indent == yaml && text ~ /^\.\.\.[ \t]*$/) yaml = 0; next }
  indent && text ~ /^---[ \t]*$/ { yaml = indent; next }
  indent % 4 == 0 && tolower(text) ~ /^bail out!/ { bad(text); next }
  indent && indent % 4 == 0 && text ~ /^not ok([^A-Za-z0-9_]|$)/ && !directive(text) { inner = 1 }
  indent { next }
  /^1\.\.[0-9]+[ \t]*(#.*)?$/ {
    if (planned) bad("a second plan: " $0)
    else { planned = 1; last = seen > 0; plan = substr($0, 4) + 0 }
    next
  }
  /^(not )?ok([^A-Za-z0-9_]|$)/ {
    seen++
    if (/^not/ && !directive($0)) bad($0)
    if (/^ok/ && inner && !directive($0)) bad("it is ok, but a subtest of it is not: " $0)
    if (last) bad("a test point after the plan that ended them: " $0)
    inner = 0
    sub(/^(not )?ok[ \t]*/, "")
    if (/^[0-9]+([^A-Za-z0-9_]|$)/ && $0 + 0 != seen) bad("number " $0 + 0 " where " seen " was due")
    next
  }
  /^TAP version / { if (!/^TAP version 1[234][ \t]*$/) bad("an unknown version: " $0); next }
  /^pragma [+-]/ { if (/^pragma .strict[ \t]*$/) strict = /\+/; next }
  strict && !/^#/ && /[^ \t]/ { bad("this is not TAP, and pragma +strict forbids it: " $0) }
  END {
    if (!planned) bad("no plan (1..N)")
    else if (plan != seen) bad("planned " plan ", ran " seen + 0)
    if (inner) bad("a subtest failed, and no test point follows that it belongs to")
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
