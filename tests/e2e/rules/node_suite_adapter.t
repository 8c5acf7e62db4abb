#!/bin/sh
# SPDX-License-Identifier: MIT
# The worker for node:test, without the engine: tests/adapters/node_suite.py is a program of its own.
exec python3 "$(dirname "$0")/../../adapters/node_suite.py" node
