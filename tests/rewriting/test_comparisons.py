"""Comparisons, connectives, negation, clauses and tests for None."""

from __future__ import annotations

import pytest
from cases import ranked, results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("swap_comparison", "a < b\n", "a <= b\n"),
    ("swap_comparison", "if x is not None: pass\n", "if x is None: pass\n"),
    ("swap_comparison", "0 <= x < n\n", "0 <= x <= n\n"),
    ("swap_comparison", "(a  # < is less\n  < b)\n", "(a  # < is less\n  >= b)\n"),
    ("flip_comparison", "key in table\n", "table in key\n"),
    ("flip_comparison", "(a + b) < c\n", "c < (a + b)\n"),
    ("drop_chain", "0 <= a < b\n", "a < b\n"),
    ("merge_comparison", "x == 1 or x == 2\n", "x == 1 or 2\n"),
    ("truth_to_comparison", "if x: pass\n", "if x is not None: pass\n"),
    ("truth_to_comparison", "while not x: pass\n", "while x is None: pass\n"),
    ("swap_connective", "a and b\n", "a or b\n"),
    ("swap_connective", "a and b and c\n", "a and b or c\n"),
    ("swap_connective", "a and b and c\n", "a or b or c\n"),
    ("add_not", "if x: pass\n", "if not x: pass\n"),
    ("add_not", "if a and b: pass\n", "if not (a and b): pass\n"),
    ("add_not", "x = [y for y in z if ok(y)]\n", "x = [y for y in z if not ok(y)]\n"),
    ("add_not", "def f(x):\n    return x.ready\n", "def f(x):\n    return not x.ready\n"),
    ("add_clause", "if x.a: pass\n", "if x and x.a: pass\n"),
    ("add_clause", "if x.a: pass\n", "if x is not None and x.a: pass\n"),
    ("add_clause", "def f(a, b):\n    return a == 1\n", "def f(a, b):\n    return a == 1 or not b\n"),
    ("type_to_isinstance", "type(x) == T\n", "isinstance(x, T)\n"),
]  # fmt: skip

ONE_WAY = [
    ("swap_comparison", "a==b\n", "a is b\n"),
    ("swap_comparison", "if (x)in(y): pass\n", "if (x) not in (y): pass\n"),
    ("drop_chain", "a < b < c\n", "a < b\n"),
    ("spread_comparison", "if x == 'a' or 'b': pass\n", "if x == 'a' or x == 'b': pass\n"),
    ("spread_comparison", "if x == 'a' or 'b': pass\n", "if x in ('a', 'b'): pass\n"),
    ("spread_comparison", "if x != 1 and 2: pass\n", "if x not in (1, 2): pass\n"),
    ("comparison_to_truth", "if x is None: pass\n", "if not x: pass\n"),
    ("comparison_to_truth", "if len(x) > 0: pass\n", "if len(x): pass\n"),
    ("drop_not", "x = not(a or b)\n", "x = a or b\n"),
    ("drop_clause", "a and b and c\n", "a and c\n"),
    ("drop_clause", "return_ = (a or b) and c\n", "return_ = a or b\n"),
    ("drop_clause", "a and b and c\n", "b and c\n"),
    ("add_clause", "def f(a, b):\n    if b > 2: pass\n    if a: pass\n",
     "def f(a, b):\n    if b > 2: pass\n    if a and b > 2: pass\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


@pytest.mark.parametrize(("operator", "before", "after"), ONE_WAY)
def test_there(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)


def test_boundary_slips_come_first() -> None:
    assert results("swap_comparison", "a < b\n")[0] == "a <= b\n"
    assert results("swap_comparison", "a >= b\n")[0] == "a > b\n"
    assert results("swap_comparison", "a == b\n")[0] == "a != b\n"


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("flip_comparison", "a == b\n"),  # says the same
        ("add_not", "if a < b: pass\n"),  # `swap_comparison` has the opposite
        ("add_not", "x = 'text'\n"),
        ("add_clause", "def f(a):\n    g(a)\n"),  # nobody asks for truth here
        ("spread_comparison", "x == 1 or y == 2\n"),
        ("swap_comparison", "def f(x: 'a < b') -> 1 < 2: pass\n"),  # annotations are not run
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_ordering_against_none_makes_no_sense() -> None:
    assert all("<" not in text and ">" not in text for text in results("swap_comparison", "x == None\n"))


def test_clauses_are_bounded() -> None:
    names = ", ".join(f"name_{i}" for i in range(60))
    text = f"def f({names}):\n    if name_0: pass\n"
    assert 0 < len(results("add_clause", text)) <= 36


def test_costs_are_never_negative_and_start_low() -> None:
    weights = [rewrite.cost for _, rewrite in ranked("def f(a, b):\n    return a < b and not a or b is None\n")]
    assert min(weights) == 0.0
