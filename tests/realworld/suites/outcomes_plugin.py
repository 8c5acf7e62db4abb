# SPDX-License-Identifier: MIT
"""A pytest plugin: what plain pytest says of each item, as JSON in the file that OUTCOMES names."""
import json
import os

outcomes = {}


def pytest_runtest_logreport(report):
    now = outcomes.get(report.nodeid)
    if getattr(report, "context", None) is not None:  # of a subtest: counts with its item
        if report.outcome == "failed":
            outcomes[report.nodeid] = "failed"
        return
    if report.when == "call":
        if hasattr(report, "wasxfail"):
            new = "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
        else:
            new = report.outcome
        outcomes[report.nodeid] = "failed" if now == "failed" else new
    elif report.outcome == "failed":
        outcomes[report.nodeid] = "failed" if now == "failed" else "error"
    elif report.outcome == "skipped":
        outcomes[report.nodeid] = "xfailed" if hasattr(report, "wasxfail") else "skipped"


def pytest_sessionfinish(session):
    if hasattr(session.config, "workerinput"):  # xdist: the controller has them all
        return
    with open(os.environ["OUTCOMES"], "w") as f:
        json.dump(outcomes, f)
