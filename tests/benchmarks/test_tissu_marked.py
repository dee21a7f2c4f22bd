"""Fault records: what they show, and that their answers give the right functions back."""

import ast
import itertools

import numpy as np

from benchmarks.tissu.marked import records
from quantatissu.repair.learned.marks import Marks
from quantatissu.tokenizer import TrainSettings, train_tokenizer
from quantatissu.tokenizer.special import EDIT_REPLACEMENT, EDIT_REPLACEMENT_END, EDIT_SPAN

MODULE = '''import math


class Circle:
    def __init__(self, radius, name=None):
        self.radius = radius
        self.name = name or "circle"

    def area(self):
        """What it covers."""
        if self.radius < 0:
            raise ValueError("no such circle")
        return math.pi * self.radius**2

    def scaled(self, factor):
        result = Circle(self.radius * factor, self.name)
        for other in self.others():
            if other is not self and other.radius > result.radius:
                result.name = other.name
        return result


def mean(values, default=0):
    total = 0
    for value in values:
        total += value
    return total / len(values) if values else default
'''
TOKENIZER = train_tokenizer([MODULE], TrainSettings(vocabulary=400))
MARKS = Marks(TOKENIZER)


def lines_of(ids: np.ndarray) -> list[str]:
    """The marked lines of a prompt."""
    at = np.flatnonzero(np.isin(ids, MARKS.ids))
    return [TOKENIZER.decode(ids[start + 1 : stop].tolist()) for start, stop in itertools.pairwise(at)]


def answered(ids: np.ndarray) -> tuple[list[str], list[str] | None]:
    """The lines shown, and what the answer makes of them; None: nothing is wrong."""
    span = int(np.flatnonzero(ids == TOKENIZER.id(EDIT_SPAN))[0])
    shown, answer = lines_of(ids[:span]), ids[span + 1 :]
    assert answer[-1] == TOKENIZER.id(EDIT_REPLACEMENT_END)
    if len(answer) == 1:
        return shown, None
    first, stop = (int(np.flatnonzero(MARKS.ids == mark)[0]) for mark in answer[:2])
    assert answer[2] == TOKENIZER.id(EDIT_REPLACEMENT)
    new = TOKENIZER.decode(answer[3:-1].tolist())
    return shown, "".join([*shown[:first], new, *shown[stop:]]).splitlines(keepends=True)


def functions() -> set[str]:
    tree = ast.parse(MODULE)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    split = MODULE.splitlines(keepends=True)
    return {"".join(split[node.lineno - 1 : node.end_lineno]) for node in nodes}


def test_every_answer_gives_a_right_function_back() -> None:
    made = list(records("m", MODULE, MARKS, 0))
    right = functions()
    assert len(made) > 20
    for kind, ids in made:
        shown, fixed = answered(ids)
        if fixed is None:
            assert kind == "right"
            assert "".join(shown) in right
        else:
            assert "".join(shown) not in right
            assert "".join(fixed) in right
    assert {"right", "compound"} <= {kind for kind, _ in made}


def test_records_depend_on_the_arguments_alone() -> None:
    first, again = (list(records("m", MODULE, MARKS, 0)) for _ in range(2))
    assert [kind for kind, _ in first] == [kind for kind, _ in again]
    assert all(np.array_equal(one, other) for (_, one), (_, other) in zip(first, again, strict=True))
    other = list(records("m", MODULE, MARKS, 1))
    assert [kind for kind, _ in first] != [kind for kind, _ in other]


def test_what_cannot_be_shown_gives_no_records() -> None:
    assert list(records("m", "def f(:\n", MARKS, 0)) == []
    assert list(records("m", "def f(a):\n    b = 'é'\n    return a + b\n", MARKS, 0)) == []
