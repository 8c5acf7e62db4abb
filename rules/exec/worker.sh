#!/bin/sh
# SPDX-License-Identifier: MIT
# The worker of suites whose cases are a process each is a part of tgraph itself (docs/rules/exec.md). This file stands for
# it in keys: the number goes up when it judges in another way. Judge: 1
exec "${TGRAPH:-tgraph}" exec-worker "$@"
