#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
# The go command's cache of compiled packages is the one of who runs this: compiling the standard library takes a minute.
go_cache=$(go env GOCACHE 2>/dev/null)
. "$(dirname "$0")/../lib.sh"

if [ -z "$go_cache" ]; then
    describe "go.suite"
    report 0 "# SKIP go is not installed (.ci/setup test installs golang-go)"
    exit 0
fi
GOCACHE=$go_cache GOFLAGS=-mod=mod GOTOOLCHAIN=local GOPROXY=off
export GOCACHE GOFLAGS GOTOOLCHAIN GOPROXY

cp -R "$top/examples/go/." .

describe "a first run lists the packages and runs those that have tests"
run
expect_status 0
expect_ran go.packages 'go#shapes' 'go#report'
expect_event '"target":"go#shapes".*"name":"TestRectangle/square","outcome":"passed"'
expect_event '"target":"go#shapes".*"name":"TestHuge","outcome":"skipped"'

describe "a second run runs nothing"
run
expect_ran

describe "an edited test runs its package alone"
echo '// edited' >>report/report_test.go
run
expect_status 0
expect_ran go.packages 'go#report'

describe "an edited source runs the packages that are built from it"
echo '// edited' >>shapes/shapes.go
run
expect_ran go.packages 'go#report' 'go#shapes'
echo '// edited' >>report/report.go
run
expect_ran go.packages 'go#report'

describe "an embedded file, data of tests, a file that nobody reads"
echo 'It is AREA.' >report/template.txt
run
expect_status 1
expect_ran 'go#report'
expect_event '"target":"go#report","kind":"case","outcome":"failed"'
expect_event '"note":"TestSquare: report_test.go:[0-9]+: got'
run_tgraph log 'go#report'
expect_out '^--- FAIL: TestSquare'
expect_no_out '"Action"'
echo 'The area is AREA.' >report/template.txt
run
expect_ran
echo 'The area is 5.0.' >report/testdata/square.txt
run
expect_status 1
expect_ran 'go#report'
cp "$top/examples/go/report/testdata/square.txt" report/testdata/
mkdir docs
echo hello >docs/readme
run
expect_status 0
expect_ran go.packages # the names of files may be what a pattern embeds

describe "Go files that are in no package, and a module in testdata, are data"
mkdir report/testdata/src report/testdata/mod
echo 'package x' >report/testdata/src/x.go
printf '//go:build ignore\n\npackage main\n' >report/gen.go
echo 'module y' >report/testdata/mod/go.mod
echo one >report/testdata/mod/x.txt
run
expect_status 0
expect_ran go.packages 'go#report'
echo '// edited' >>report/testdata/src/x.go
run
expect_ran go.packages 'go#report'
echo '// edited' >>report/gen.go
run
expect_ran go.packages 'go#report'
echo two >report/testdata/mod/x.txt
run
expect_ran 'go#report'
rm -r report/gen.go report/testdata/src report/testdata/mod
run
expect_status 0

describe "a new package and a new test file are found"
mkdir extra
printf 'package extra\n\nimport "testing"\n\nfunc TestOne(t *testing.T) {}\n' >extra/extra_test.go
run
expect_status 0
expect_ran go.packages 'go#extra'

describe "a package that does not build fails alone"
printf 'package extra\n\nfunc broken() int { return "" }\n' >extra/extra.go
run
expect_status 1
expect_ran go.packages 'go#extra'
expect_event '"target":"go#extra".*"note":"[^"]*it does not build: [^"]*extra.go:3'
printf 'package extra\n\nfunc broken( {\n' >extra/extra.go
run
expect_status 1
expect_event '"target":"go#extra","kind":"case","outcome":"failed"'
rm extra/extra.go
run
expect_status 0

describe "a panic, and os.Exit in the middle, are no pass"
cat >extra/extra_test.go <<'END'
package extra

import "testing"

func TestOne(t *testing.T) {}
func TestTwo(t *testing.T) { panic("boom") }
END
run
expect_status 1
expect_event '"target":"go#extra".*"note":"TestTwo: panic: boom'
expect_event '"target":"go#extra".*"name":"TestOne","outcome":"passed"'
sed -i 's/import "testing"/import ("os"; "testing")/; s/panic("boom")/os.Exit(0)/' extra/extra_test.go
run
expect_status 1
expect_event '"target":"go#extra","kind":"case","outcome":"failed"'

describe "flags of the build and arguments of the tests"
file Testfile.lua <<'END'
use("go").suite { name = "short", flags = "-tags=more", args = { "-short" }, packages = "./extra" }
END
cat >extra/extra_test.go <<'END'
//go:build more

package extra

import "testing"

func TestShort(t *testing.T) {
	if !testing.Short() {
		t.Error("not short")
	}
}
END
run
expect_status 0
expect_event '"target":"short#extra".*"name":"TestShort","outcome":"passed"'

describe "a module in a folder, and one that it replaces"
repo nested
printf '/build/\n/.tgraph/\nbuild/\n' >.gitignore
mkdir -p app lib
echo 'include "app"' >Testfile.lua
echo 'use("go").suite {}' >app/Testfile.lua
printf 'module example.com/app\n\ngo 1.19\n\nrequire example.com/lib v0.0.0\n\nreplace example.com/lib => ../lib\n' >app/go.mod
printf 'module example.com/lib\n\ngo 1.19\n' >lib/go.mod
printf 'package lib\n\nfunc One() int { return 1 }\n' >lib/lib.go
printf 'package app\n\nimport (\n"testing"\n"example.com/lib"\n)\n\nfunc TestOne(t *testing.T) { if lib.One() != 1 { t.Fatal() } }\n' >app/app_test.go
run
expect_status 0
expect_ran app:go.packages 'app:go#.'
sed -i 's/return 1/return 2/' lib/lib.go
run
expect_status 1
expect_ran 'app:go#.'

describe "no module, and no tests"
repo none
echo 'use("go").suite {}' >Testfile.lua
run
expect_status 2
expect_err 'Testfile.lua:1.*there is no go.mod'
printf 'module example.com/none\n\ngo 1.19\n' >go.mod
echo 'package none' >none.go
run
expect_status 2
expect_err 'no package of ./... has tests'
