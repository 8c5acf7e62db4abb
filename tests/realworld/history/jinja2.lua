-- SPDX-License-Identifier: MIT
-- Jinja2 from 2.11 on: a Python package, tested by pytest. Until 2.11 its sources are in jinja2/ or src/jinja2/.
local pytest = use "pytest"

pytest.files {
  tests = "tests/test_*.py",
  args = { "-W", "ignore::DeprecationWarning" },
  env = { PYTHONPATH = "src" },
  inputs = { "src/**", "jinja2/**", "tests/**", glob { "setup.cfg", "pyproject.toml", "tox.ini" } },
  timeout = "2m",
}
