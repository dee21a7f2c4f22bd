"""Which side is which, and when there are no sides."""

from __future__ import annotations

import pytest

from quantatissu.diagnostics import parse


def _sides(message: str, code: str = "AssertionError") -> tuple[str | None, str | None]:
    """(actual, expected) of a traceback that ends with this exception."""
    body = f'Traceback (most recent call last):\n  File "m.py", line 3, in test_x\n{code}: {message}'
    rule, line = "=" * 70, "-" * 70
    [found] = parse(f"{rule}\nERROR: test_x (m.T.test_x)\n{line}\n{body}\n\n{line}\nRan 1 test in 0.001s\n\nFAILED\n")
    return found.actual, found.expected


@pytest.mark.parametrize(
    ("message", "actual", "expected"),
    [
        ("assert 3 == 2", "3", "2"),
        ("assert ' == ' == 'x'", "' == '", "'x'"),
        ("assert {'a': '='} != {'a': '='}", "{'a': '='}", "!= {'a': '='}"),
        ("assert (1, 2) == (1, 3)", "(1, 2)", "(1, 3)"),
        ("assert 'it\\'s' == \"it's\"", "'it\\'s'", '"it\'s"'),
        ("assert <Foo is not None> == <Bar in x>", "<Foo is not None>", "<Bar in x>"),
        ("assert x is not None", "x", "is not None"),
        ("assert 'a' not in 'abc'", "'a'", "not in 'abc'"),
        ("assert 5 <= 4\n +  where 5 = f()", "5", "<= 4"),
        ("assert False\n +  where False = isinstance(1, str)", "False", None),
        ("sum of two\nassert 3 == 2", "3", "2"),
        ("assert (1 == 1 and 2 == 3)", None, None),
        ("assert 1 < 2 < 2", None, None),
        (
            "assert {'errors': 0,...pped': 0} == {'errors': 1,...pped': 0}",
            "{'errors': 0,...pped': 0}",
            "{'errors': 1,...pped': 0}",
        ),
        ("1 != 2 : 3 : 4", "1", "2"),
        ("'a : b' != 'c' : note", "'a : b'", "'c'"),
        ("Lists differ: [1] != [2]\n\nFirst differing element 0:", "[1]", "[2]"),
        ("unexpectedly identical: 3 : note", "3", "is not 3"),
        ("False is not true : note", "False", None),
        ("KeyError not raised by pop : note", None, "KeyError"),
        ("expected call not found.\nExpected: f(1)\n  Actual: f(2)", "f(2)", "f(1)"),
        ("\nItems are not equal:\n ACTUAL: 3\n DESIRED: 4", "3", "4"),
        ("plain words", None, None),
        ("'a' is not a valid name", None, None),
        ("user 3 not found in the database", None, None),
        ("<A object at 0x7f> is not None : note", "<A object at 0x7f>", "None"),
        ("Point(x=1, y=2) not found in [Point(x=1, y=3)]", "Point(x=1, y=2)", "in [Point(x=1, y=3)]"),
        ("", None, None),
    ],
)
def test_sides(message: str, actual: str | None, expected: str | None) -> None:
    assert _sides(message) == (actual, expected)


def test_only_assertions_have_sides() -> None:
    assert _sides("1 != 2", code="ValueError") == (None, None)


def test_shortened_values_come_whole_from_a_full_diff() -> None:
    message = "assert [0, 1, ...] == [0, 1, ...]\n  \n  At index 2 diff: 7 != 8\n  \n  Full diff:\n    [\n"
    message += "  -     8,\n  ?     ^\n  +     7,\n    ]"
    assert _sides(message) == ("[\n    7,\n]", "[\n    8,\n]")
    assert _sides(message + "\n +  where [0, 1, ...] = f()") == ("[\n    7,\n]", "[\n    8,\n]")
    cut = message + "\n  ...Full output truncated (9 lines hidden), use '-vv' to show"
    assert _sides(cut) == ("[0, 1, ...]", "[0, 1, ...]")
