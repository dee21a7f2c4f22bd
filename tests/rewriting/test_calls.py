"""Arguments, calls and references, recursion, await, super, stars."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

CLASS = "class B(A):\n    def __init__(self, x):\n        {}\n"
ASYNC = "async def g(): pass\nasync def f():\n    x = {}\n"

BOTH_WAYS = [
    ("swap_arguments", "f(a, b)\n", "f(b, a)\n"),
    ("swap_arguments", "f(a,\n  (b + c))\n", "f((b + c),\n  a)\n"),
    ("swap_arguments", "f(x=a, y=b)\n", "f(x=b, y=a)\n"),
    ("add_argument", "def g(a, b): pass\ndef f(x, y):\n    g(x)\n", "def g(a, b): pass\ndef f(x, y):\n    g(x, y)\n"),
    ("add_argument", "sorted(x)\n", "sorted(x, reverse=True)\n"),
    ("add_argument", "d.get(k)\n", "d.get(k, 0)\n"),
    ("add_argument", "range(n)\n", "range(1, n)\n"),
    ("add_argument", "def g(a, flag=None): pass\ndef f(flag):\n    g(1)\n",
     "def g(a, flag=None): pass\ndef f(flag):\n    g(1, flag=flag)\n"),
    ("add_call", "def g(): pass\nx = g\n", "def g(): pass\nx = g()\n"),
    ("add_call", "x = y.lower == z\n", "x = y.lower() == z\n"),
    ("absorb_operand", "x = len(a) - b\n", "x = len(a - b)\n"),
    ("absorb_operand", "x = int(a) / 2\n", "x = int(a / 2)\n"),
    ("advance_recursion", "def f(x):\n    return f(x)\n", "def f(x):\n    return f(x[1:])\n"),
    ("advance_recursion", "def f(n):\n    return f(n)\n", "def f(n):\n    return f(n - 1)\n"),
    ("advance_recursion", "def f(t):\n    if t.left: f(t)\n", "def f(t):\n    if t.left: f(t.left)\n"),
    ("add_await", ASYNC.format("g()"), ASYNC.format("await g()")),
    ("add_await", ASYNC.format("g().real"), ASYNC.format("(await g()).real")),
    ("change_super", CLASS.format("super().__init__(x)"), CLASS.format("self.__init__(x)")),
    ("change_super", CLASS.format("super().__init__(x)"), CLASS.format("A.__init__(self, x)")),
    ("change_super", CLASS.format("super().__init__()"), CLASS.format("super(B, self).__init__()")),
    ("add_star", "f(args)\n", "f(*args)\n"),
    ("add_star", "f(a, kwargs)\n", "f(a, **kwargs)\n"),
    ("swap_stars", "f(*x)\n", "f(**x)\n"),
]  # fmt: skip

ONE_WAY = [
    ("drop_argument", "f(a, b, c)\n", "f(a, c)\n"),
    ("drop_argument", "f(a, b, c)\n", "f(b, c)\n"),
    ("drop_argument", "f(a, k=(1))\n", "f(a)\n"),
    ("drop_argument", "f((a) )\n", "f()\n"),
    ("drop_argument", "f(a,  # one\n  b)\n", "f(a)\n"),
    ("drop_call", "x = f()\n", "x = f\n"),
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
        ("add_await", "def f():\n    g()\n"),  # no coroutine around
        ("add_argument", "f(x for x in y)\n"),  # would need parentheses of its own
        ("drop_call", "f()\n"),  # nobody takes the value
        ("advance_recursion", "def f(x):\n    return g(x)\n"),
        ("change_super", "def f(self):\n    return self.g()\n"),
        ("absorb_operand", "x = f(a,) + b\n"),
        ("add_call", "class A(B): pass\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not results(operator, text)


def test_a_missing_argument_is_likelier_than_a_surplus_one() -> None:
    text = "def g(a, b): pass\ndef f(x, y):\n    g(x)\n"
    assert results("add_argument", text)[0] == "def g(a, b): pass\ndef f(x, y):\n    g(x, y)\n"
