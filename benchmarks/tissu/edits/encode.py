"""Records as tokens: control tokens by their ids, every text between them tokenised alone, as at inference.

    <|user|> EVIDENCE \\n <|fim_prefix|> PREFIX <|edit_span|> OLD <|edit_span_end|> <|fim_suffix|> SUFFIX
    <|edit_replacement|> NEW <|edit_replacement_end|>

Without evidence the first part is missing. The shards' writer adds the end of text.
"""

from __future__ import annotations

import hashlib

import numpy as np

from benchmarks.tissu.edits.example import Example
from quantatissu.tokenizer import Ids, Tokenizer
from quantatissu.tokenizer.special import (
    EDIT_REPLACEMENT,
    EDIT_REPLACEMENT_END,
    EDIT_SPAN,
    EDIT_SPAN_END,
    FIM_PREFIX,
    FIM_SUFFIX,
    USER,
)

LANGUAGE = "edit"
"""The language of the documents in the shards, so that fill-in-the-middle can be switched off for them by name."""


class Encoder:
    """Examples to ids, for one vocabulary. Raises ValueError when it lacks a control token."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        names = (USER, FIM_PREFIX, EDIT_SPAN, EDIT_SPAN_END, FIM_SUFFIX, EDIT_REPLACEMENT, EDIT_REPLACEMENT_END)
        self._ids = {name: np.array([tokenizer.id(name)], dtype=tokenizer.dtype) for name in names}

    def __call__(self, example: Example) -> Ids:
        parts: list[tuple[str, str]] = [
            (FIM_PREFIX, example.prefix),
            (EDIT_SPAN, example.old),
            (EDIT_SPAN_END, ""),
            (FIM_SUFFIX, example.suffix),
            (EDIT_REPLACEMENT, example.new),
            (EDIT_REPLACEMENT_END, ""),
        ]
        if example.evidence:
            parts.insert(0, (USER, example.evidence + "\n"))
        encode = self._tokenizer.encode
        return np.concatenate([piece for name, text in parts for piece in (self._ids[name], encode(text))])


def identity(example: Example) -> str:
    """The id of a record: of what it shows and asks for, however it was made. 32 hexadecimal digits."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (example.evidence, example.prefix, example.old, example.suffix, example.new):
        digest.update(part.encode("utf-8", "surrogatepass") + b"\0")
    return digest.hexdigest()
