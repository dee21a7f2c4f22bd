"""Lines that are alike, and the same change in both."""

import ast

import pytest

from quantatissu.rewriting import Project, Source
from quantatissu.rewriting.twins import rewrite_twins, twins

ROBOT = """def move(self, dx, dy):
    self.x = min(self.x + dx, self.width - 1)
    self.y = min(self.y + dy, self.height - 1)
    return self.x
"""
BOUNDS = """def outside(value, low, high):
    if low and value < low:
        return "below"
    if high and value > high:
        return "above"
    return None
"""


def made(text: str, line: int) -> set[str]:
    source = Source(text)
    (statement,) = source.statements_on(line)
    return {rewrite.apply(text) for rewrite in rewrite_twins(source, statement, Project([source]))}


def test_names_are_exchanged() -> None:
    source = Source(ROBOT)
    (twin,) = twins(source, source.statements_on(2)[0])
    assert twin.translated("self.x = max(0, self.x)") == "self.y = max(0, self.y)"
    assert twin.words == {"x": "y", "dx": "dy", "width": "height", "y": "x", "dy": "dx", "height": "width"}


@pytest.mark.parametrize("line", [2, 3])
def test_the_same_change_in_both(line: int) -> None:
    wanted = ROBOT.replace("self.x + dx", "self.x - dx").replace("self.y + dy", "self.y - dy")
    assert wanted in made(ROBOT, line)


def test_lines_that_compare_the_other_way_round() -> None:
    wanted = BOUNDS.replace("if low and", "if low is not None and").replace("if high and", "if high is not None and")
    assert wanted in made(BOUNDS, 2)


def test_what_is_exchanged_goes_both_ways() -> None:
    text = "def clamp(value, low, high):\n    value = max(high, value)\n    value = min(low, value)\n    return value\n"
    wanted = text.replace("max(high", "max(low").replace("min(low", "min(high")
    assert wanted in made(text, 2)


def test_of_three_each_pair_and_all() -> None:
    text = "def f(a, b, c):\n    a = g(a, 1)\n    b = g(b, 1)\n    c = g(c, 1)\n    return a, b, c\n"
    found = made(text, 2)
    assert text.replace("1)", "2)") in found
    assert text.replace("a, 1)", "a, 2)").replace("c, 1)", "c, 2)") in found


@pytest.mark.parametrize(
    "text",
    [
        "def f(a, b):\n    a = 1\n    b = a\n    return a\n",  # too little to be alike
        "def f(a, b):\n    a = g(a, b)\n    return g(a, b)\n",
        "def f(a, b):\n    a = g(a, a)\n    b = g(a, b)\n    return b\n",  # one name, two others
        "a = g(b, 1)\nb = g(a, 1)\n",
    ],
)
def test_no_twins(text: str) -> None:
    source = Source(text)
    first = next(node for node in source.statements if isinstance(node, ast.Assign))
    assert twins(source, first) == []
    assert list(rewrite_twins(source, first, Project([source]))) == []


def test_everything_made_changes_two_lines() -> None:
    before = ROBOT.splitlines()
    for text in made(ROBOT, 2):
        after = text.splitlines()
        if len(after) == len(before):
            assert sum(one != other for one, other in zip(before, after, strict=True)) == 2
