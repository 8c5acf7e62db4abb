#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

cp -R "$top/examples/pytest/." .
file Testfile.lua <<'END'
local pytest = use "pytest"

pytest.files {
  tests = "tests/test_*.py",
  env = { PYTHONPATH = "src" },
}
END
account=tests/test_account.py money=tests/test_money.py statement=tests/test_statement.py

describe "a first run looks at what is installed and runs each file"
run
expect_status 0
expect_ran pytest-env $account $money $statement
expect_no_file tests/__pycache__
expect_no_file .pytest_cache

describe "a second run runs nothing"
run
expect_status 0
expect_ran

describe "an edited test file runs alone"
echo '# a comment' >>$account
run
expect_status 0
expect_ran $account

describe "one that another file names runs everything, as whoever names it may load it"
sed -i 's/"0.07", 7/"0.08", 8/' $money
run
expect_status 1
expect_ran $account $money $statement
expect_outcome $statement failed
sed -i 's/"0.08", 8/"0.07", 7/' $money
run
expect_status 0
expect_ran

describe "a source, a conftest and a new file run everything"
echo '# a comment' >>src/ledger/money.py
run
expect_ran $account $money $statement
echo '# a comment' >>tests/conftest.py
run
expect_ran $account $money $statement
touch tests/data.txt
run
expect_ran $account $money $statement

describe "a new test file runs alone, until another one names it"
printf 'def test_one():\n    assert 1 == 1\n' >tests/test_new.py
run
expect_status 0
expect_ran tests/test_new.py
printf 'import test_new\n' >>$account
run
expect_status 0
expect_ran $account $money $statement
echo 'assert False' >>tests/test_new.py
run
expect_status 1
expect_outcome $account failed
expect_outcome tests/test_new.py failed

describe "a package that is installed"
repo installed
mkdir -p site
file Testfile.lua <<'END'
local pytest = use "pytest"
pytest.files { env = { PYTHONPATH = env("SITE") } }
END
printf 'import thing\ndef test_thing():\n    assert thing.n == 1\n' >test_thing.py
mkdir -p "$work/site/thing-1.0.dist-info"
echo 'n = 1' >"$work/site/thing.py"
echo 'thing.py,sha256=1,5' >"$work/site/thing-1.0.dist-info/RECORD"
SITE=$work/site
export SITE
run
expect_status 0
expect_ran pytest-env test_thing.py
# The folder is as new as the first run, so it could have changed during it: that may be looked at once more.
run
run
expect_ran
echo 'n = 2' >"$work/site/thing.py"
echo 'thing.py,sha256=2,5' >"$work/site/thing-1.0.dist-info/RECORD"
run
expect_status 1
expect_outcome test_thing.py failed
echo 'n = 1' >"$work/site/thing.py"
mv "$work/site/thing-1.0.dist-info" "$work/site/thing-1.1.dist-info"
run
expect_status 0
expect_ran pytest-env test_thing.py
