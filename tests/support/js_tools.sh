#!/bin/sh
# SPDX-License-Identifier: MIT
# Installs the JavaScript test runners that tests and examples of rules/ need into build/js (or TGRAPH_TEST_JS), from the
# registry that npm is configured for. Costs nothing when they are there; without npm it says so and ends well: what needs
# them is then skipped by name.
set -u
folder=${TGRAPH_TEST_JS:-$(cd "$(dirname "$0")/../.." && pwd)/build/js}
wanted="jest@30.5.2 vitest@3.2.7"
missing=
for package in $wanted; do
    grep -q "\"version\": \"${package##*@}\"" "$folder/node_modules/${package%@*}/package.json" 2>/dev/null ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if ! command -v npm >/dev/null; then
    echo "tgraph: npm is not installed, so tests of$missing are skipped" >&2
    exit 0
fi
mkdir -p "$folder" || exit 1
[ -e "$folder/package.json" ] || echo '{ "private": true }' >"$folder/package.json"
echo "tgraph: installing$missing into $folder" >&2
# shellcheck disable=SC2086 # a list
npm install --prefix "$folder" --no-package-lock --no-audit --no-fund --silent $wanted >&2 ||
    echo "tgraph: npm could not install$missing; their tests are skipped" >&2
exit 0
