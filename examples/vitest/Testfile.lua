-- SPDX-License-Identifier: MIT
-- Tests under vitest: each test file is a case, served by warm workers.
--
--   npm install vitest
--   tgraph                    runs both files
--   (edit test/parse.test.ts)
--   tgraph                    runs that file
local vitest = use "vitest"

vitest.suite { tests = "test/*.test.ts", options = options() }
