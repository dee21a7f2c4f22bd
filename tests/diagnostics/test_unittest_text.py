"""unittest's text output, from real runs of Python 3.9 to 3.13."""

from __future__ import annotations

import pytest
from diagnostic_samples import VERSIONS, read

from quantatissu.diagnostics import Diagnostic, parse

SIDES = {  # (actual, expected)
    "test_equal": ("-1", "5"),
    "test_equal_message": ("-1", "5"),
    "test_text": (r"'one\ntwo'", r"'one\nTWO'"),
    "test_list": ("[1, 2, 3]", "[1, 2, 4]"),
    "test_dict": ("{'a': 1}", "{'a': 2}"),
    "test_not_equal": ("1", "!= 1"),
    "test_true": ("0", None),
    "test_none": ("3", "None"),
    "test_not_none": ("None", "not None"),
    "test_is": ("1", "2"),
    "test_in": ("3", "in [1, 2]"),
    "test_not_in": ("1", "not in [1, 2]"),
    "test_instance": ("'x'", "<class 'int'>"),
    "test_greater": ("1", ">= 2"),
    "test_almost": ("1.0", "1.5"),
    "test_delta": ("1.0", "1.5"),
    "test_regex": ("'abc'", "'x+'"),
    "test_raises": (None, "ValueError"),
    "test_raises_call": (None, "ValueError"),
    "test_warns": (None, "DeprecationWarning"),
}


def _by_method(found: list[Diagnostic]) -> dict[str, Diagnostic]:
    return {(item.test or "").partition("test_unit.TestUnit.")[2]: item for item in found}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("name", ["unittest_quiet.txt", "unittest_verbose.txt"])
def test_sides_of_every_assertion(version: str, name: str) -> None:
    found = read(version, name)
    tests = _by_method(found)
    assert {method: (tests[method].actual, tests[method].expected) for method in SIDES} == SIDES
    assert {item.tool for item in found} == {"unittest"}


@pytest.mark.parametrize("version", VERSIONS)
def test_ids_as_unittest_spells_them(version: str) -> None:
    tests = {item.test for item in read(version, "unittest_verbose.txt")}
    assert "test_unit.TestUnit.test_sub [odd] (n=2)" in tests
    assert "test_unit.TestUnit.test_sub_plain (n=2, text='a (b)')" in tests
    assert "test_unit.TestClassSetup.setUpClass" in tests


@pytest.mark.parametrize("version", VERSIONS)
def test_modules_that_cannot_be_loaded_show_the_error_inside(version: str) -> None:
    tests = {item.test: item for item in read(version, "unittest_quiet.txt")}
    assert tests["test_missing"].code == "ModuleNotFoundError"
    assert tests["test_missing"].message == "No module named 'a_missing_package'"
    broken = tests["test_broken"]
    assert (broken.code, broken.kind) == ("SyntaxError", "compile")
    assert broken.location is not None and broken.location.path == "/project/test_broken.py"


@pytest.mark.parametrize("version", VERSIONS)
def test_chains_and_frames(version: str) -> None:
    tests = _by_method(read(version, "unittest_quiet.txt"))
    cause = tests["test_cause"]
    assert (cause.code, cause.message) == ("bank.core.BankError", "cannot read:\n{")
    assert [frame.function for frame in cause.frames] == ["test_cause", "parse"]
    assert [item.code for item in cause.causes] == ["json.decoder.JSONDecodeError"]
    regex = tests["test_raises_regex"]
    if regex.causes:  # an exception without frames stands in the middle of this chain
        assert [item.code for item in regex.causes] == ["bank.core.BankError"]


def test_logged_tracebacks_do_not_count() -> None:
    found = read("py312-pytest84", "unittest_verbose.txt")
    assert len(found) == 29
    assert sum(item.message == "unexpected success" for item in found) == 1
    assert _by_method(found)["test_logged"].message == "explicit"


def test_captured_output_is_no_part_of_the_message() -> None:
    text = f"""\
{"=" * 70}
FAIL: test_x (m.T.test_x)
{"-" * 70}
Traceback (most recent call last):
  File "m.py", line 3, in test_x
    self.fail()
AssertionError: None

Stdout:
hello

{"-" * 70}
Ran 1 test in 0.001s

FAILED (failures=1)
"""
    [found] = parse(text)
    assert (found.test, found.message) == ("m.T.test_x", "None")


def test_a_run_killed_before_its_end_keeps_its_failures() -> None:
    text = f"""\
F.
{"=" * 70}
FAIL: test_x (m.T)
First line of a docstring.
{"-" * 70}
Traceback (most recent call last):
  File "m.py", line 3, in test_x
AssertionError: 1 != 2"""
    [found] = parse(text)
    assert (found.test, found.actual, found.expected) == ("m.T.test_x", "1", "2")
