-- SPDX-License-Identifier: MIT
-- A C library, a program and two tests.
--
--   tgraph                    compiles, links and runs both tests
--   tgraph                    again: nothing has changed, nothing runs
--   (edit a comment of src/roman.c)
--   tgraph                    compiles that file; the object comes out the same, so nothing else runs
--   (edit tests/test_stack.c)
--   tgraph                    compiles that file, links, and runs test_stack
--   (edit include/stack.h)
--   tgraph                    compiles what includes it, src/stack.c and tests/test_stack.c, and runs what is made of them
local cc = use "cc"

local cflags = { "-std=c17", "-O1", "-Wall", "-Wextra" }

local numerals = cc.library {
  name = "numerals",
  srcs = { "src/roman.c", "src/stack.c" },
  include = "include",
  cflags = cflags,
}

cc.binary { name = "roman", srcs = "src/main.c", include = "include", cflags = cflags, libs = { numerals } }

-- The tests read no file when they run. Without `inputs = {}` every file here that is not C would count.
cc.test {
  name = "test_roman",
  srcs = "tests/test_roman.c",
  include = "include",
  cflags = cflags,
  libs = { numerals },
  inputs = {},
}

cc.test {
  name = "test_stack",
  srcs = "tests/test_stack.c",
  include = "include",
  cflags = cflags,
  libs = { numerals },
  harness = "tap",
  inputs = {},
}

-- The program itself, as a user starts it.
test "roman-prints" {
  cmd = [[test "$(build/tgraph/roman 1954)" = MCMLIV]],
  inputs = { "build/tgraph/roman" },
}
