"""A pytest plugin for clean runs: writes every test's outcome to the file named by QUANTA_REPORT, line by line.

Loaded with ``-p _quanta.report`` into the project's own command, whatever else that command does.
"""

import json
import os

import pytest

_RANK = {"passed": 0, "xpassed": 1, "skipped": 2, "xfailed": 3, "failed": 4}
_state = {}


def pytest_configure(config):
    path = os.environ.get("QUANTA_REPORT")
    if path and not hasattr(config, "workerinput"):  # under xdist only the controller reports
        _state["file"] = open(path, "a", encoding="ascii", buffering=1)
        _state["outcomes"] = {}


def _write(record):
    file = _state.get("file")
    if file is not None:
        file.write(json.dumps(record) + "\n")


@pytest.hookimpl(trylast=True)
def pytest_runtest_logreport(report):
    if "file" not in _state:
        return
    if hasattr(report, "wasxfail"):
        outcome = "xfailed" if report.skipped else "xpassed" if report.passed else "failed"
    else:
        outcome = report.outcome
    outcomes = _state["outcomes"]
    if outcome == "passed" and report.when != "call":
        outcome = None
    known = outcomes.get(report.nodeid)
    if outcome is not None and (known is None or _RANK[outcome] > _RANK[known]):
        known = outcomes[report.nodeid] = outcome
    if report.when == "teardown":
        _write({"id": report.nodeid, "outcome": known or "failed"})
        outcomes.pop(report.nodeid, None)


def pytest_collectreport(report):
    if report.failed:
        _write({"id": report.nodeid, "outcome": "failed", "collection": True})


def pytest_sessionfinish(session, exitstatus):
    for test, outcome in list(_state.get("outcomes", {}).items()):
        _write({"id": test, "outcome": outcome})
    _write({"finished": int(exitstatus)})
