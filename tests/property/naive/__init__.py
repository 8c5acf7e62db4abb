# SPDX-License-Identifier: MIT
"""A second, slow and simple opinion of what tgraph must run: see ../what_runs.py."""
