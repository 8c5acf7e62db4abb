-- SPDX-License-Identifier: MIT
-- click from 7.0 on: a Python package, tested by pytest. Version 7 has its sources in click/, 8 in src/click/.
local pytest = use "pytest"

pytest.files {
  tests = "tests/test_*.py",
  -- Newer releases of pytest warn of what older tests do, and click's configuration makes errors of warnings.
  args = { "-W", "ignore::DeprecationWarning" },
  env = { PYTHONPATH = "src" },
  inputs = { "src/**", "click/**", "tests/**", glob { "setup.cfg", "pyproject.toml", "tox.ini" } },
  timeout = "2m",
}
