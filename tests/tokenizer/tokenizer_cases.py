"""Text to learn from, and vocabularies made once for all tests."""

from __future__ import annotations

import functools
import os
from pathlib import Path

from hypothesis import strategies as st

from quantatissu.tokenizer import Tokenizer, TrainSettings, train_tokenizer
from quantatissu.tokenizer.special import ALL

NAMES = ("calendar", "textwrap", "json/decoder", "bisect")


@functools.cache
def texts() -> tuple[str, ...]:
    """Some of the standard library's modules."""
    library = Path(os.__file__).parent
    return tuple((library / f"{name}.py").read_text(encoding="utf-8") for name in NAMES)


@functools.cache
def trained(kind: str) -> Tokenizer:
    return train_tokenizer(texts(), TrainSettings.model_validate({"kind": kind, "vocabulary": 1024}))


def code() -> st.SearchStrategy[str]:
    """Text as code has it and as it has not: indentation, line ends of all kinds, other scripts, names of control tokens."""
    part = st.one_of(
        st.sampled_from(
            ["\n", "\r\n", "\r", "\n\n", "\t", "\t\t", " ", "    ", "        ", "\f", "\v", "\x1c", "\x85", "\u2028"]
        ),
        st.sampled_from(
            ["def ", "return", "__init__", "self.x", "+=", "):\n", "12345", " 007", "'é'", "変数", "́", "👍🏽", "Ⅷ", "²"]
        ),
        st.sampled_from(ALL),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
        st.text(st.characters(max_codepoint=127), max_size=12),
    )
    return st.lists(part, max_size=30).map("".join)
