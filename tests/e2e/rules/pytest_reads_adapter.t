#!/bin/sh
# SPDX-License-Identifier: MIT
# The Python side of pytest.suite, without the engine: tests/adapters/python_reads.py is a program of its own.
exec python3 "$(dirname "$0")/../../adapters/python_reads.py"
