"""Driving `unittest`: the same tests, in the same order, as ``python -m unittest ARGUMENTS`` would run."""

import os
import sys
import time
import unittest

from _quanta import forking
from _quanta.failures import describe


def prepare(config):
    sys.path.insert(0, os.getcwd())
    sys.argv = ["python -m unittest", *config["arguments"]]


class _Loaded(unittest.TestProgram):
    """Parses the command line and loads the tests, and stops there."""

    def runTests(self):
        pass


def serve(config, server):
    """Let the server take over; in each child it forks, load the tests and do the child's task."""
    task = server.loop()
    program = _Loaded(module=None, argv=["python -m unittest", *config["arguments"]], exit=False)
    task.run(Session(program.test))
    return 0


def _flatten(suite):
    for test in suite:
        if isinstance(test, unittest.TestSuite):
            yield from _flatten(test)
        elif test is not None:
            yield test


class Session:
    """Loaded tests. A module that did not import is an error under its own name, and no test."""

    def __init__(self, suite):
        self.items, self.errors, self.frames = {}, {}, {}
        for test in _flatten(suite):
            broken = getattr(test, "_exception", None)
            if type(test).__name__ == "_FailedTest" and broken is not None:
                name = test._testMethodName
                self.errors[name] = str(broken)
                # The loader keeps the traceback as text only; the exception it raised from is the one to describe.
                self.frames[name] = dict(describe(broken), text=str(broken))
            else:
                self.items.setdefault(test.id(), test)

    @property
    def ids(self):
        return list(self.items)

    def run(self, ids, emit, *, stop, detail, tracer, limits):
        wanted = [self.items[i] for i in ids if i in self.items]
        result = _Result(emit, stop, detail, tracer, limits)
        # Suites tear class and module fixtures down at the change of class, so order and grouping are kept.
        unittest.TestSuite(wanted).run(result)
        result.missing(wanted)


class _Result(unittest.TestResult):
    def __init__(self, emit, stop, detail, tracer, limits):
        super().__init__()
        self.emit, self.stop_early, self.detail, self.tracer, self.limits = emit, stop, detail, tracer, limits
        self.record = None
        self.seen = set()
        self.fixture_failed = None

    def startTest(self, test):
        super().startTest(test)
        self.record = {"id": test.id(), "outcome": "passed", "text": ""}
        self.began = time.perf_counter()
        forking.rearm(self.limits.get(test.id(), self.limits["*"])[0])
        if self.tracer is not None:
            self.tracer.current = test.id()
            self.tracer.start()

    def stopTest(self, test):
        if self.tracer is not None:
            self.tracer.stop()
            self.record["lines"] = self.tracer.take()
        self.record["seconds"] = round(time.perf_counter() - self.began, 4)
        self.seen.add(test.id())
        self.emit(self.record)
        if self.stop_early and self.record["outcome"] == "failed":
            self.stop()
        super().stopTest(test)

    def _fail(self, test, error):
        if self.record is None or self.record["id"] != test.id():
            if not isinstance(test, unittest.TestCase):  # setUpClass or setUpModule: all its tests fail with it
                self.fixture_failed = error[1]
                return
        self.record["outcome"] = "failed"
        if self.detail:
            self.record["text"] += self._exc_info_to_string(error, test)
            self.record.update(describe(error[1]))

    def addError(self, test, err):
        self._fail(test, err)

    def addFailure(self, test, err):
        self._fail(test, err)

    def addSubTest(self, test, subtest, err):
        if err is not None:
            self._fail(test, err)

    def addSkip(self, test, reason):
        if self.record is not None and self.record["id"] == test.id():
            self.record["outcome"] = "skipped"

    def addExpectedFailure(self, test, err):
        self.record["outcome"] = "xfailed"

    def addUnexpectedSuccess(self, test):
        self.record["outcome"] = "failed"

    def missing(self, wanted):
        """Tests that never started because a class or module fixture failed."""
        if self.fixture_failed is None:
            return
        for test in wanted:
            if test.id() not in self.seen:
                record = {"id": test.id(), "outcome": "failed", "seconds": 0.0}
                if self.detail:
                    record.update(describe(self.fixture_failed), text=str(self.fixture_failed))
                self.emit(record)
