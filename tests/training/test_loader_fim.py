"""Fill-in-the-middle with vocabularies that others made, and where it must give up."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loader_cases import source, tokenizer

from quantatissu.tokenizer import Tokenizer, parse_tokenizer
from quantatissu.training.data.fim import FillInTheMiddle, Mode
from quantatissu.training.data.shuffling import Draws
from quantatissu.training.data.spans import short_span

PROPERTY = settings(deadline=None, max_examples=60, derandomize=True)
TEXT = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=40),
    st.lists(st.sampled_from(["é", "\r", "\n", "\n\n", "  ", "\t", "x = 1", "👍"]), max_size=20).map("".join),
)


def other_cuts() -> Tokenizer:
    """Byte-level, but text is not cut as ours is: no line can be reused."""
    state = json.loads(tokenizer().source)
    state["pre_tokenizer"] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    return parse_tokenizer(json.dumps(state))


def characters(*, space_in_front: bool = False) -> Tokenizer:
    """Not byte-level: a vocabulary of characters, with spaces as ▁, as sentencepiece makes them."""
    names = ["<unk>", "</s>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>"]
    letters = sorted(set(source()) - {" "} | {"▁"})
    state = json.loads(tokenizer().source)
    replace = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
    back = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
    prepend = [{"type": "Prepend", "prepend": "▁"}] if space_in_front else []
    state["normalizer"] = {"type": "Sequence", "normalizers": [*prepend, replace]}
    state["pre_tokenizer"], state["post_processor"] = None, None
    state["decoder"] = {"type": "Sequence", "decoders": [back, {"type": "Fuse"}]}
    special = {**state["added_tokens"][0], "special": True}
    state["added_tokens"] = [{**special, "id": number, "content": name} for number, name in enumerate(names)]
    state["model"]["vocab"] = {piece: number for number, piece in enumerate([*names, *letters])}
    state["model"]["merges"], state["model"]["unk_token"] = [], "<unk>"
    return parse_tokenizer(json.dumps(state))


def put_together(made: Tokenizer, ids: list[int], mode: Mode) -> str:
    assert made.fim is not None
    suffix_at, middle_at = ids.index(made.fim.suffix), ids.index(made.fim.middle)
    assert ids[-1] == made.end_of_text
    before, between, after = ids[1:suffix_at], ids[suffix_at + 1 : middle_at], ids[middle_at + 1 : -1]
    assert ids[0] == made.fim.prefix and (mode == "psm" or not before)
    if made.byte_level:
        return made.decode_bytes([*before, *after, *between]).decode()
    return "".join(made.decode(part) for part in (before, after, between))


@pytest.mark.parametrize("made", [tokenizer(), other_cuts()], ids=["ours", "other cuts"])
@pytest.mark.parametrize("mode", ["psm", "spm"])
@pytest.mark.parametrize("short", [False, True])
@PROPERTY
@given(text=TEXT, seed=st.integers(0, 3))
def test_any_text_comes_back(made: Tokenizer, mode: Mode, short: bool, text: str, seed: int) -> None:
    ids = FillInTheMiddle(made)(made.encode(text), Draws(seed), mode, 10_000, short=short)
    if len(text.encode()) < 2:
        assert ids is None
    else:
        assert ids is not None and put_together(made, ids.tolist(), mode) == text


@pytest.mark.parametrize("mode", ["psm", "spm"])
def test_a_vocabulary_of_characters(mode: Mode) -> None:
    made = characters()
    assert not made.byte_level
    text = "def f(x):\n    return x\n"
    for seed in range(10):
        ids = FillInTheMiddle(made)(made.encode(text), Draws(seed), mode, 100, short=seed % 2 == 0)
        assert ids is not None and put_together(made, ids.tolist(), mode) == text


def test_a_vocabulary_that_would_change_the_document_leaves_it_alone() -> None:
    made = characters(space_in_front=True)
    assert FillInTheMiddle(made)(made.encode("def f(x):\n"), Draws(0), "psm", 100) is None


def test_what_does_not_fit_is_left_alone() -> None:
    ids = tokenizer().encode("def f(x):\n    return x\n")
    transform = FillInTheMiddle(tokenizer())
    assert transform(ids, Draws(0), "psm", len(ids) + 3) is None
    made = transform(ids, Draws(0), "psm", len(ids) + 8)
    assert made is not None and len(made) <= len(ids) + 8


def test_cuts_are_spread_over_the_whole_text() -> None:
    text = "x" * 100
    fim = tokenizer().fim
    assert fim is not None
    ids = tokenizer().encode(text)
    lengths = []
    for seed in range(400):
        made = FillInTheMiddle(tokenizer())(ids, Draws(seed), "psm", 1000)
        assert made is not None
        middle = made.tolist()[made.tolist().index(fim.middle) + 1 : -1]
        lengths.append(len(tokenizer().decode(middle)))
    assert 28 < np.mean(lengths) < 39  # a third of it on average
    assert min(lengths) < 5 and max(lengths) > 80


def test_a_vocabulary_without_the_sentinels_is_refused() -> None:
    bare = parse_tokenizer(tokenizer().source.replace("<|fim_middle|>", "<|nothing|>"))
    with pytest.raises(ValueError, match=r"set fim\.rate to 0"):
        FillInTheMiddle(bare)


@PROPERTY
@given(text=TEXT, seed=st.integers(0, 200))
def test_a_short_span_is_inside_the_text_and_has_no_white_space_behind_it(text: str, seed: int) -> None:
    data = text.encode()
    span = short_span(data, Draws(seed)) if data else None
    if span is None:
        return
    start, stop = span
    middle = data[start:stop].decode()  # whole characters
    assert 0 <= start < stop <= len(data) and middle == middle.rstrip("\t\n\r ")
    assert data[:start].decode() + middle + data[stop:].decode() == text


def test_short_spans_are_what_an_editor_asks_for() -> None:
    lines = [f"    name_{number} = call({number}, 'é')" for number in range(100)]
    data = "\n".join(lines).encode()
    found = [short_span(data, Draws(seed)) for seed in range(400)]
    middles = [data[span[0] : span[1]].decode() for span in found if span is not None]
    assert len(middles) == 400
    assert 100 < sum(middle in lines for middle in middles) < 190
    assert 70 < sum("\n" in middle for middle in middles) < 130
    assert all(middle.count("\n") < 12 for middle in middles)


def test_nothing_but_blank_lines_has_no_short_span() -> None:
    assert short_span(b"\n  \n\t\n", Draws(0)) is None
