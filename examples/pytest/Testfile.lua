-- SPDX-License-Identifier: MIT
-- Python tests: each test file is a target.
--
--   tgraph                    looks at what is installed, and runs the three files
--   (edit tests/test_account.py)
--   tgraph                    runs that file
--   (edit tests/test_money.py)
--   tgraph                    runs all: test_statement.py names test_money, so any file may load it
--   (edit src/ledger/money.py, or install a package)
--   tgraph                    runs all
local pytest = use "pytest"

pytest.files {
  tests = "tests/test_*.py",
  env = { PYTHONPATH = "src" },
}
