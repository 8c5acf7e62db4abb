#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
# Where cargo is rustup's, it finds its toolchains by these, or in the home that the test takes away.
cargo_home=${CARGO_HOME:-$HOME/.cargo} rustup_home=${RUSTUP_HOME:-$HOME/.rustup}
. "$(dirname "$0")/../lib.sh"

if ! command -v cargo >/dev/null; then
    describe "cargo.suite"
    report 0 "# SKIP cargo is not installed (.ci/setup test installs it)"
    exit 0
fi
if [ -d "$rustup_home" ]; then
    RUSTUP_HOME=$rustup_home CARGO_HOME=$cargo_home
    export RUSTUP_HOME CARGO_HOME
fi
CARGO_NET_OFFLINE=true
export CARGO_NET_OFFLINE
passed() { expect_event "\"target\":\"$1\",\"kind\":\"case\",\"outcome\":\"passed\""; }
failed() { expect_event "\"target\":\"$1\",\"kind\":\"case\",\"outcome\":\"failed\""; }
unit='tally/tests::a_text_without_words_has_none tally/tests::counts_a_long_text tally/tests::counts_words tally/tests::finds_the_most_frequent'
files='tally::files/counts_a_file tally::files/the_program_prints_counts'
cases() { # NAMES...: as targets
    printf 'cargo#%s ' "$@"
}

cp -R "$top/examples/cargo/." .

describe "a first run builds, and runs each test in a process of its own"
run
expect_status 0
# The build once more, when its programs are known and declared as outputs: it has nothing to do then.
# shellcheck disable=SC2046,SC2086 # lists of names
expect_ran cargo.compile cargo.compile $(cases $unit $files)
passed cargo#tally/tests::counts_words
expect_event '"target":"cargo#tally/tests::counts_a_long_text".*"mark":"skipped".*"note":"ignored"'

describe "a second run runs nothing"
run
expect_ran

describe "a test program that came out different runs its tests, and no others"
echo '#[test] fn one_more() {}' >>tests/files.rs
run
expect_status 0
# shellcheck disable=SC2046,SC2086
expect_ran cargo.compile $(cases $files tally::files/one_more)

describe "tests that start a program of the package run when that changes"
sed -i 's/println!("{} {}", n, word)/println!("{}  {}", n, word)/' src/bin/tally.rs
run
expect_status 1
# shellcheck disable=SC2046,SC2086
expect_ran cargo.compile $(cases $files tally::files/one_more)
failed cargo#tally::files/the_program_prints_counts
cp "$top/examples/cargo/src/bin/tally.rs" src/bin/
run
expect_status 0

describe "a failure says why"
sed -i 's/counts\["two"\], 2/counts["two"], 3/' src/lib.rs
run
expect_status 1
failed cargo#tally/tests::counts_words
expect_event '"target":"cargo#tally/tests::counts_words".*"note":"src/lib.rs:[0-9:]* assertion|"target":"cargo#tally/tests::counts_words".*"note":"[^"]*left'
cp "$top/examples/cargo/src/lib.rs" src/

describe "data that tests read"
echo 'Rose' >tests/data/rose.txt
run
expect_status 1
failed cargo#tally::files/counts_a_file
passed cargo#tally/tests::counts_words
cp "$top/examples/cargo/tests/data/rose.txt" tests/data/
run
expect_status 0

describe "a program that leaves in the middle is no pass; one that aborts has crashed"
cat >tests/files.rs <<'END'
#[test] fn leaves() { std::process::exit(0) }
#[test] fn aborts() { std::process::abort() }
#[test] fn stays() {}
END
run
expect_status 1
expect_event '"target":"cargo#tally::files/leaves","kind":"case","outcome":"error"'
expect_event '"target":"cargo#tally::files/aborts","kind":"case","outcome":"crashed".*"signal":6'
passed cargo#tally::files/stays

describe "a build that fails"
echo 'fn broken() -> u32 { "" }' >>tests/files.rs
run
expect_status 3
expect_outcome cargo.compile failed
run_tgraph log cargo.compile
expect_out 'mismatched types'

describe "a test program with a harness of its own is one case"
cp "$top/examples/cargo/tests/files.rs" tests/
printf '\n[[test]]\nname = "own"\nharness = false\n' >>Cargo.toml
cat >tests/own.rs <<'END'
fn main() { if std::env::args().any(|a| a == "--list") { std::process::exit(2) } println!("hello"); }
END
run
expect_status 0
passed cargo#tally::own

describe "a workspace: packages, their folders and what cargo tells them"
repo workspace
cp "$top/examples/cargo/.gitignore" .
echo 'use("cargo").suite { flags = "--workspace" }' >Testfile.lua
printf '[workspace]\nmembers = ["one", "two"]\n' >Cargo.toml
mkdir -p one/src two/src
printf '[package]\nname = "one"\nversion = "1.2.3-pre"\nauthors = ["A", "B"]\nedition = "2018"\nbuild = "build.rs"\n' >one/Cargo.toml
printf '[package]\nname = "two"\nversion = "0.1.0"\nedition = "2018"\n\n[dependencies]\none = { path = "../one" }\n' >two/Cargo.toml
cat >one/build.rs <<'END'
fn main() { std::fs::write(std::env::var("OUT_DIR").unwrap() + "/made", "made").unwrap(); }
END
cat >one/src/lib.rs <<'END'
pub fn one() -> u32 { 1 }
#[test] fn sees() {
    let var = |n: &str| std::env::var(n).unwrap();
    assert_eq!(var("CARGO_PKG_VERSION"), env!("CARGO_PKG_VERSION"));
    assert_eq!(var("CARGO_PKG_VERSION_PRE"), "pre");
    assert_eq!(var("CARGO_PKG_AUTHORS"), "A:B");
    assert_eq!(var("CARGO_MANIFEST_DIR"), env!("CARGO_MANIFEST_DIR"));
    assert_eq!(std::env::current_dir().unwrap().to_str().unwrap(), env!("CARGO_MANIFEST_DIR"));
    assert_eq!(std::fs::read_to_string(var("OUT_DIR") + "/made").unwrap(), "made");
}
END
echo '#[test] fn two() { assert_eq!(one::one() + 1, 2); }' >two/src/lib.rs
cargo generate-lockfile >/dev/null 2>&1
run
expect_status 0
expect_ran cargo.compile cargo.compile cargo#one/sees cargo#two/two
echo '#[test] fn three() {}' >>two/src/lib.rs
run
expect_ran cargo.compile cargo#two/two cargo#two/three

describe "no package"
repo none
echo 'use("cargo").suite {}' >Testfile.lua
run
expect_status 2
expect_err 'Testfile.lua:1.*there is no Cargo.toml'
