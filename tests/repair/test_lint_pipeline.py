"""Lint findings of whole projects: what counts as fixed, what the tests say, what is left, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from quantatissu.foundation import QuantaError
from quantatissu.repair import FixOptions, FixResult
from quantatissu.repair.lint import fix_lint
from quantatissu.repair.report import LintOptions

Files = dict[str, Any]

CODE = """def scale(values, by):
    if by == None:
        return values
    else:
        return ["%d" % (value * by) for value in values]


def names(pairs):
    l = []
    for pair in pairs:
        l.append(pair[0])
    return l
"""
TEST = """from code_under_test import names, scale


def test_scale():
    assert scale([1, 2.5], 2) == ["2", "5"]
    assert scale([1], None) == [1]


def test_names():
    assert names([("a", 1)]) == ["a"]
"""
SETTINGS = '[tool.ruff.lint]\nselect = ["E", "RET", "UP", "PERF"]\n'


@pytest.fixture
def linted(project: Callable[..., Path]) -> Callable[..., FixResult]:
    def run(tree: Files, *, select: str = "", unsafe: bool = False, **options: Any) -> FixResult:
        root = project(tree)
        before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        options.setdefault("max_seconds", 60.0)
        chosen = LintOptions(tuple(filter(None, select.split(","))), unsafe)
        result = fix_lint(FixOptions(root, **options), chosen)
        after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
        assert after == before
        return result

    return run


def test_findings_are_fixed_beyond_what_ruff_calls_safe(linted: Callable[..., FixResult]) -> None:
    result = linted({"code_under_test.py": CODE, "test_code.py": TEST, "pyproject.toml": SETTINGS})
    assert result.status == "fixed"
    assert result.lint is not None and result.patch is not None
    assert result.lint.found == result.lint.fixed > 4
    assert result.patch.verified
    assert "All 2 tests that passed still pass." in result.message
    text = result.patch.contents["code_under_test.py"].decode()
    assert "by is None" in text and "%d" not in text and " l " not in text


def test_an_edit_that_breaks_a_test_is_left_and_the_others_stay(linted: Callable[..., FixResult]) -> None:
    code = (
        "class Same:\n    def __eq__(self, other):\n        return True\n\n\n"
        'def is_none(a):\n    return a == None\n\n\ndef told(a):\n    return "%s" % (a,)\n'
    )
    test = "from code import Same, is_none, told\n\n\ndef test_it():\n    assert is_none(Same())\n    assert told(1) == '1'\n"
    test = test.replace("from code", "from module")
    result = linted({"module.py": code, "test_module.py": test}, select="E711,UP031")
    assert result.status == "fixed"
    assert result.lint is not None and result.patch is not None
    assert [(left.code, left.reason) for left in result.lint.left] == [
        ("E711", "the fix breaks test_module.py::test_it")
    ]
    assert "a == None" in result.patch.contents["module.py"].decode()
    assert result.patch.verified


def test_without_tests_only_what_needs_none(linted: Callable[..., FixResult]) -> None:
    files = {"module.py": CODE + "\n# " + "words and " * 12 + "\n"}
    result = linted(files, select="E,UP031")
    assert result.lint is not None and result.patch is not None
    assert {left.code for left in result.lint.left} == {"E711", "E741", "UP031"}
    assert "No tests bear it out" in result.message
    assert result.hint is not None and "--unsafe" in result.hint
    assert not result.patch.verified


def test_unsafe_takes_the_rest(linted: Callable[..., FixResult]) -> None:
    result = linted({"module.py": CODE}, select="E,UP031", unsafe=True)
    assert result.lint is not None
    assert result.lint.fixed == result.lint.found


def test_nothing_found_is_nothing_to_fix(linted: Callable[..., FixResult]) -> None:
    result = linted({"module.py": "x = 1\n"})
    assert (result.status, result.patch) == ("nothing_to_fix", None)


def test_nothing_fixed_is_not_fixed(linted: Callable[..., FixResult]) -> None:
    result = linted({"module.py": "def f(x):\n    global y\n    y = x\n\n\ny = 1\n"}, select="PLW0603")
    assert result.status == "not_fixed"
    assert result.lint is not None and result.lint.left[0].reason == "no fix is known"


def test_a_file_that_does_not_parse_is_left_out_by_name(linted: Callable[..., FixResult]) -> None:
    result = linted({"broken.py": "def f(:\n", "module.py": "import os\n"}, select="F401")
    assert result.status == "fixed"
    assert any("broken.py was left out: line 1" in warning for warning in result.warnings)


def test_only_some_files(linted: Callable[..., FixResult]) -> None:
    result = linted({"a.py": "import os\n", "b.py": "import os\n"}, select="F401", files=("b.py",))
    assert result.patch is not None and set(result.patch.contents) == {"b.py"}


def test_a_rule_that_is_none_is_an_error(linted: Callable[..., FixResult]) -> None:
    with pytest.raises(QuantaError, match="NOTARULE"):
        linted({"module.py": "import os\n"}, select="NOTARULE")


def test_a_test_command_that_cannot_run_is_an_error(linted: Callable[..., FixResult]) -> None:
    with pytest.raises(QuantaError):
        linted({"module.py": "import os\n"}, select="F401", test="no-such-program", python=Path("/no/such/python"))


def test_failing_tests_stay_as_they_were(linted: Callable[..., FixResult]) -> None:
    test = TEST + "\n\ndef test_that_fails():\n    assert names([]) == 1\n"
    result = linted({"code_under_test.py": CODE, "test_code.py": test}, select="UP031")
    assert result.status == "fixed"
    assert result.failing_before == result.failing_after == ("test_code.py::test_that_fails",)


def test_tests_whose_ids_come_from_a_set_are_the_same_tests(linted: Callable[..., FixResult]) -> None:
    test = (
        "import pytest\nfrom module import f\n\n\nclass A:\n    pass\n\n\n"
        "@pytest.mark.parametrize('a', {A(), A(), A()}, ids=lambda a: str(id(a)))\n"
        "def test_f(a):\n    assert f(a) == str(a)\n"
    )
    result = linted({"module.py": 'def f(a):\n    return "%s" % a\n', "test_module.py": test}, select="UP031")
    assert result.status == "fixed"
    assert result.patch is not None and result.patch.verified


def test_time_that_is_too_short_loses_nothing(linted: Callable[..., FixResult]) -> None:
    result = linted({"code_under_test.py": CODE, "test_code.py": TEST}, select="E,UP031", max_seconds=0.05)
    assert result.lint is not None
    assert {left.reason for left in result.lint.left} <= {"there was no time left"}
