"""``python -m unittest ARGUMENTS`` with every test's outcome written to the file named by QUANTA_REPORT."""

import json
import os
import sys
import unittest


class _Result(unittest.TextTestResult):
    def _record(self, test, outcome):
        self.outcomes[test.id()] = outcome

    def startTest(self, test):
        self.__dict__.setdefault("outcomes", {})[test.id()] = "passed"
        super().startTest(test)

    def stopTest(self, test):
        super().stopTest(test)
        with open(os.environ["QUANTA_REPORT"], "a", encoding="ascii") as file:
            file.write(json.dumps({"id": test.id(), "outcome": self.outcomes[test.id()]}) + "\n")

    def addError(self, test, err):
        super().addError(test, err)
        self.__dict__.setdefault("outcomes", {})[test.id()] = "failed"

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._record(test, "failed")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._record(test, "failed")

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.__dict__.setdefault("outcomes", {})[test.id()] = "skipped"

    def addExpectedFailure(self, test, err):
        super().addExpectedFailure(test, err)
        self._record(test, "xfailed")

    def addUnexpectedSuccess(self, test):
        super().addUnexpectedSuccess(test)
        self._record(test, "failed")


def main():
    here = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:] = [os.getcwd()] + [entry for entry in sys.path if entry != here]
    runner = unittest.TextTestRunner(resultclass=_Result)
    program = unittest.TestProgram(
        module=None, argv=["python -m unittest", *sys.argv[1:]], testRunner=runner, exit=False
    )
    with open(os.environ["QUANTA_REPORT"], "a", encoding="ascii") as file:
        status = 0 if program.result.wasSuccessful() else 1
        file.write(json.dumps({"finished": status}) + "\n")
    sys.exit(status)


if __name__ == "__main__":
    main()
