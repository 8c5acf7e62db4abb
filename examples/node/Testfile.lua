-- SPDX-License-Identifier: MIT
-- JavaScript tests: each file of `node --test` is a case of a suite.
--
--   tgraph                    runs both files
--   (edit test/slug.test.js)
--   tgraph                    runs that file
--   (edit src/slug.js)
--   tgraph                    runs both
local node = use "node"

node.suite { name = "unit", tests = "test/*.test.js" }
