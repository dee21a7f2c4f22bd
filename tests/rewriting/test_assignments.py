"""Plain and augmented assignments, swaps, and assignments joined and split."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

PAIRS = [
    ("augment_assignment", "def f(xs):\n    t = 0\n    for x in xs:\n        t = x\n",
     "def f(xs):\n    t = 0\n    for x in xs:\n        t += x\n"),
    ("complete_swap", "a = b\n", "a, b = b, a\n"),
    ("complete_swap", "def f(x, i, j):\n    x[i] = x[j]\n", "def f(x, i, j):\n    x[i], x[j] = x[j], x[i]\n"),
    ("join_assignments", "def f(a, b):\n    a = b\n    b = a + b\n", "def f(a, b):\n    a, b = b, a + b\n"),
    ("swap_values", "a, b = b, a % b\n", "a, b = a % b, b\n"),
    ("swap_targets", "for k, v in items:\n    pass\n", "for v, k in items:\n    pass\n"),
    ("swap_targets", "q, r = divmod(a, b)\n", "r, q = divmod(a, b)\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), PAIRS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


def test_a_swap_written_as_two_assignments_becomes_one() -> None:
    before = "def f(a, b):\n    a = b\n    b = a\n    return a, b\n"
    assert results("complete_swap", before)[0] == "def f(a, b):\n    a, b = b, a\n    return a, b\n"


def test_split_offers_both_orders() -> None:
    assert results("split_assignment", "a, b = x, y\n") == ["a = x\nb = y\n", "b = y\na = x\n"]


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("augment_assignment", "def f():\n    x = 1\n"),  # nothing to add to
        ("augment_assignment", "def f(a, b):\n    a, b = b, a\n"),
        ("swap_values", "a = b, c\n"),
        ("join_assignments", "def f(a):\n    b = 1\n    c = 2\n"),  # order does not matter
    ],
)
def test_left_alone(operator: str, text: str) -> None:
    assert results(operator, text) == []
