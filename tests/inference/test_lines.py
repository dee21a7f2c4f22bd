"""Ends of lines, chosen by what follows: on a tiny random model, and on the built-in one."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import engine_cases as cases
import pytest

from quantatissu.inference import open_engine
from quantatissu.inference.lines import can_choose, infill_lines
from quantatissu.inference.local import LocalEngine

BEFORE = "def mean(values):\n    total = 0\n    for value in values:\n"
AFTER = "\n    return total / len(values)\n"


@pytest.fixture(scope="module")
def tissu() -> Iterator[LocalEngine]:
    with open_engine("tissu") as engine:
        yield engine


def test_lines_are_ranked_and_the_same_for_a_seed() -> None:
    with cases.engine(pages=128) as engine:
        found = infill_lines(engine, cases.TEXT[:200], cases.TEXT[200:300], max_tokens=12, seed=3)
        assert found
        assert [line.score for line in found] == sorted((line.score for line in found), reverse=True)
        assert len({line.text for line in found}) == len(found)
        assert not any("\n" in line.text for line in found)
        again = infill_lines(engine, cases.TEXT[:200], cases.TEXT[200:300], max_tokens=12, seed=3)
        assert [line.text for line in again] == [line.text for line in found]


def test_nothing_before_is_nothing_to_go_on_from() -> None:
    with cases.engine() as engine:
        assert infill_lines(engine, "", "x = 1\n") == []
        assert infill_lines(engine, "    ", "x = 1\n") == []


def test_what_follows_decides(tissu: LocalEngine) -> None:
    (best, *_) = infill_lines(tissu, BEFORE, AFTER)
    assert best.text.startswith("        total +=")


def test_an_indentation_that_was_typed_stays(tissu: LocalEngine) -> None:
    found = infill_lines(tissu, BEFORE + "        ", AFTER)
    assert found[0].text.startswith("total +=")
    assert not any(line.text[:1].isspace() for line in found)


def test_a_line_that_was_begun_is_ended(tissu: LocalEngine) -> None:
    (best, *_) = infill_lines(tissu, BEFORE + "        total +=", AFTER)
    ast.parse(f"total +={best.text}")
    assert "value" in best.text


def test_long_texts_are_cut(tissu: LocalEngine) -> None:
    assert infill_lines(tissu, BEFORE * 200, AFTER * 200)


@pytest.mark.parametrize(("suffix", "can"), [("", True), ("  \nx", True), ("\r\nx", True), (")\n", False)])
def test_only_where_nothing_follows_on_the_line(suffix: str, can: bool) -> None:
    assert can_choose(suffix) is can
