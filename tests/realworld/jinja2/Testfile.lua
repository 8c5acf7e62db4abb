-- SPDX-License-Identifier: MIT
-- Jinja2 3.1.2: a Python package, tested by pytest.
local pytest = use "pytest"

pytest.files {
  tests = "tests/test_*.py",
  env = { PYTHONPATH = "src" },
  -- Without this line every file of the package would count, its documentation too.
  inputs = { "src/**", "tests/**", "setup.cfg" },
}
