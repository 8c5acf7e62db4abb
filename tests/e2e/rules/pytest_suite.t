#!/bin/sh
# SPDX-License-Identifier: MIT
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/../lib.sh"

file Testfile.lua <<'END'
local pytest = use "pytest"
pytest.suite { name = "unit", env = { PYTHONPATH = "src" }, options = { "--focus", "--to=" } }
END
file src/ledger.py <<'END'
def add(a, b):
    return a + b
END
file tests/conftest.py <<'END'
import pytest

def pytest_addoption(parser):
    parser.addoption("--focus", action="store_true")
    parser.addoption("--to")

@pytest.fixture
def to(request):
    return request.config.getoption("--to")
END
file tests/pytest.ini <<'END'
[pytest]
END
file pytest.ini <<'END'
[pytest]
markers = slow
END
file tests/test_a.py <<'END'
import pytest
from ledger import add

@pytest.mark.parametrize("n", [1, 2])
def test_add(n):
    assert add(n, 1) == n + 1

@pytest.mark.slow
def test_slow():
    pass

@pytest.mark.skip(reason="not now")
def test_skipped():
    pass
END
file tests/test_b.py <<'END'
BASE = 1

def test_b(to):
    assert to != "nowhere"
END
file tests/test_c.py <<'END'
from test_b import BASE

def test_c():
    assert BASE in (1, 2)
END
a1='unit#tests/test_a.py::test_add[1]' a2='unit#tests/test_a.py::test_add[2]' slow=unit#tests/test_a.py::test_slow
skipped=unit#tests/test_a.py::test_skipped b=unit#tests/test_b.py::test_b c=unit#tests/test_c.py::test_c

describe "a first run collects, and runs each test as a case"
run
expect_status 0
expect_ran "$a1" "$a2" $b $c $skipped $slow unit-env unit.discover
expect_no_file .pytest_cache
expect_no_file tests/__pycache__
expect_no_file src/__pycache__

describe "a second run starts no process"
run
expect_status 0
expect_ran

describe "an edited test file reruns its own cases"
echo '# a comment' >>tests/test_a.py
run
expect_status 0
expect_ran "$a1" "$a2" $skipped $slow unit.discover

describe "a test file that another one imports reruns that one's cases too"
sed -i 's/BASE = 1/BASE = 2/' tests/test_b.py
run
expect_status 0
expect_ran $b $c unit.discover
sed -i 's/BASE = 2/BASE = 3/' tests/test_b.py
run
expect_status 1
expect_outcome $c failed
sed -i 's/BASE = 3/BASE = 2/' tests/test_b.py
run
expect_status 0
expect_ran

describe "a new test is a new case, and one that is gone is no case"
sed -i 's/\[1, 2\])$/[1, 3])/' tests/test_a.py
run
expect_status 0
expect_ran "$a1" 'unit#tests/test_a.py::test_add[3]' $skipped $slow unit.discover
a2='unit#tests/test_a.py::test_add[3]'

describe "a source and a conftest.py rerun everything"
echo '# a comment' >>src/ledger.py
run
expect_ran "$a1" "$a2" $b $c $skipped $slow unit.discover
echo '# a comment' >>tests/conftest.py
run
expect_ran "$a1" "$a2" $b $c $skipped $slow unit.discover

describe "a failure is told as pytest shows it, and fails alone"
sed -i 's/return a + b/return a - b/' src/ledger.py
run
expect_status 1
expect_count failed 2
expect_outcome $b passed
expect_err 'assert 2 == \(3 \+ 1\)'
sed -i 's/return a - b/return a + b/' src/ledger.py
run
expect_status 0
expect_ran

describe "-k and -m select, and what passed counts"
run -- -k test_add
expect_status 0
expect_ran unit.discover
expect_count cached 2
run -- -m slow
expect_count cached 1
expect_ran unit.discover
run -- -k nothing_of_this_name
expect_status 4
expect_err 'leaves no case'
run
expect_status 0

describe "options of the suite's own are another key; unknown ones are an error that says what to do"
run -- --to nowhere
expect_status 1
expect_outcome $b failed
run -- --to=somewhere
expect_status 0
run -- --elsewhere
expect_status 2
expect_err 'options = \{ "--elsewhere" \}'
run -- --to
expect_status 2
expect_err 'needs a value'

describe "markers are tags"
run_tgraph list --json 'unit#tests/test_a.py::test_slow'
expect_out '"slow"'

describe "a file that cannot be collected fails the collection, and no case is lost silently"
echo 'import no_such_module' >tests/test_d.py
run
expect_status 3
expect_outcome unit.discover failed
expect_err 'no_such_module'
rm tests/test_d.py
run
expect_status 0

describe "a missing variable is one error before anything runs"
file Testfile.lua <<'END'
use "pytest".suite { name = "unit", env = { PYTHONPATH = "src" }, required_env = "SCHEMA_FILE" }
END
run
expect_status 2
expect_err 'T215.*SCHEMA_FILE|SCHEMA_FILE.*T215'
expect_ran
SCHEMA_FILE=x run
expect_status 0

describe "patterns of which only test files are left are no reason for a warning"
file Testfile.lua <<'END'
use "pytest".suite {
  name = "unit", env = { PYTHONPATH = "src" }, tests = "tests/test_*.py", inputs = { "src/**", "tests/**", "pytest.ini" },
}
END
run
expect_status 0
expect_no_err 'T213'
file Testfile.lua <<'END'
use "pytest".suite {
  name = "unit", env = { PYTHONPATH = "src" }, tests = "tests/test_*.py",
  inputs = { "src", "tests/test_?.py", "tests/conftest.py", "pytest.ini" },
}
END
run
expect_status 0
expect_no_err 'T213'
echo '# more' >>tests/test_a.py
run
expect_status 0
expect_ran "$a1" "$a2" $skipped $slow unit.discover
file Testfile.lua <<'END'
use "pytest".suite { name = "unit", tests = "tests/test_*.py", inputs = { "tests/test_*.py" }, env = { PYTHONPATH = "src" } }
END
run
expect_status 0
expect_no_err 'T21'
file Testfile.lua <<'END'
use "pytest".suite { name = "unit", tests = "tests/test_*.py", inputs = { "sources/**", "tests/**" }, env = { PYTHONPATH = "src" } }
END
run
expect_err "T213.*sources/[*][*]"

describe "a comment in the Testfile runs nothing; what is shown may be asked for after --"
file Testfile.lua <<'END'
use "pytest".suite { name = "unit", tests = "tests/test_*.py", env = { PYTHONPATH = "src" } }
END
run
expect_status 0
echo '-- a comment' >>Testfile.lua
run
expect_status 0
expect_ran
run "unit#tests/test_c.py" -- -vv --tb=short
expect_status 0
grep -q '"target":"unit#tests/test_c.py::test_c".*"cached":false' "$events"
report $? "another way of showing is another key"

describe "what one test leaves behind, and a fixture's end finds, is on all of them until it is mended"
rm -rf tests src
file tests/test_m.py <<'END'
import pytest


@pytest.fixture(scope="module")
def shared():
    left = []
    yield left
    assert not left, "leak"


def test_1(shared):
    shared.append(1)


def test_2():
    pass
END
for _ in 1 2 3; do
    run -j1
    expect_status 1
done
file tests/test_m.py <<'END'
def test_1(ran):
    ran.append(1)


def test_2():
    pass
END
file tests/conftest.py <<'END'
import pytest

RAN = []


@pytest.fixture
def ran():
    return RAN


def pytest_sessionfinish(session, exitstatus):
    if RAN:
        session.exitstatus = 1
END
for _ in 1 2; do
    run -j1
    expect_status 1
    expect_err "exit status 1, although the tests gave 0"
done
sed -i 's/if RAN:/if False:/' tests/conftest.py
run -j1
expect_status 0

describe "what pytest reads above the Testfile's folder counts"
rm -rf tests .tgraph
file Testfile.lua <<'END'
include "svc"
END
file svc/Testfile.lua <<'END'
use "pytest".suite { name = "unit", inputs = { "tests/**" } }
END
echo 'def test_x(x): assert x == 1' | file svc/tests/test_x.py
printf 'import pytest\n@pytest.fixture\ndef x(): return 1\n' | file conftest.py
run
expect_status 0
printf 'import pytest\n@pytest.fixture\ndef x(): return 2\n' | file conftest.py
run
expect_status 1

describe "test files behind links and in folders given to tgraph once, and read by a project's own locale"
rm -rf tests svc conftest.py .tgraph shared
file Testfile.lua <<'END'
use "pytest".suite { name = "unit" }
END
echo 'W = 1' | file shared/one.py
echo 'W = 2' | file shared/two.py
mkdir tests
ln -s ../shared/one.py tests/test_link.py
echo 'def test_b(): pass' | file tests/test_b.py
printf '#!/bin/sh\ncat tests/te*st_b.py\n' | file tools/locale
chmod +x tools/locale
file tests/test_a.py <<'END'
import subprocess

import test_link


def test_link_leads_to_one():
    assert test_link.W == 1
END
file tests/test_c.py <<'END'
import subprocess


def test_b_is_short():
    assert len(subprocess.run(["tools/locale"], stdout=-1).stdout) < 30
END
file tests/test_d.py <<'END'
def test_once(tgraph_once, tmp_path):
    out = tmp_path / "o"
    tgraph_once("n", ["sh", "-c", "cat tests/test_b.py >$TGRAPH_OUT"], out=out, inputs=["tests"])
    assert len(open(out).read()) < 30
END
run
expect_status 0
ln -sfn ../shared/two.py tests/test_link.py
run
expect_status 1
expect_outcome "unit#tests/test_a.py::test_link_leads_to_one" failed
ln -sfn ../shared/one.py tests/test_link.py
echo 'def test_b_of_quite_another_length(): pass' | file tests/test_b.py
run
expect_status 1
expect_outcome "unit#tests/test_c.py::test_b_is_short" failed
expect_outcome "unit#tests/test_d.py::test_once" failed
