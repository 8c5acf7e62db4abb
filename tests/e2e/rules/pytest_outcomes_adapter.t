#!/bin/sh
# SPDX-License-Identifier: MIT
# The Python side of pytest.suite, without the engine: tests/adapters/python_outcomes.py is a program of its own.
exec python3 "$(dirname "$0")/../../adapters/python_outcomes.py"
