-- SPDX-License-Identifier: MIT
-- Tests under jest: each test file is a case, served by warm workers.
--
--   npm install jest
--   tgraph                    runs both files
--   (edit test/shelf.test.js)
--   tgraph                    runs that file
--   tgraph -- --testNamePattern=empty
local jest = use "jest"

jest.suite { tests = "test/*.test.js", options = options() }
