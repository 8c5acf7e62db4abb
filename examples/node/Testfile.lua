-- SPDX-License-Identifier: MIT
-- JavaScript tests: each file of `node --test` is a target.
--
--   tgraph                    runs both files
--   (edit test/slug.test.js)
--   tgraph                    runs that file
--   (edit src/slug.js)
--   tgraph                    runs both
local node = use "node"

node.files { tests = "test/*.test.js" }
