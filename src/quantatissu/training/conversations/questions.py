"""Held-out conversations, for the evaluation during a run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from quantatissu.tokenizer import Encoded
from quantatissu.training.conversations.rows import Rows
from quantatissu.training.data.shuffling import permutation
from quantatissu.training.heldout import Example, HeldOut, Questions


def conversation_questions(
    held: Sequence[tuple[Encoded, str]], *, tokens: int, samples: int, length: int, seed: int, pad: int
) -> Questions:
    """About `tokens` tokens of held-out conversations for the loss on the assistant's part, by file; and `samples`
    prompts to be answered, each the first of its conversation. No bytes are counted: there are no bits per byte.
    """
    chosen: list[tuple[Encoded, str]] = []
    left = tokens
    for number in permutation(len(held), seed, "held-out", 0).tolist():
        if left <= 0:
            break
        chosen.append(held[number])
        left -= len(held[number][0].ids)
    prompts = [_first_turn(encoded) for encoded, _ in chosen[:samples]]
    return Questions(_packed(chosen, length, pad) if chosen else None, [], [], prompts)


def _packed(chosen: Sequence[tuple[Encoded, str]], length: int, pad: int) -> HeldOut:
    places: list[int] = []  # the row of each conversation, first-fit
    free: list[int] = []
    for encoded, _ in chosen:
        size = len(encoded.ids)
        row = next((number for number, room in enumerate(free) if room >= size), len(free))
        if row == len(free):
            free.append(length)
        free[row] -= size
        places.append(row)
    names = tuple(sorted({name for _, name in chosen}))
    rows = Rows(len(free), length, pad)
    languages = np.full((len(free), length), -1, np.int64)
    for row, (encoded, name) in zip(places, chosen, strict=True):
        languages[row, rows.add(row, encoded)] = names.index(name)
    sizes = np.zeros_like(rows.targets)
    return HeldOut(rows.tokens, rows.targets, rows.documents, rows.positions, languages, sizes, names)


def _first_turn(encoded: Encoded) -> Example:
    """What stands before the assistant's first words, and those."""
    inside = encoded.mask.astype(np.int8)
    start = int(inside.argmax())
    after = np.flatnonzero(inside[start:] == 0)
    stop = start + int(after[0]) if len(after) else len(inside)
    return Example(encoded.ids[:start], encoded.ids[start:stop])
