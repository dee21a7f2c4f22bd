"""Displays, comprehensions, conditional expressions, lambdas and yields."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("swap_elements", "f((a, b))\n", "f((b, a))\n"),
    ("swap_elements", "def f(a, b):\n    return a, b\n", "def f(a, b):\n    return b, a\n"),
    ("add_element", "def f(a, b):\n    return [a]\n", "def f(a, b):\n    return [a, b]\n"),
    ("wrap_element", "def f(a):\n    return a\n", "def f(a):\n    return [a]\n"),
    ("wrap_element", "x += y\n", "x += (y,)\n"),
    ("wrap_element", "x = [1] + y\n", "x = [1] + [y]\n"),
    ("swap_brackets", "x = [a, b]\n", "x = (a, b)\n"),
    ("swap_brackets", "x = [a]\n", "x = (a,)\n"),
    ("star_element", "x = [a, b]\n", "x = [*a, b]\n"),
    ("swap_comprehension", "x = [a for a in b]\n", "x = {a for a in b}\n"),
    ("swap_comprehension", "sum([a for a in b])\n", "sum(a for a in b)\n"),
    ("swap_comprehension", "f([a for a in b], 1)\n", "f((a for a in b), 1)\n"),
    ("add_filter", "x = [a for a in b]\n", "x = [a for a in b if a]\n"),
    ("add_filter", "x = {a: 1 for a in b}\n", "x = {a: 1 for a in b if a is not None}\n"),
    ("swap_generators", "x = [a for a in b for c in a]\n", "x = [a for c in a for a in b]\n"),
    ("swap_entry", "x = {a: b for a, b in c}\n", "x = {b: a for a, b in c}\n"),
    ("swap_ternary", "x = a if c else b\n", "x = b if c else a\n"),
    ("add_ternary", "x = y.z\n", "x = y.z if y else None\n"),
    ("add_fallback", "x = y\n", "x = y or []\n"),
    ("or_to_none_test", "x = y or 1\n", "x = y if y is not None else 1\n"),
    ("swap_parameters", "def f(self, a, b=1): pass\n", "def f(self, b, a=1): pass\n"),
    ("swap_parameters", "f = lambda a, b: a\n", "f = lambda b, a: a\n"),
    ("bind_lambda", "for i in x: f(lambda: i)\n", "for i in x: f(lambda i=i: i)\n"),
    ("bind_lambda", "f = [lambda a: a + i for i in x]\n", "f = [lambda a, i=i: a + i for i in x]\n"),
    ("yield_from", "def f(x):\n    yield f(x)\n", "def f(x):\n    yield from f(x)\n"),
]  # fmt: skip

ONE_WAY = [
    ("drop_element", "def f(a, b):\n    return a, b\n", "def f(a, b):\n    return a\n"),
    ("drop_element", "x = [a, b, c]\n", "x = [b, c]\n"),
    ("drop_element", "x = [a, (b), c]\n", "x = [a, c]\n"),
    ("drop_ternary", "x = (a if c else b + 1) * 2\n", "x = (b + 1) * 2\n"),
    ("drop_filter", "x = [a for a in b if c if d]\n", "x = [a for a in b if d]\n"),
    ("swap_ternary", "x = (lambda: a) if c else b\n", "x = b if c else (lambda: a)\n"),
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
        ("swap_elements", "a, b = c, d\n"),  # `swap_values` and `swap_targets` have these
        ("unwrap_element", "for x in [y]: pass\n"),
        ("or_to_none_test", "if x or y: pass\n"),
        ("bind_lambda", "f(lambda: i)\n"),
        ("yield_from", "async def f(x):\n    yield f(x)\n"),
        ("swap_parameters", "def f(self, a): pass\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)
