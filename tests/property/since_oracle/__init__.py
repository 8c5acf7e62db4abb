# SPDX-License-Identifier: MIT
"""What since.py is made of: repo (git and folders), spec (Testfiles as data and as Lua), world (both together, changed
at random by files, gitside, testfiles and index, all listed in edits), oracle (two checkouts, and what follows from
their keys)."""
