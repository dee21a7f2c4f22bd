"""Fill-in-the-middle: text cut at two places and reordered, so that a causal model learns to infill.

Bavarian et al., "Efficient Training of Language Models to Fill in the Middle" (2022), at the level of characters. With
P, M, S the three parts, each tokenised alone as at inference, and the token that ends a text:

    PSM   <prefix> P <suffix> S <middle> M <end>
    SPM   <prefix> <suffix> S <middle> P M <end>      (the variant that needs no other sentinels)

Some middles are cut at any two characters, as there; others are what an editor asks for (`spans`): cut at any two
characters, a middle is hundreds of tokens long, and a model never learns that a line ends.
"""

from __future__ import annotations

import re
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from quantatissu.tokenizer import Ids, Tokenizer
from quantatissu.training.data.shuffling import Draws
from quantatissu.training.data.spans import short_span

Mode = Literal["psm", "spm"]
_ATTEMPTS = 4
_LINE_START = re.compile(rb"[\r\n](?=[^\r\n])")


class FillInTheMiddle:
    """The transformation for one vocabulary. Raises ValueError when that has no fill-in-the-middle tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        if tokenizer.fim is None:
            raise ValueError("the vocabulary has no fill-in-the-middle tokens: set fim.rate to 0, or use another one")
        self._tokenizer = tokenizer
        if tokenizer.end_of_text is None:
            raise ValueError("the vocabulary has no end-of-text token, which ends every middle")
        self._prefix, self._middle, self._suffix, self._end = (
            np.array([number], dtype=tokenizer.dtype)
            for number in (tokenizer.fim.prefix, tokenizer.fim.middle, tokenizer.fim.suffix, tokenizer.end_of_text)
        )
        self._sizes = np.array([len(token) for token in tokenizer.token_bytes()]) if tokenizer.byte_level else None

    def __call__(self, ids: Ids, draws: Draws, mode: Mode, room: int, *, short: bool = False) -> Ids | None:
        """`ids` transformed, in at most `room` tokens; None when that did not succeed at a few random cuts.

        ``short``: the middle is a short span where there is one. Cutting inside tokens makes more of them, so the
        length is known only afterwards.
        """
        split = self._split_bytes if self._sizes is not None else self._split_text
        for _ in range(_ATTEMPTS):
            parts = split(ids, draws, short)
            if parts is None:
                return None
            prefix, middle, suffix = parts
            if len(prefix) + len(middle) + len(suffix) + 4 <= room:
                before, between = [self._prefix, prefix], [self._suffix, suffix, self._middle]
                if mode == "spm":
                    before, between = [self._prefix], [*between, prefix]
                return np.concatenate([*before, *between, middle, self._end])
        return None

    def _split_bytes(self, ids: Ids, draws: Draws, short: bool) -> tuple[Ids, Ids, Ids] | None:
        data = self._tokenizer.decode_bytes(ids)
        if len(data) < 2:
            return None
        first, second = _cuts(data, draws, short)
        lines = _Lines(self._tokenizer, ids, data, self._sizes)
        return lines.encode(0, first), lines.encode(first, second), lines.encode(second, len(data))

    def _split_text(self, ids: Ids, draws: Draws, short: bool) -> tuple[Ids, Ids, Ids] | None:
        text = self._tokenizer.decode(ids.tolist())
        if len(text) < 2:
            return None
        data = text.encode()
        first, second = _cuts(data, draws, short)
        parts = self._tokenizer.encode_batch(
            [part.decode() for part in (data[:first], data[first:second], data[second:])]
        )
        # A vocabulary that puts a space before every text would change the document: it is left alone then.
        if "".join(self._tokenizer.decode(part.tolist()) for part in parts) != text:
            return None
        return parts[0], parts[1], parts[2]


class _Lines:
    """Ids for parts of a text whose ids are known. Where lines are independent, only lines that are cut are encoded."""

    def __init__(self, tokenizer: Tokenizer, ids: Ids, data: bytes, sizes: NDArray[np.int64] | None) -> None:
        self._tokenizer, self._ids, self._data = tokenizer, ids, data
        reuse = tokenizer.lines_independent and sizes is not None
        self._ends = np.cumsum(sizes[ids]) if reuse and sizes is not None else None

    def encode(self, start: int, stop: int) -> Ids:
        """The ids of bytes `start` to `stop`."""
        first = self._line_start_after(start)
        last = self._line_start_before(first, stop)
        if self._ends is None or last <= first:
            return self._tokenizer.encode_bytes(self._data[start:stop])
        parts = [self._ids[self._token(first) : self._token(last)]]
        if first > start:
            parts.insert(0, self._tokenizer.encode_bytes(self._data[start:first]))
        if stop > last:
            parts.append(self._tokenizer.encode_bytes(self._data[last:stop]))
        return np.concatenate(parts)

    def _line_start_after(self, position: int) -> int:
        if not position:
            return 0
        found = _LINE_START.search(self._data, position - 1)
        return found.end() if found else len(self._data)

    def _line_start_before(self, low: int, position: int) -> int:
        if position == len(self._data):
            return position
        end = position
        while (at := self._data.rfind(b"\n", low, end)) >= 0:
            if self._data[at + 1] not in b"\r\n":
                return at + 1
            end = at
        return low

    def _token(self, position: int) -> int:
        assert self._ends is not None
        return int(np.searchsorted(self._ends, position, side="right")) if position else 0


def _cuts(data: bytes, draws: Draws, short: bool) -> tuple[int, int]:
    """Where the middle begins and ends."""
    span = short_span(data, draws) if short else None
    if span is not None:
        return span
    first, second = sorted((_character_start(data, draws), _character_start(data, draws)))
    return first, second


def _character_start(data: bytes, draws: Draws) -> int:
    """A place between two characters of `data`, at its start or at its end, each equally likely."""
    if data.isascii():
        return draws.below(len(data) + 1)
    starts = np.flatnonzero((np.frombuffer(data, np.uint8) & 0xC0) != 0x80)
    chosen = draws.below(len(starts) + 1)
    return int(starts[chosen]) if chosen < len(starts) else len(data)
