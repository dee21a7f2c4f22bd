"""Indices, slices, missing and surplus subscripts, `get`."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("swap_ends", "x = y[0]\n", "x = y[-1]\n"),
    ("add_subscript", "def f(x):\n    return x\n", "def f(x):\n    return x[0]\n"),
    ("add_subscript", "for a in x: pass\n", "for a in x[1:]: pass\n"),
    ("add_subscript", "for i in range(3): f(x)\n", "for i in range(3): f(x[i])\n"),
    ("add_subscript", "y = x\n", "y = x[::-1]\n"),
    ("swap_subscripts", "x = a[i][j]\n", "x = a[j][i]\n"),
    ("swap_subscripts", "x = a[i:j]\n", "x = a[j:i]\n"),
    ("add_bound", "x = y[:n]\n", "x = y[1:n]\n"),
    ("add_bound", "x = y[n:]\n", "x = y[n:-1]\n"),
    ("add_bound", "x = y[a:b]\n", "x = y[a:b:2]\n"),
    ("swap_bound_side", "x = y[n:]\n", "x = y[:n]\n"),
    ("index_to_slice", "x = y[i]\n", "x = y[i:]\n"),
    ("subscript_to_get", "x = d[k]\n", "x = d.get(k)\n"),
    ("subscript_to_get", "d[k] = d[k] + 1\n", "d[k] = d.get(k, 0) + 1\n"),
]

ONE_WAY = [
    ("drop_bound", "x = y[a if b else c:d]\n", "x = y[:d]\n"),
    ("drop_bound", "x = y[a :(b)]\n", "x = y[a :]\n"),
    ("drop_bound", "x = y[a:b:c]\n", "x = y[a:b]\n"),
    ("drop_subscript", "x = (y)[0]\n", "x = (y)\n"),
    ("slice_to_index", "x = y[a:b]\n", "x = y[b]\n"),
    ("get_to_subscript", "x = (a or b).get(k, 0)\n", "x = (a or b)[k]\n"),
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
        ("add_subscript", "def f():\n    n = 1\n    return n\n"),
        ("add_subscript", "import os\nos.getcwd\n"),
        ("drop_subscript", "x[0] = 1\n"),
        ("subscript_to_get", "x[k] = 1\n"),
        ("subscript_to_get", "y = x[1]\n"),
        ("swap_bound_side", "x = y[a:b]\n"),
        ("swap_subscripts", "x = a[1:][0]\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_integers_in_scope_bound_a_slice() -> None:
    made = results("add_bound", "def f(x, limit: int):\n    return x[1:]\n")
    assert "def f(x, limit: int):\n    return x[1:limit]\n" in made
