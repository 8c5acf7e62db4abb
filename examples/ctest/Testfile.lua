-- SPDX-License-Identifier: MIT
-- A CMake project: each test that ctest lists is a target.
--
--   tgraph                    configures, builds, asks ctest for its tests and runs them
--   tgraph list               configure, compile, area, scale, table, no-table
--   (edit src/scale.c)
--   tgraph                    builds, and runs `scale`: the other programs came out the same
local ctest = use "ctest"

ctest.project {
  build = "build",
  options = { CMAKE_BUILD_TYPE = "Release" },
}
