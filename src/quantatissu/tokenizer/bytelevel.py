"""Byte-level vocabularies: every byte has a printable character, tokens are strings of those.

The table is GPT-2's (Radford et al., 2019): printable Latin-1 bytes stand for themselves, the others are moved to
U+0100 and up. It is a part of the file format, since every byte-level ``tokenizer.json`` uses it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping


def _characters() -> list[str]:
    own = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    moved = iter(range(0x100, 0x200))
    return [chr(byte) if byte in own else chr(next(moved)) for byte in range(256)]


CHARACTERS: list[str] = _characters()
_BYTES = str.maketrans({character: chr(byte) for byte, character in enumerate(CHARACTERS)})
_OTHERS = re.compile(f"[^{re.escape(''.join(CHARACTERS))}]")


def token_bytes(vocabulary: Mapping[str, int], control: Mapping[str, int]) -> list[bytes] | None:
    """The bytes of every token, by id; ids of nothing have none. None unless the vocabulary is byte-level and complete.

    `vocabulary` maps the model's tokens to ids, `control` the added tokens, which stand for their own UTF-8.
    """
    if not all(character in vocabulary for character in CHARACTERS):
        return None
    if any(_OTHERS.search(token) and token not in control for token in vocabulary):
        return None
    table = [b""] * (max((*vocabulary.values(), *control.values())) + 1)
    for token, number in vocabulary.items():
        if token in control:
            continue
        table[number] = token.translate(_BYTES).encode("latin-1")
    for token, number in control.items():
        table[number] = token.encode()
    return table
