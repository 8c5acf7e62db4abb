-- SPDX-License-Identifier: MIT
local cargo = use "cargo"

cargo.suite {}
