"""Expressions put into calls and methods and taken out, and other forms of the same call."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

BOTH_WAYS = [
    ("wrap_call", "def f(x):\n    return x\n", "def f(x):\n    return list(x)\n"),
    ("wrap_call", "for i, x in xs: pass\n", "for i, x in enumerate(xs): pass\n"),
    ("wrap_call", "for i in xs: pass\n", "for i in range(len(xs)): pass\n"),
    ("wrap_call", "s = 'n: ' + n\n", "s = 'n: ' + str(n)\n"),
    ("wrap_call", "def f(a, b):\n    return a - b\n", "def f(a, b):\n    return abs(a - b)\n"),
    ("wrap_call", "f(x for x in y)\n", "f(list(x for x in y))\n"),
    ("wrap_call", "x = f(a - b)\n", "x = f(max(0, a - b))\n"),
    ("wrap_call", "def clean(x): pass\ndef f(y):\n    clean(y)\n    return y\n",
     "def clean(x): pass\ndef f(y):\n    clean(y)\n    return clean(y)\n"),
    ("wrap_method", "for k, v in d: pass\n", "for k, v in d.items(): pass\n"),
    ("wrap_method", "if x == y: pass\n", "if x.lower() == y: pass\n"),
    ("wrap_method", "x = node.value()\ny = f(node)\n", "x = node.value()\ny = f(node.value())\n"),
    ("swap_receiver", "x.join(', ')\n", "', '.join(x)\n"),
    ("swap_receiver", "a.union(b | c)\n", "(b | c).union(a)\n"),
    ("call_to_method", "def sort(x): pass\ny.sort(1)\nsort(y)\n", "def sort(x): pass\ny.sort(1)\ny.sort()\n"),
    ("pass_self", "class B(A):\n    def m(self, x):\n        A.m(x)\n",
     "class B(A):\n    def m(self, x):\n        A.m(self, x)\n"),
    ("join_as_text", "', '.join(x)\n", "', '.join(map(str, x))\n"),
    ("join_as_text", "', '.join(a for a in x)\n", "', '.join(str(a) for a in x)\n"),
    ("value_to_inplace", "x = sorted(y)\n", "x = y.sort()\n"),
    ("value_to_inplace", "x = sorted(y, key=k)\n", "x = y.sort(key=k)\n"),
]  # fmt: skip

ONE_WAY = [
    ("unwrap_call", "x = int(a + b) * 2\n", "x = (a + b) * 2\n"),
    ("unwrap_call", "x = max(a, b)\n", "x = b\n"),
    ("unwrap_call", "x = f(  # why\n  a +\n  b)\n", "x = (a +\n  b)\n"),
    ("unwrap_call", "x = list(y for y in z)\n", "x = (y for y in z)\n"),
    ("unwrap_method", "x = y.strip()\n", "x = y\n"),
    ("unwrap_method", "x = (a + b).strip() + c\n", "x = a + b + c\n"),
    ("inplace_to_value", "x = y.reverse()\n", "x = y[::-1]\n"),
    ("inplace_to_value", "def f(x):\n    return x.append(1)\n", "def f(x):\n    return x + [1]\n"),
    ("inplace_to_value", "x = d.update(e)\n", "x = {**d, **e}\n"),
    ("drop_passed_self", "self.m(self, 1)\n", "self.m(1)\n"),
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
        ("wrap_call", "x.y = 1\n"),
        ("wrap_call", "@decorate\ndef f(): pass\n"),
        ("wrap_method", "x = 1\n"),
        ("unwrap_call", "f(x)\n"),  # a statement of its own
        ("inplace_to_value", "x.sort()\n"),
        ("unwrap_method", "x = self.f()\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_what_a_value_already_is_is_not_made_again() -> None:
    made = results("wrap_call", "def f(x):\n    y = str(x)\n    return y\n")
    assert not any("return str(" in text for text in made)
    assert any("return int(y)" in text for text in made)


def test_pairs_in_a_loop_suggest_items_and_enumerate_first() -> None:
    assert results("wrap_method", "for k, v in d: pass\n")[0] == "for k, v in d.items(): pass\n"
    assert results("wrap_call", "for k, v in d: pass\n")[0] == "for k, v in enumerate(d): pass\n"
