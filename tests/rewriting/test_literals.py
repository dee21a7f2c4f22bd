"""Numbers, True, False, None, empty containers and default values."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("step_number", "x = 1\n", "x = 2\n"),
    ("step_number", "x = y[0]\n", "x = y[-1]\n"),
    ("step_number", "x = 0x0F\n", "x = 0x10\n"),
    ("step_number", "x = -1\n", "x = -2\n"),
    ("step_number", "x = 2 ** -1\n", "x = 2 ** 0\n"),
    ("negate_number", "x = 1\n", "x = -1\n"),
    ("negate_number", "x = a - 1\n", "x = a - -1\n"),
    ("scale_number", "x = 1000\n", "x = 1024\n"),
    ("scale_number", "x = 60\n", "x = 3600\n"),
    ("scale_number", "x = 0.5\n", "x = 0.05\n"),
    ("scale_number", "x = a / 2\n", "x = a / 2.0\n"),
    ("common_number", "x = 10\n", "x = 0\n"),
    ("swap_constant", "f(x, True)\n", "f(x, False)\n"),
    ("swap_constant", "x = None\n", "x = False\n"),
    ("swap_empty", "x = []\n", "x = {}\n"),
    ("swap_empty", "x = set()\n", "x = {}\n"),
    ("swap_empty", "best = 0\n", "best = float('-inf')\n"),
    ("swap_empty", "def f(x):\n    return None\n", "def f(x):\n    return []\n"),
    ("drop_default", "def f(a, b=None): pass\n", "def f(a, b): pass\n"),
    ("drop_default", "def f(a, *, b: int = 0): pass\n", "def f(a, *, b: int): pass\n"),
    ("drop_default", "f = lambda a=1: a\n", "f = lambda a: a\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


def test_numbers_of_the_function_come_before_those_of_the_file() -> None:
    text = "LIMIT = 77\ndef f():\n    g(31)\n    return 50\n"
    made = [line for result in results("seen_number", text) if (line := result.splitlines()[-1]) != "    return 50"]
    assert made == ["    return 31", "    return 77"]


def test_attribute_of_a_number_keeps_its_parentheses() -> None:
    assert results("step_number", "x = (1).real\n")[0] == "x = (0).real\n"
    assert "x = (-1).real\n" in results("negate_number", "x = (1).real\n")


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("step_number", "x: 'List[1]' = y\n"),
        ("step_number", "x = True\n"),
        ("step_number", "x = 0.5\n"),
        ("negate_number", "x = 0\n"),
        ("swap_constant", "'''True'''\n"),
        ("add_default", "def m(self): pass\n"),
        ("drop_default", "def f(a, b): pass\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_long_tables_are_data() -> None:
    table = "x = [" + ", ".join(str(i * 7) for i in range(40)) + "]\n"
    assert results("step_number", table)
    assert not results("common_number", table)
    assert not results("scale_number", table)
