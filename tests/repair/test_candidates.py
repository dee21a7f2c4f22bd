"""Edits that give the same text count as one."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from quantatissu.repair.candidates import normalised
from quantatissu.rewriting import Edit, Rewrite

WORDS = st.text(alphabet="ab\n", max_size=8)


def key(text: str, edit: Edit) -> tuple[object, ...]:
    return normalised(text, Rewrite("some", (edit,), 1, 0.0))


def result(text: str, edit: Edit) -> str:
    return text[: edit.start] + edit.text + text[edit.end :]


@st.composite
def edits(draw: st.DrawFn, text: str) -> Edit:
    start = draw(st.integers(0, len(text)))
    return Edit(start, draw(st.integers(start, len(text))), draw(st.text(alphabet="ab\n", max_size=3)))


@given(st.data(), WORDS)
def test_one_key_for_one_text(data: st.DataObject, text: str) -> None:
    one, other = data.draw(edits(text)), data.draw(edits(text))
    assume(text not in (result(text, one), result(text, other)))
    assert (key(text, one) == key(text, other)) == (result(text, one) == result(text, other))


def test_a_line_behind_one_is_a_line_in_front_of_the_next() -> None:
    text = "def f():\n    a()\n    b()\n"
    assert key(text, Edit(16, 16, "\n    c()")) == key(text, Edit(17, 17, "    c()\n"))
