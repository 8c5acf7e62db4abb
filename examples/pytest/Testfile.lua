-- SPDX-License-Identifier: MIT
-- Python tests: each test is a case of a suite.
--
--   tgraph                    looks at what is installed, collects, and serves every test
--   (edit tests/test_account.py)
--   tgraph                    collects, and runs the tests of that file
--   (edit tests/test_money.py)
--   tgraph                    runs its tests, and those of files that import it
--   (edit src/ledger/money.py, or install a package)
--   tgraph                    runs all
local pytest = use "pytest"

pytest.suite {
  name = "unit",
  tests = "tests/test_*.py",
  env = { PYTHONPATH = "src" },
}
