"""Runs that never came to a test, or ended by a signal."""

from __future__ import annotations

import pytest
from diagnostic_samples import VERSIONS, read

from quantatissu.diagnostics import parse


@pytest.mark.parametrize("version", VERSIONS)
class TestStoredRuns:
    def test_missing_file(self, version: str) -> None:
        [found] = read(version, "pytest_no_file.txt")
        assert (found.tool, found.code) == ("pytest", "UsageError")
        assert found.message == "file or directory not found: nope.py"

    def test_missing_test(self, version: str) -> None:
        [found] = read(version, "pytest_no_test.txt")
        assert found.message.startswith("not found: /project/test_x.py::test_nope")

    def test_unknown_option(self, version: str) -> None:
        [found] = read(version, "pytest_no_option.txt")
        assert (found.tool, found.message) == ("pytest", "unrecognized arguments: --no-such-option")

    def test_settings(self, version: str) -> None:
        [found] = read(version, "pytest_bad_ini.txt")
        assert found.code == "UsageError"
        assert found.location is not None
        assert (found.location.path, found.location.line) == ("/project/pytest.ini", 2)

    def test_plugin(self, version: str) -> None:
        [found] = read(version, "pytest_no_plugin.txt")
        assert found.code in {"ImportError", "UsageError"} and "no_such_plugin" in found.message

    def test_conftest(self, version: str) -> None:
        [found] = read(version, "pytest_conftest.txt")
        assert (found.code, found.message) == ("ModuleNotFoundError", "No module named 'a_missing_package'")
        assert found.location is not None and found.location.path == "conftest.py"

    def test_crash_names_the_running_test(self, version: str) -> None:
        [found] = read(version, "pytest_crash.txt")
        assert (found.code, found.test) == ("SIGSEGV", "test_crash.py::test_crash")
        assert "test_crash" in {frame.function for frame in found.frames}


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("/usr/bin/python3: No module named pytest", "ModuleNotFoundError"),
        ("python: can't open file '/x/run.py': [Errno 2] No such file or directory", "FileNotFoundError"),
        ("/bin/sh: 1: pytest: not found", "CommandNotFound"),
        ("bash: line 3: tox: command not found", "CommandNotFound"),
        ("zsh: command not found: pytest", "CommandNotFound"),
        ("make: pytest: No such file or directory", "CommandNotFound"),
        ("Segmentation fault (core dumped)", "SIGSEGV"),
        ("Killed", "SIGKILL"),
        ("run.sh: line 4:  1234 Aborted                 (core dumped) python x.py", "SIGABRT"),
        ("make: *** [Makefile:3: test] Terminated", "SIGTERM"),
        ("Command terminated by signal 9", "SIGKILL"),
        ("Timeout (0:00:05)!", "Timeout"),
        ("Fatal Python error: Aborted", "SIGABRT"),
        ("Fatal Python error: init_fs_encoding: failed to get the Python codec", "FatalError"),
        ("FAIL Required test coverage of 90% not reached. Total coverage: 50.00%", "CoverageThreshold"),
    ],
)
def test_single_lines(line: str, code: str) -> None:
    [found] = parse(f"some output\n{line}\n")
    assert (found.code, found.kind, found.severity) == (code, "runtime", "error")


@pytest.mark.parametrize(
    "line",
    [
        "Killed the old server",
        "ERROR: could not install",
        "error: x",
        "3 passed in 0.01s",
        "pytest: good",
        "not found",
    ],
)
def test_lines_that_are_no_complaint_of_ours(line: str) -> None:
    assert parse(f"some output\n{line}\n") == []


def test_the_shell_does_not_repeat_a_crash() -> None:
    text = "Fatal Python error: Segmentation fault\n\nCurrent thread 0x01 (most recent call first):\n"
    text += '  File "x.py", line 3 in f\n  File "x.py", line 9 in <module>\nSegmentation fault (core dumped)\n'
    [found] = parse(text)
    assert [frame.function for frame in found.frames] == ["<module>", "f"]


def test_internal_error_of_pytest() -> None:
    text = """\
=========== test session starts ===========
collected 1 item
INTERNALERROR> Traceback (most recent call last):
INTERNALERROR>   File "p.py", line 2, in hook
INTERNALERROR>     f()
INTERNALERROR> RuntimeError: broken plugin

===== no tests ran in 0.01s =====
"""
    [found] = parse(text)
    assert (found.code, found.message) == ("RuntimeError", "broken plugin")


def test_arguments_of_a_program_that_is_not_pytest() -> None:
    [found] = parse("usage: tool [-h]\ntool: error: unrecognized arguments: -x\n")
    assert (found.tool, found.message) == ("python", "unrecognized arguments: -x")
