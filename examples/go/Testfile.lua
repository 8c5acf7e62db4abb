-- SPDX-License-Identifier: MIT
local go = use "go"

go.suite {}
