-- SPDX-License-Identifier: MIT
-- Jinja2 3.1.2: a Python package, tested by pytest.
local pytest = use "pytest"

local function files(options)
  options.env = { PYTHONPATH = "src" }
  -- Without this line every file of the package would count, its documentation too.
  options.inputs = { "src/**", "tests/**", "setup.cfg" }
  pytest.files(options)
end

files { tests = { "tests/test_*.py", "!tests/test_loader.py" } }
-- It touches tests/res/templates/test.html, which is an input of them all: what runs beside it cannot be trusted to have
-- seen one state of the file. It runs alone, and every time.
files { tests = "tests/test_loader.py", exclusive = true }
