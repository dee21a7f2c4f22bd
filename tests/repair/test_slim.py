"""Paths of edits with one left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantatissu.repair.candidates import Candidate
from quantatissu.repair.localise import Place
from quantatissu.repair.slim import without
from quantatissu.rewriting import Edit, Rewrite, apply_edits

TEXT = "one\ntwo\nthree\nfour\nfive\n"


def path_of(*changes: tuple[str, str]):
    """The steps that replace words of `TEXT` one after another."""
    steps, text = [], TEXT
    for old, new in changes:
        start = text.index(old)
        line = text.count("\n", 0, start) + 1
        rewrite = Rewrite("by hand", (Edit(start, start + len(old), new),), line)
        after = rewrite.apply(text)
        steps.append((Candidate("a.py", rewrite, Place("a.py", line, 1.0, ""), 0.0), text, after))
        text = after
    return steps


def applied(path) -> str:
    text = TEXT
    for candidate in path:
        text = candidate.rewrite.apply(text)
    return text


@pytest.mark.parametrize(
    ("dropped", "wanted"),
    [(0, "one\ntwo\n3\nfour\n5\n"), (1, "1\n1\ntwo\nthree\nfour\n5\n"), (2, "1\n1\ntwo\n3\nfour\nfive\n")],
)
def test_the_others_go_where_they_went(dropped, wanted):
    path = without(path_of(("one", "1\n1"), ("three", "3"), ("five", "5")), dropped)
    assert path is not None and applied(path) == wanted
    for candidate in path:
        edit = candidate.rewrite.edits[0]
        assert 0 <= edit.start <= edit.end


def test_lines_move_with_the_text():
    path = without(path_of(("one", "1\n1"), ("three", "3")), 0)
    assert path is not None and path[0].rewrite.line == 3


def test_an_edit_that_touches_the_one_left_out_needs_it():
    assert without(path_of(("three", "3 + x"), ("x", "y")), 0) is None
    assert without(path_of(("three", "3"), ("\nfour", "")), 0) is None
    assert without(path_of(("three", "3 + x"), ("x", "y")), 1) is not None


def test_edits_of_other_files_stay_as_they_are():
    (first, before, after), second = path_of(("one", "1"), ("five", "5"))
    other = (Candidate("b.py", second[0].rewrite, second[0].place, 0.0), TEXT, TEXT)
    assert without([(first, before, after), other], 0) == [other[0]]


@given(st.permutations(["one", "two", "three", "four", "five"]), st.data())
def test_leaving_one_out_is_making_the_others(words, data):
    new = [data.draw(st.sampled_from(["", "x", "longer\nthan before", "1\n2\n3"])) for _ in words]
    steps = path_of(*zip(words, new, strict=True))
    dropped = data.draw(st.integers(0, len(words) - 1))
    path = without(steps, dropped)
    if path is None:
        return
    starts = {word: TEXT.index(word) for word in words}
    edits = [
        Edit(starts[word], starts[word] + len(word), text)
        for number, (word, text) in enumerate(zip(words, new, strict=True))
        if number != dropped
    ]
    assert applied(path) == apply_edits(TEXT, edits)
