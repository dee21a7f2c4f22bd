"""Parameters, decorators, coroutines, generators, scopes and initialisers."""

from __future__ import annotations

import pytest
from cases import lines, results

from quantatissu.rewriting import OPERATORS

CLASS = "class A:\n    {}def m({}):\n        return {}\n"

THERE_AND_BACK = [
    ("mutable_default", "def f(x, y=[]):\n    y.append(x)\n    return y\n",
     "def f(x, y=None):\n    if y is None:\n        y = []\n    y.append(x)\n    return y\n"),
    ("add_self", CLASS.format("", "x", "self.x + x"), CLASS.format("", "self, x", "self.x + x")),
    ("add_parameter", "def f(x):\n    return x + y\n", "def f(x, y):\n    return x + y\n"),
    ("add_decorator", CLASS.format("", "self", "1"), CLASS.format("@property\n    ", "self", "1")),
    ("add_decorator", CLASS.format("", "x", "1"), CLASS.format("@staticmethod\n    ", "x", "1")),
    ("add_decorator", CLASS.format("", "cls", "1"), CLASS.format("@classmethod\n    ", "cls", "1")),
    ("make_async", "def f():\n    await g()\n", "async def f():\n    await g()\n"),
    ("make_async", "async def f():\n    for x in y():\n        g()\n",
     "async def f():\n    async for x in y():\n        g()\n"),
    ("yield_or_return", "def f(x):\n    return x\n", "def f(x):\n    yield x\n"),
    ("yield_or_return", "def f(x):\n    yield f(x)\n", "def f(x):\n    yield from f(x)\n"),
    ("yield_or_return", "def f(x):\n    f(x)\n", "def f(x):\n    yield from f(x)\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), THERE_AND_BACK)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    if operator not in ("make_async", "add_parameter"):  # `await` and the use of the name stand in the way back
        assert before in results(OPERATORS[operator].inverse, after)


def test_wrapper_keeps_the_name_of_what_it_wraps() -> None:
    before = lines(
        """
        import functools

        def traced(function):
            def inner(*args):
                return function(*args)
            return inner
        """
    )
    after = before.replace("    def inner", "    @functools.wraps(function)\n    def inner")
    assert after in results("add_decorator", before)


def test_outer_names_are_declared() -> None:
    nested = "def counter():\n    n = 0\n    def up():\n        n += 1\n        return n\n    return up\n"
    assert results("declare_scope", nested) == [nested.replace("        n += 1", "        nonlocal n\n        n += 1")]
    module = "n = 0\n\ndef up():\n    n += 1\n"
    assert results("declare_scope", module) == ["n = 0\n\ndef up():\n    global n\n    n += 1\n"]


def test_super_is_called_with_what_the_base_wants() -> None:
    before = lines(
        """
        class Base:
            def __init__(self, name):
                self.name = name

        class Child(Base):
            def __init__(self, name, age):
                self.age = age
        """
    )
    assert results("call_super", before)[0] == before.replace(
        "        self.age = age", "        super().__init__(name)\n        self.age = age"
    )


def test_attribute_read_but_never_assigned() -> None:
    before = lines(
        """
        class Box:
            def __init__(self, size, label):
                self.size = size

            def show(self):
                for item in self.items:
                    print(self.label, item)

            def add(self, item):
                self.items.append(item)
        """
    )
    found = results("assign_attribute", before)
    assert before.replace("self.size = size\n", "self.size = size\n        self.label = label\n") in found[:2]
    assert before.replace("self.size = size\n", "self.size = size\n        self.items = []\n") in found


def test_nothing_to_add() -> None:
    assert results("add_self", CLASS.format("@staticmethod\n    ", "x", "1")) == []
    assert results("mutable_default", "def f(x=()):\n    return x\n") == []
    assert results("call_super", "class A:\n    def __init__(self):\n        self.x = 1\n") == []
    assert results("declare_scope", "def f():\n    x = 1\n    return x\n") == []
    assert results("make_async", "def f():\n    return 1\n") == []
