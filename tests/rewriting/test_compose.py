"""Two rewrites as one."""

from __future__ import annotations

import ast
import itertools
import time

import pytest
from cases import lines
from census import sample
from hypothesis import given
from hypothesis import strategies as st

from quantatissu.rewriting import OPERATORS, Edit, Project, Rewrite, Source, apply_edits, rewrites
from quantatissu.rewriting.compose import combine, compatible, compose, merge_edits, rename_consistently, weight

TEXT = lines(
    """
    def clip(values, low, high):
        out = []
        for value in values:
            if value > low or value > high:
                continue
            out.append(value)
        return out
    """
)


def setup(text: str, line: int) -> tuple[Source, ast.stmt, Project]:
    source = Source(text)
    return source, source.statements_on(line)[0], Project([source])


def one(source: Source, statement: ast.stmt, project: Project, after: str) -> Rewrite:
    return next(item for item in rewrites(source, statement, project) if item.apply(source.text) == after)


def test_two_operators_within_a_statement() -> None:
    source, statement, project = setup(TEXT, 4)
    first = one(source, statement, project, TEXT.replace("value > low", "value < low"))
    found = list(compose(source, statement, project, first))
    wanted = TEXT.replace("value > low or", "value < low and")
    made = next(rewrite for rewrite in found if rewrite.apply(TEXT) == wanted)
    assert made.operator.startswith(f"{first.operator}+")
    assert made.line == 4
    assert TEXT.replace("value > low or", "value < low or") not in [rewrite.apply(TEXT) for rewrite in found]


def test_best_first_without_duplicates_and_within_budget() -> None:
    source, statement, project = setup(TEXT, 4)
    first = min(rewrites(source, statement, project), key=weight)
    found = list(compose(source, statement, project, first, budget=60))
    assert len(found) == 60
    weights = [round(weight(rewrite), 6) for rewrite in found]
    assert weights == sorted(weights)
    assert len({rewrite.apply(TEXT) for rewrite in found}) == 60
    for rewrite in found:
        ast.parse(rewrite.apply(TEXT))
        assert rewrite.inverse(TEXT, "x").apply(rewrite.apply(TEXT)) == TEXT


def test_all_pairs_come_lightest_first() -> None:
    source, statement, project = setup(TEXT, 4)
    found = list(compose(source, statement, project, budget=80))
    weights = [round(weight(rewrite), 6) for rewrite in found]
    assert weights == sorted(weights)
    parts = sorted(weight(rewrite) for rewrite in rewrites(source, statement, project))
    assert weights[0] >= parts[0] + parts[1]


def test_first_composition_comes_at_once() -> None:
    terms = " + ".join(f"g(a, {i}, b)" for i in range(40))
    source, statement, project = setup(f"def f(a, b):\n    return {terms}\n", 2)
    list(itertools.islice(compose(source, statement, project), 1))  # fills the caches
    start = time.process_time()
    list(itertools.islice(compose(source, statement, project), 5))
    assert time.process_time() - start < 2.0


def test_callers_may_weigh() -> None:
    source, statement, project = setup(TEXT, 4)

    def size(rewrite: Rewrite) -> float:
        return float(sum(len(edit.text) for edit in rewrite.edits))

    first = min(rewrites(source, statement, project), key=size)
    found = [size(rewrite) for rewrite in compose(source, statement, project, first, budget=20, weigh=size)]
    assert found == sorted(found)


def test_the_same_change_at_other_places() -> None:
    before = lines(
        """
        def box(points):
            left = min(points, key=first)
            top = min(points, key=first)
            right = max(points, key=first)
            return left, top, right
        """
    )
    source, statement, project = setup(before, 2)
    first = one(source, statement, project, before.replace("left = min", "left = max"))
    both = before.replace("= min", "= max")
    found = {rewrite.apply(before): rewrite for rewrite in compose(source, statement, project, first, budget=1000)}
    assert both in found
    assert found[both].operator == f"{first.operator}+{first.operator}"


def test_name_changed_throughout() -> None:
    before = "def f(a, b):\n    x = a + 1\n    y = a * 2\n    return x, y, b\n"
    source, statement, project = setup(before, 2)
    first = one(source, statement, project, before.replace("a + 1", "b + 1"))
    found = [rewrite.apply(before) for rewrite in rename_consistently(source, statement, first)]
    assert before.replace("a + 1", "b + 1").replace("a * 2", "b * 2") in found
    assert all("def f(a, b)" in text for text in found)


def test_touching_edits_are_not_combined() -> None:
    def rewrite(*edits: Edit) -> Rewrite:
        return Rewrite("delete_statement", edits, 1)

    assert combine(rewrite(Edit(0, 3, "")), rewrite(Edit(2, 4, ""))) is None
    assert combine(rewrite(Edit(2, 2, "a")), rewrite(Edit(2, 2, "b"))) is None
    assert combine(rewrite(Edit(2, 2, "a")), rewrite(Edit(1, 4, "b"))) is None
    assert compatible(rewrite(Edit(0, 2, "a")), rewrite(Edit(2, 4, "b")))
    both = combine(rewrite(Edit(4, 5, "b")), rewrite(Edit(0, 1, "a")))
    assert both is not None
    assert both.edits == (Edit(0, 1, "a"), Edit(4, 5, "b"))
    assert both.operator == "delete_statement+delete_statement"


def test_weight_of_a_composition_is_the_sum() -> None:
    prior = OPERATORS["delete_statement"].prior
    assert weight(Rewrite("delete_statement+guard", (), 1, 0.5)) == pytest.approx(
        0.5 - prior - OPERATORS["guard"].prior
    )


@st.composite
def edited(draw: st.DrawFn, text: str) -> tuple[Edit, ...]:
    points = sorted(draw(st.lists(st.integers(0, len(text)), min_size=2, max_size=6)))
    words = st.text("xyz\n", max_size=3)
    return tuple(Edit(a, b, draw(words)) for a, b in zip(points[::2], points[1::2], strict=False))


@given(st.data())
def test_edits_one_after_the_other_are_merged(data: st.DataObject) -> None:
    text = data.draw(st.text("abc\n", max_size=20))
    first = data.draw(edited(text))
    middle = apply_edits(text, first)
    second = data.draw(edited(middle))
    assert apply_edits(text, merge_edits(text, first, second)) == apply_edits(middle, second)


def test_compositions_of_real_code_parse() -> None:
    for source in sample(3, seed=3):
        project = Project([source])
        functions = [node for node in source.statements if source.function_of(node) is not None][:6]
        for statement in functions:
            for rewrite in compose(source, statement, project, budget=10):
                ast.parse(rewrite.apply(source.text))
