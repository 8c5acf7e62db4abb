// SPDX-License-Identifier: MIT
// For workers of tools that look for test files themselves: which test files does a tool find that a suite does not know? A suite's cases are files that patterns match; a tool has its
// own idea of what a test is, and a file that only the tool knows would never run.
import path from "node:path";
import { Refusal } from "./tgraph.mjs";

/** A pattern of a Testfile as a regular expression: `*`, `?`, `**`, `[a-z]`, `{a,b}`; relative to the working folder. */
export function expression(pattern) {
  let out = "";
  for (let i = 0, depth = 0; i < pattern.length; i++) {
    const c = pattern[i];
    if (c === "*" && pattern[i + 1] === "*") {
      const slash = pattern[i + 2] === "/";
      out += slash ? "(?:[^/]+/)*" : ".*";
      i += slash ? 2 : 1;
    } else if (c === "*") out += "[^/]*";
    else if (c === "?") out += "[^/]";
    else if (c === "[" && pattern.indexOf("]", i + 2) > 0) {
      const end = pattern.indexOf("]", i + 2);
      out += `[${pattern.slice(i + 1, end).replace(/^!/, "^").replace(/\\/g, "\\\\")}]`;
      i = end;
    } else if (c === "{") out += (depth++, "(?:");
    else if (c === "}" && depth > 0) out += (depth--, ")");
    else if (c === "," && depth > 0) out += "|";
    else out += c.replace(/[.+^$()|[\]{}\\]/, "\\$&");
  }
  return new RegExp(`^${out}$`, "s");
}

/** Throws if one of the files (absolute paths) is matched by none of the patterns. */
export function check_known(files, patterns, tool) {
  if (patterns.length === 0) return;
  const yes = patterns.filter((p) => !p.startsWith("!")).map(expression);
  const no = patterns.filter((p) => p.startsWith("!")).map((p) => expression(p.slice(1)));
  const own = `${path.join(process.env.TGRAPH_ROOT ?? process.cwd(), ".tgraph")}${path.sep}`;
  const unknown = files.filter((file) => !file.startsWith(own)).map((file) => path.relative(process.cwd(), file))
    .filter((file) => !no.some((e) => e.test(file)) && !yes.some((e) => e.test(file))).sort();
  if (unknown.length === 0) return;
  const more = unknown.length > 5 ? ` and ${unknown.length - 5} more` : "";
  throw new Refusal(`${tool} finds test files that the suite's \`tests\` does not match: ${unknown.slice(0, 5).join(", ")}${more};`
    + " add them, leave them out with \"!PATTERN\", or say complete = false");
}

/** The worker's own arguments: { name: [values] } of --name=value; whatever is not among `known` throws. */
export function read_arguments(argv, known, rule) {
  const given = {};
  for (const argument of argv) {
    const [, name, value] = argument.match(/^--([^=]+)(?:=(.*))?$/s) ?? [];
    if (value === undefined || (name !== "tests" && !known.includes(name))) {
      throw new Refusal(`unknown option ${argument}; those of ${rule} are ${known.map((k) => `--${k}=VALUE`).join(", ")}`);
    }
    (given[name] ??= []).push(value);
  }
  return given;
}
