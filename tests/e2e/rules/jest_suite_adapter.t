#!/bin/sh
# SPDX-License-Identifier: MIT
# The worker for jest, without the engine: tests/adapters/node_suite.py is a program of its own.
exec python3 "$(dirname "$0")/../../adapters/node_suite.py" jest
