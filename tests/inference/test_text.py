"""Text comes out whole, whatever tokens it is cut into, and nothing of a stop string is ever shown."""

from __future__ import annotations

import engine_cases as cases
from hypothesis import given
from hypothesis import strategies as st

from quantatissu.inference.scheduler.text import Detokeniser, StopStrings
from quantatissu.tokenizer import TrainSettings, train_tokenizer


@given(st.text(max_size=40))
def test_pieces_add_up_to_the_text(text: str) -> None:
    tokenizer = cases.tokenizer()
    shown = Detokeniser(tokenizer, control=False)
    pieces = [shown.push(int(token)) for token in tokenizer.encode(text)]
    assert "".join(pieces) + shown.end() == text
    assert all("\ufffd" not in piece for piece in pieces) or "\ufffd" in text


@given(st.lists(st.integers(0, 299), max_size=30))
def test_any_tokens_give_the_text_of_the_tokenizer(tokens: list[int]) -> None:
    tokenizer = cases.tokenizer()
    shown = Detokeniser(tokenizer, control=True)
    assert "".join(map(shown.push, tokens)) + shown.end() == tokenizer.decode(tokens)


def test_control_tokens_are_shown_when_asked_for() -> None:
    tokenizer = cases.tokenizer()
    tokens = [tokenizer.end_of_text or 0, *tokenizer.encode("a").tolist()]
    for control, wanted in ((False, "a"), (True, "<|endoftext|>a")):
        shown = Detokeniser(tokenizer, control=control)
        assert "".join(map(shown.push, tokens)) + shown.end() == wanted


def test_unigram_vocabularies_too() -> None:
    tokenizer = train_tokenizer([cases.TEXT], TrainSettings(kind="unigram", vocabulary=300))
    shown = Detokeniser(tokenizer, control=False)
    text = "def f(x):\n    return 'é' + x\n"
    assert "".join(shown.push(int(token)) for token in tokenizer.encode(text)) + shown.end() == text


@given(
    st.lists(st.text("ab\n", max_size=3), max_size=12), st.lists(st.text("ab\n", min_size=1, max_size=4), max_size=3)
)
def test_the_text_ends_before_the_first_stop_string(pieces: list[str], strings: list[str]) -> None:
    stops = StopStrings(strings)
    text, shown, found = "".join(pieces), "", None
    for piece in pieces:
        more, found = stops.push(piece)
        shown += more
        assert not any(string in shown for string in strings)
        if found is not None:
            break
    else:
        shown += stops.end()
    places = [text.index(string) for string in strings if string in text]
    assert (found is None) == (not places)
    if found is None:
        assert shown == text
    else:
        # Pieces are looked at as they come: a longer string that began earlier may not have been whole yet.
        assert text.startswith(shown + found)
