"""Binary and augmented operators, operands, off-by-one, signs and grouping."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("swap_operator", "x = a + b\n", "x = a - b\n"),
    ("swap_operator", "x = a*b\n", "x = a**b\n"),
    ("swap_operator", "x = a / b\n", "x = a // b\n"),
    ("swap_operator", "x = (a) + (b)  # a - b\n", "x = (a) - (b)  # a - b\n"),
    ("swap_operator", "x = (a +  # minus -\n     b)\n", "x = (a -  # minus -\n     b)\n"),
    ("swap_operator", "x = a & b\n", "x = a | b\n"),
    ("swap_operator", "x = 1 << n\n", "x = 1 >> n\n"),
    ("swap_augmented", "x += 1\n", "x -= 1\n"),
    ("swap_augmented", "x//=2\n", "x/=2\n"),
    ("open_augmented", "x += 1\n", "x =+ 1\n"),
    ("open_augmented", "x -= y\n", "x =- y\n"),
    ("swap_operands", "x = a - b\n", "x = b - a\n"),
    ("swap_operands", "x = (a - b) / c\n", "x = c / (a - b)\n"),
    ("add_operand", "def f(total, tax):\n    return total\n", "def f(total, tax):\n    return total + tax\n"),
    ("add_offset", "x = y[i]\n", "x = y[i + 1]\n"),
    ("add_offset", "for i in range(len(x)): pass\n", "for i in range(len(x) - 1): pass\n"),
    ("add_offset", "while lo < hi: pass\n", "while lo < hi - 1: pass\n"),
    ("add_offset", "def f(n):\n    return n\n", "def f(n):\n    return n + 1\n"),
    ("add_offset", "x = y[a:b]\n", "x = y[a:b - 1]\n"),
    ("add_sign", "x = f(y)\n", "x = f(-y)\n"),
    ("add_sign", "y.sort(key=a)\n", "y.sort(key=-a)\n"),
    ("add_sign", "x = a & b\n", "x = a & ~b\n"),
    ("add_group", "x = a + b * c\n", "x = (a + b) * c\n"),
    ("add_group", "x = a * b + c\n", "x = a * (b + c)\n"),
    ("add_group", "x = a - b - c\n", "x = a - (b - c)\n"),
    ("add_group", "x = a or b and c\n", "x = (a or b) and c\n"),
    ("add_group", "x = not a and b\n", "x = not (a and b)\n"),
    ("add_group", "x = a + b if c else d\n", "x = a + (b if c else d)\n"),
    ("add_group", "x = -a ** b\n", "x = (-a) ** b\n"),
]  # fmt: skip

ONE_WAY = [
    ("drop_operand", "x = a * (b + c)\n", "x = b + c\n"),
    ("drop_operand", "x = a + b * c\n", "x = b * c\n"),
    ("drop_offset", "x = y[i + 1]\n", "x = y[i]\n"),
    ("drop_offset", "x = (a - 1) * b\n", "x = a * b\n"),
    ("add_offset", "x = a[b if c else d:n]\n", "x = a[b if c else d:n + 1]\n"),
]


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


@pytest.mark.parametrize(("operator", "before", "after"), ONE_WAY)
def test_there(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("swap_operands", "x = a * b\n"),  # gives the same
        ("swap_operands", "x = '%s' % y\n"),
        ("swap_operator", "x = '%s' % y\n"),
        ("add_offset", "def f():\n    x = []\n    return x\n"),  # a list
        ("add_offset", "y['key']\n"),
        ("open_augmented", "x *= 2\n"),
        ("close_augmented", "x = -1\n"),  # a negative number, well spaced
        ("add_group", "x = a + b + c\n"),  # the grouping does not matter
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_text_is_only_added_repeated_or_formatted() -> None:
    assert all("+" in text or "*" in text or "%" in text for text in results("swap_operator", "x = 'a' + b\n"))


def test_indices_come_before_arguments() -> None:
    made = results("add_offset", "f(m, y[n])\n")
    assert made[:2] == ["f(m, y[n + 1])\n", "f(m, y[n - 1])\n"] or made[:2] == ["f(m, y[n - 1])\n", "f(m, y[n + 1])\n"]
