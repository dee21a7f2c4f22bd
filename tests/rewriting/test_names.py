"""Variables, attributes, keywords, and the step between a name and a member."""

from __future__ import annotations

import pytest
from cases import results

from quantatissu.rewriting import OPERATORS

CLASS = """\
class Box:
    def __init__(self, width, height):
        self.width = width
        self.height = height

    def area(self):
        return self.width * {}
"""

BOTH_WAYS = [
    ("replace_name", "def f(a, b):\n    return a\n", "def f(a, b):\n    return b\n"),
    ("replace_builtin", "x = max(y)\n", "x = min(y)\n"),
    ("replace_builtin", "x = any(y)\n", "x = all(y)\n"),
    ("replace_builtin", "try: f()\nexcept KeyError: pass\n", "try: f()\nexcept IndexError: pass\n"),
    ("replace_builtin", "isinstance(x, list)\n", "isinstance(x, tuple)\n"),
    ("replace_target", "def f(b):\n    a = 1\n    b = a\n", "def f(b):\n    a = 1\n    a = a\n"),
    ("replace_attribute", "x.append(y)\n", "x.extend(y)\n"),
    ("replace_attribute", "x.lstrip()\n", "x.rstrip()\n"),
    ("replace_attribute", "d.keys()\n", "d.items()\n"),
    ("replace_attribute", CLASS.format("self.width"), CLASS.format("self.height")),
    ("add_attribute", "f(x.a)\ng(x)\n", "f(x.a)\ng(x.a)\n"),
    ("rename_keyword", "sorted(x, key=y)\n", "sorted(x, reverse=y)\n"),
    ("rename_keyword", "def f(a, width=1, height=2): pass\nf(0, width=3)\n",
     "def f(a, width=1, height=2): pass\nf(0, height=3)\n"),
]  # fmt: skip

ONE_WAY = [
    ("name_to_attribute", CLASS.format("height"), CLASS.format("self.height")),
    ("drop_attribute", "x = y.z\n", "x = y\n"),
    ("attribute_to_name", "def f(self, x):\n    return self.x\n", "def f(self, x):\n    return x\n"),
    ("attribute_to_name", "def f(self, x):\n    return self._x\n", "def f(self, x):\n    return x\n"),
    ("replace_attribute", "x.lenght = 1\nx.length\nx.lenght\n", "x.lenght = 1\nx.length\nx.length\n"),
    ("replace_builtin", "x = lenn(y)\n", "x = len(y)\n"),
    ("replace_builtin", "x = pritn(y)\n", "x = print(y)\n"),
    (
        "replace_base",
        "def f(a):\n    g(a.right.size)\n    return a.left.size\n",
        "def f(a):\n    g(a.right.size)\n    return a.right.size\n",
    ),
]


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


@pytest.mark.parametrize(("operator", "before", "after"), ONE_WAY)
def test_there(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)


def last_line(operator: str, text: str) -> list[str]:
    """The last lines of the rewrites that change it, likeliest first."""
    own = text.splitlines()[-1]
    return [line for made in results(operator, text) if (line := made.splitlines()[-1]) != own]


def test_a_pair_of_names_comes_first() -> None:
    text = "def f(left, right, colour, other_thing):\n    print(colour, other_thing)\n    return left\n"
    assert last_line("replace_name", text)[0] == "    return right"


def test_a_misspelt_name_finds_its_like_first() -> None:
    text = "def f(counter, values, limit):\n    total = 0\n    return countr\n"
    assert last_line("replace_name", text)[0] == "    return counter"


def test_names_are_bounded_to_a_dozen() -> None:
    names = ", ".join(f"n{i}" for i in range(80))
    assert len(results("replace_name", f"def f({names}):\n    return n0\n")) == 12


def test_names_bound_only_inside_another_comprehension_are_not_offered() -> None:
    text = "def f(items):\n    a = [part for part in items]\n    return items\n"
    assert "    return part" not in last_line("replace_name", text)


def test_a_default_value_does_not_see_the_parameters() -> None:
    made = results("replace_name", "LIMIT = 1\nSIZE = 2\ndef f(a, b=LIMIT):\n    pass\n")
    assert "LIMIT = 1\nSIZE = 2\ndef f(a, b=SIZE):\n    pass\n" in made
    assert not any("b=a" in text for text in made)


def test_members_of_other_files_count() -> None:
    made = results("replace_attribute", "x.colour\n", ("other.py", "y.color = 1\n"))
    assert made == ["x.color\n"]


@pytest.mark.parametrize(
    ("operator", "text"),
    [
        ("replace_name", "def f(a: A, b: B) -> C: pass\n"),
        ("name_to_attribute", "class A:\n    def m(self):\n        return len(x)\n"),
        ("drop_attribute", "x.strip()\n"),
    ],
)
def test_not_offered(operator: str, text: str) -> None:
    assert not [made for made in results(operator, text) if "self.x" not in made]
