"""Edits upon edits, put together in any selection; strings cut; culprits found."""

from __future__ import annotations

import ast
import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.repair.lint.rules.wrapping import literal_pieces, tokens
from quantatissu.repair.lint.steps import Patchwork, Step, chained, keep, touches
from quantatissu.rewriting import Edit, apply_edits


@st.composite
def rounds(draw: st.DrawFn) -> tuple[str, list[list[tuple[Edit, ...]]]]:
    """A text and rounds of steps; the steps of one round do not touch each other."""
    original = draw(st.text("abc\n", min_size=4, max_size=40))
    text, found = original, []
    for _ in range(draw(st.integers(1, 5))):
        steps: list[tuple[Edit, ...]] = []
        for _ in range(draw(st.integers(1, 3))):
            edits: list[Edit] = []
            for _ in range(draw(st.integers(1, 2))):
                start = draw(st.integers(0, len(text)))
                end = draw(st.integers(start, min(len(text), start + 6)))
                edit = Edit(start, end, draw(st.text("XYZ", max_size=4)))
                if not touches([edit], [*edits, *itertools.chain(*steps)]):
                    edits.append(edit)
            if edits:
                steps.append(tuple(sorted(edits)))
        found.append(steps)
        text = apply_edits(text, itertools.chain(*steps))
    return original, found


@given(rounds())
@settings(max_examples=400)
def test_a_patchwork_is_its_rounds_one_after_another(made: tuple[str, list[list[tuple[Edit, ...]]]]) -> None:
    text, found = made
    work = Patchwork(text)
    for steps in found:
        text = apply_edits(text, itertools.chain(*steps))
        work.add(Step((), edits, risky=False) for edits in steps)
        assert work.text == text


@given(rounds(), st.data())
@settings(max_examples=200)
def test_any_selection_of_units_can_be_put_together(
    made: tuple[str, list[list[tuple[Edit, ...]]]], data: st.DataObject
) -> None:
    original, found = made
    work = Patchwork(original)
    for steps in found:
        work.add(Step((), edits, risky=False) for edits in steps)
    chosen = [unit for unit in work.units if data.draw(st.booleans())]
    work.compose(chosen)  # no two overlap
    assert work.compose([]) == original


def test_a_step_on_an_earlier_ones_text_joins_it() -> None:
    work = Patchwork("a b c")
    work.add([Step((), (Edit(0, 1, "first"),), risky=False), Step((), (Edit(4, 5, "last"),), risky=False)])
    work.add([Step((), (Edit(2, 3, "R"),), risky=True)])
    assert work.text == "fiRst b last"
    assert [(unit.risky, unit.edits) for unit in work.units] == [
        (False, (Edit(4, 5, "last"),)),
        (True, (Edit(0, 1, "fiRst"),)),
    ]


def test_edits_behind_edits_are_one() -> None:
    assert apply_edits("one two", chained("one two", [Edit(0, 3, "three")], [Edit(0, 5, "four")])) == "four two"


@given(st.lists(st.booleans(), min_size=1, max_size=40))
def test_culprits_are_found_by_halves(culprits: list[bool]) -> None:
    members = list(range(len(culprits)))
    blamed: list[int] = []
    kept = keep([], members, lambda group: not any(culprits[one] for one in group), blamed.append)
    assert kept == [one for one in members if not culprits[one]]
    assert blamed == [one for one in members if culprits[one]]


@given(
    st.lists(
        st.sampled_from(["word ", "x" * 9, "\\n", "\\x41", "\\N{EM DASH}", "'", "{{", "}}", "{name!r:>{width}} ", ", "])
    ),
    st.sampled_from(["", "f", "r", "b"]),
    st.integers(0, 20),
    st.integers(40, 60),
)
def test_pieces_of_a_literal_are_the_literal(parts: list[str], prefix: str, column: int, limit: int) -> None:
    if prefix == "r":
        parts = [part for part in parts if "\\" not in part]
    if prefix == "b":
        parts = [part for part in parts if "N{" not in part]
    literal = f'{prefix}"{"".join(parts)}"'
    pieces = literal_pieces(literal, column, limit)
    if pieces is not None:
        assert max(map(len, pieces)) <= limit - column
        whole, cut = (ast.dump(ast.parse(text, mode="eval")) for text in (literal, " ".join(pieces)))
        assert whole == cut


def test_tokens_are_strings_and_comments() -> None:
    text = 'f(a, f"{b!r} c")  # d\nx = """e\n"""\n'
    told = [(token.kind, text[token.start : token.end], token.depth) for token in tokens(text)]
    assert told == [("string", 'f"{b!r} c"', 1), ("comment", "# d", 0), ("string", '"""e\n"""', 0)]
    assert tokens("f(") == ()
