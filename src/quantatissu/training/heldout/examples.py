"""Held-out questions with one right answer: a line to fill in, an edit to make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from quantatissu.corpus.shards import Corpus
from quantatissu.tokenizer import Ids, Tokenizer
from quantatissu.tokenizer.special import EDIT_REPLACEMENT
from quantatissu.training.data.shuffling import Draws, permutation

_LINE_BYTES = (4, 120)


@dataclass(frozen=True, slots=True)
class Example:
    """Ids of the question, and of the answer with the token that closes it."""

    prompt: Ids
    answer: Ids


def infill_examples(corpus: Corpus, tokenizer: Tokenizer, *, count: int, length: int, seed: int) -> list[Example]:
    """One line of each of `count` held-out documents, between what stands before and after it, in the
    prefix-suffix-middle order; question and answer have at most ``length`` tokens.

    A line is what any editor would ask for: not blank, not a comment, 4 to 120 bytes long.
    """
    assert tokenizer.fim is not None and tokenizer.end_of_text is not None
    draws = Draws(seed, "infill", 0)
    made: list[Example] = []
    for number in _shuffled(corpus, seed, "infill"):
        if len(made) == count:
            break
        data = tokenizer.decode_bytes(corpus.read(number)[:-1])
        cut = _line(data, draws)
        if cut is None:
            continue
        start, stop = cut
        answer = tokenizer.encode_bytes(data[start:stop])
        before, after = tokenizer.encode_bytes(data[:start]), tokenizer.encode_bytes(data[stop:])
        room = length - len(answer) - 4
        kept_after = after[: max(room // 3, room - len(before))]
        kept_before = before[-max(room - len(kept_after), 1) :]
        prompt = _joined(tokenizer, [tokenizer.fim.prefix], kept_before, [tokenizer.fim.suffix], kept_after)
        made.append(
            Example(
                np.append(prompt, np.array(tokenizer.fim.middle, prompt.dtype)),
                np.append(answer, np.array(tokenizer.end_of_text, prompt.dtype)),
            )
        )
    return made


def repair_examples(
    corpora: Sequence[Corpus], tokenizer: Tokenizer, *, count: int, length: int, seed: int
) -> list[Example]:
    """Held-out edit records: everything up to the replacement is the question, the rest the answer."""
    if EDIT_REPLACEMENT not in tokenizer.control:
        return []
    marker = tokenizer.control[EDIT_REPLACEMENT]
    made: list[Example] = []
    for corpus in corpora:
        for number in _shuffled(corpus, seed, "repair"):
            if len(made) == count:
                break
            ids = corpus.read(number)
            at = np.flatnonzero(ids == marker)
            if not len(at) and not made:
                break  # a corpus of code: none of its documents is an edit
            if len(at) == 1 and len(ids) <= length:
                # The token that ends the document says nothing about the edit.
                made.append(Example(ids[: at[0] + 1], ids[at[0] + 1 : -1]))
    return made


def _shuffled(corpus: Corpus, seed: int, purpose: str) -> Iterator[int]:
    return iter(permutation(len(corpus), seed, purpose, 0).tolist())


def _line(data: bytes, draws: Draws) -> tuple[int, int] | None:
    """Where a line chosen at random begins and ends, its indentation and its newline outside."""
    starts = [0, *(at + 1 for at, byte in enumerate(data) if byte == 0x0A)]
    for _ in range(8):
        start = starts[draws.below(len(starts))]
        stop = data.find(b"\n", start)
        line = data[start : len(data) if stop < 0 else stop].rstrip()
        bare = line.lstrip()
        if _LINE_BYTES[0] <= len(bare) <= _LINE_BYTES[1] and not bare.startswith((b"#", b"//", b"/*", b"*")):
            return start + len(line) - len(bare), start + len(line)
    return None


def _joined(tokenizer: Tokenizer, *parts: Sequence[int] | Ids) -> Ids:
    return np.concatenate([np.asarray(part, dtype=tokenizer.dtype) for part in parts])
