-- SPDX-License-Identifier: MIT
-- jansson 2.14: a C library, built by CMake, with 213 tests in ctest.
local ctest = use "ctest"

ctest.project {
  options = { CMAKE_BUILD_TYPE = "Release", JANSSON_BUILD_DOCS = false },
  -- The tests read what their command names (a folder of test/suites) and nothing else, and start no other program.
  inputs = function(t)
    return t.paths
  end,
  programs = {},
}
