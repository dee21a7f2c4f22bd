"""A pytest plugin that writes down what happened to every test, one JSON object a line.

It runs inside the test interpreter, so it needs nothing but the standard library and pytest. Settings come from the
environment: ``BENCH_RECORD`` (the file to write), ``BENCH_TEST_SECONDS`` (a test that takes longer counts as hung) and
``BENCH_MAX_HANGS`` (after so many hung tests the run ends).
"""

import inspect
import json
import os
import signal
from pathlib import Path

import pytest


class Recorder:
    """Appends one record per collected test, failed collection and finished test."""

    def __init__(self, path, test_seconds, max_hangs):
        self.out = Path(path).open("a", encoding="utf-8")  # noqa: SIM115 - closed when the session ends
        self.test_seconds = test_seconds
        self.max_hangs = max_hangs
        self.hung = []
        self.outcomes = {}

    def write(self, **record):
        self.out.write(json.dumps(record) + "\n")
        self.out.flush()

    def pytest_collection_finish(self, session):
        for item in session.items:
            self.write(test=item.nodeid, **definition(item, str(session.config.rootpath)))

    def pytest_collectreport(self, report):
        if report.failed:
            self.write(broken=report.nodeid)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        def expired(signum, frame):
            self.hung.append(item.nodeid)
            # A BaseException, so that the code under test does not swallow it.
            raise pytest.fail.Exception(f"still running after {self.test_seconds} s", pytrace=False)

        before = signal.signal(signal.SIGALRM, expired)
        signal.setitimer(signal.ITIMER_REAL, self.test_seconds, self.test_seconds)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            if len(set(self.hung)) >= self.max_hangs:
                item.session.shouldstop = "too many tests hang"

    def pytest_runtest_logreport(self, report):
        known = self.outcomes.get(report.nodeid)
        if report.failed:
            outcome = "failed"
        elif hasattr(report, "wasxfail"):
            outcome = "xfailed"
        elif report.skipped:
            outcome = "skipped"
        else:
            outcome = "passed"
        if known is None or known == "passed":
            self.outcomes[report.nodeid] = outcome
        if report.when == "teardown":
            self.write(id=report.nodeid, outcome=self.outcomes[report.nodeid], hung=report.nodeid in self.hung)

    def pytest_sessionfinish(self, session, exitstatus):
        self.write(exit=int(exitstatus))
        self.out.close()


def definition(item, root):
    """Where the test function of `item` is written: file relative to `root`, line from 1, qualified name."""
    function = getattr(item, "function", None)
    if function is None:
        return {}
    function = inspect.unwrap(function)
    code = getattr(function, "__code__", None)
    if code is None:
        return {}
    path = os.path.relpath(os.path.realpath(code.co_filename), os.path.realpath(root))
    return {"file": path, "line": code.co_firstlineno, "name": function.__qualname__}


def pytest_configure(config):
    path = os.environ.get("BENCH_RECORD")
    if path:
        recorder = Recorder(
            path, float(os.environ.get("BENCH_TEST_SECONDS", "10")), int(os.environ.get("BENCH_MAX_HANGS", "3"))
        )
        config.pluginmanager.register(recorder, "bench-recorder")
