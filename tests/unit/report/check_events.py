# SPDX-License-Identifier: MIT
"""Checks lines of the event stream against the schema in docs/events.md.

    check_events.py docs/events.md FILE

Exit status 0: every line is valid, every event of the schema occurs, and the tables name the fields of the schema; else
each problem is one line. Knows as much of JSON Schema as the schema uses, and refuses what it does not know.
"""
import json
import re
import sys

TYPES = {"object": dict, "array": list, "string": str, "null": type(None), "boolean": bool, "integer": int}


def has_type(value, name):
    if name == "integer":
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def problems(schema, value, root, path="line"):
    """Why the value is not valid; an empty list if it is."""
    found = []
    if schema is True:
        return found
    for word, what in schema.items():
        if word in ("$schema", "title", "$defs"):
            pass
        elif word == "$ref":
            target = root
            for part in what.split("/")[1:]:
                target = target[part]
            found += problems(target, value, root, path)
        elif word == "type":
            names = what if isinstance(what, list) else [what]
            if not any(has_type(value, n) for n in names):
                found.append(f"{path}: {value!r} is not {' or '.join(names)}")
        elif word == "const":
            if value != what or type(value) is not type(what):
                found.append(f"{path}: {value!r} is not {what!r}")
        elif word == "enum":
            if value not in what:
                found.append(f"{path}: {value!r} is none of {what}")
        elif word == "pattern":
            if isinstance(value, str) and not re.search(what, value):
                found.append(f"{path}: {value!r} does not match {what}")
        elif word in ("minimum", "maximum"):
            if has_type(value, "integer") and (value < what if word == "minimum" else value > what):
                found.append(f"{path}: {value} is beyond the {word} {what}")
        elif word == "required":
            found += [f"{path}: {key} is missing" for key in what if key not in value]
        elif word == "dependentRequired":
            found += [f"{path}: {key} without {n}" for key in what if key in value for n in what[key] if n not in value]
        elif word == "properties":
            for key, sub in what.items():
                if key in value:
                    found += problems(sub, value[key], root, f"{path}.{key}")
        elif word == "additionalProperties" and what is False:
            found += [f"{path}: {key} is not known" for key in value if key not in schema["properties"]]
        elif word == "items":
            for i, v in enumerate(value):
                found += problems(what, v, root, f"{path}[{i}]")
        elif word == "oneOf":
            branches = [problems(s, value, root, path) for s in what]
            if sum(not b for b in branches) != 1:
                # Those of the branch that this line meant to be.
                event = f"#/$defs/{value.get('event')}"
                meant = [b for s, b in zip(what, branches) if s.get("$ref") == event]
                found += meant[0] if meant else [f"{path}: no such event: {value.get('event')!r}"]
        else:
            raise SystemExit(f"{word} in the schema: this checker does not know it")
    return found


def undocumented(text, root):
    """Fields of the schema that the tables do not name, and the reverse."""
    always = {"event", "v", "t_ms"}
    for heading, body in re.findall(r"^### (.+?)$(.*?)(?=^##|\Z)", text, re.M | re.S):
        named = {f for row in re.findall(r"^\| (`[^|]+`) \|", body, re.M) for f in re.findall(r"`(\w+)`", row)}
        events = re.findall(r"`(\w+)`", heading)
        fields = set().union(*(root["$defs"][e]["properties"] for e in events)) - always
        for name in sorted(named ^ fields):
            yield f"{' '.join(events)}: {name} is only in the {'table' if name in named else 'schema'}"


def main(page, path):
    with open(page, encoding="utf-8") as f:
        text = f.read()
    root = json.loads(re.search(r"^```json\n(.*?)^```", text, re.M | re.S)[1])
    bad = list(undocumented(text, root))
    seen = set()
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            value = json.loads(line)
            seen.add(value.get("event"))
            bad += [f"line {number}: {p}" for p in problems(root, value, root)]
    bad += [f"no line is a {r['$ref'].split('/')[-1]}" for r in root["oneOf"] if r["$ref"].split("/")[-1] not in seen]
    for p in bad:
        print(p)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
