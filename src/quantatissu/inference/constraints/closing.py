"""The shortest way to end an answer well, from wherever it stands.

Exact search would be slow: a grammar has no table of distances. A greedy walk that prefers what closes over what opens
finds an ending close to the shortest. What closes is another thing in JSON than in code, and in code another thing
behind a name than behind an operator: each walk that leads nowhere is followed by one of another order, and in the end
by a small breadth-first search.
"""

from __future__ import annotations

import string
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.sampling.distribution import Mask, admitted

_LONGEST = 512  # tokens of a way, unless told otherwise
_NODES = 150  # of the search
_BRANCHES = 12
_LASTING = (b" ", b")", b"]", b"}")  # may come often: indentation, and what ends deep nests
_CIRCLE = 12  # so many tokens of one or two kinds lead nowhere, but for blanks and brackets

_Order = tuple[bytes, ...]
_Ranks = list[NDArray[np.float64]]  # of every token, for every byte that it may come behind

# First bytes by how soon they end something. The double quote comes first: where it is admitted it ends a string, or
# begins one that it ends next; inside a string, a bracket or the other quote ends nothing.
_JSON: _Order = (b'"', b"}])", b",", b":", b"0123456789", b"enrtlsaui'", b"[{(")
# In a diff, or a comment, a line's end is what is wanted.
_LINES: _Order = (b"\n", b" ", b"}])", b":", b"\"'", b",", b"0123456789", b"abcdefghijklmnopqrstuvwxyz_", b"[{(")
# In code: behind an operand; behind a quote, which may have ended a string or begun one; and behind anything else,
# where an operand is due, or one of ``else``, ``except``, ``in``, ``import``, ``def`` and ``case``, or a blank, but no
# second one.
_WORD, _QUOTE = (string.ascii_letters + string.digits + "_)]}").encode(), b"\"'"
_OPERAND: _Order = (b'"', b"'", b"}", b"])", b":", b"\n", b" ", b",", b"(")
_QUOTED: _Order = (b"}", b"])", b":", b"\n", b'"', b"'", b" ", b",", b"(")
_FRESH: _Order = (b"}", b"])", b"e", b"i", b"d", b"fcas", _WORD, b" ", b"\n", b'"', b"'", b",")
_SPACED: _Order = (b"}", b"])", b"e", b"i", b"d", b"fcas", _WORD, b"\n", b" ", b'"', b"'", b",")
# What may have to be ended before that: a line (which any byte-level vocabulary has), a longer string.
_FIRST = (b"\n", b'"""', b"'''")


class Closer:
    """For one vocabulary."""

    def __init__(self, table: Sequence[bytes], control: Collection[int]) -> None:
        """``table`` holds the bytes of every token, ``control`` those that are no text."""
        self._vocabulary = len(table)
        self._last = [piece[-1] if piece else 0 for piece in table]
        text = [number for number, piece in enumerate(table) if piece and number not in set(control)]
        self._search_ranks: NDArray[np.float64] = np.full(len(table), np.inf)
        self._search_ranks[text] = _ranks([table[number] for number in text], _JSON)
        # Where a token is admitted, so is the one of its first byte alone.
        bytes_ = {table[number] for number in text if len(table[number]) == 1}
        few = [number for number in text if len(table[number]) == 1 or table[number][:1] not in bytes_]
        self._few = np.array(few)
        self._lasting = {number for number in few if table[number] in _LASTING}
        pieces = [table[number] for number in few]
        json, lines = [_ranks(pieces, _JSON)] * 256, [_ranks(pieces, _LINES)] * 256
        code, single = _in_code(pieces), _in_code(pieces, bytes.maketrans(b"\"'", b"'\""))
        line, *quotes = ([table.index(piece)] for piece in _FIRST if piece in table)
        self._ways = [(lines, line), (json, []), (code, []), (single, []), (code, line)]
        self._ways += [*((code, quote) for quote in quotes), (lines, [])]

    def mask(self, matcher: Any) -> Mask:
        """The tokens that ``matcher`` admits."""
        words: NDArray[np.uint32] = np.zeros((self._vocabulary + 31) // 32, dtype=np.uint32)
        matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        return words

    def shortest(self, matcher: Any, most: int = _LONGEST) -> list[int] | None:
        """Tokens, at most ``most``, that lead ``matcher`` (which is used up) to where it may end; None: none found."""
        for order, first in self._ways:
            path = self._walk(matcher.deep_copy(), most, order, first)
            if path is not None:
                return path
        return self._search(matcher, most)

    def _walk(self, matcher: Any, most: int, order: _Ranks, first: list[int]) -> list[int] | None:
        path: list[int] = []
        forced = first
        while not matcher.is_accepting():
            if not forced:
                forced = [] if matcher.is_error() else matcher.compute_ff_tokens()
            if not forced:
                forced = self._next(matcher, order[self._last[path[-1]] if path else _WORD[0]])
                recent = {*path[-_CIRCLE:], *forced}
                if not forced or (len(path) >= _CIRCLE and len(recent) <= 2 and not recent <= self._lasting):
                    return None
            path += forced
            if len(path) > most or matcher.try_consume_tokens(forced) < len(forced):
                return None
            forced = []
        return path

    def _search(self, start: Any, most: int) -> list[int] | None:
        waiting: list[tuple[list[int], Any]] = [([], start)]
        nodes = 0
        while waiting and nodes < _NODES:
            ahead: list[tuple[list[int], Any]] = []
            for path, matcher in waiting:
                if len(path) >= most:
                    continue
                for token in self._best(matcher):
                    nodes += 1
                    after = matcher.deep_copy()
                    if not after.consume_token(token):
                        continue
                    if after.is_accepting():
                        return [*path, token]
                    ahead.append(([*path, token], after))
            waiting = ahead[:32]
        return None

    def _next(self, matcher: Any, ranks: NDArray[np.float64]) -> list[int]:
        """The admitted token that is likeliest to end something, if there is one."""
        if matcher.is_stopped():
            return []
        allowed = self.mask(matcher)[self._few >> 5] >> (self._few & 31) & 1
        found = np.where(allowed, ranks, np.inf)
        best = int(found.argmin())
        return [int(self._few[best])] if np.isfinite(found[best]) else []

    def _best(self, matcher: Any) -> list[int]:
        """Some admitted tokens, the likeliest to end something first."""
        if matcher.is_stopped():
            return []
        allowed = np.flatnonzero(admitted(self.mask(matcher), self._vocabulary))
        ranks = self._search_ranks[allowed]
        allowed, ranks = allowed[np.isfinite(ranks)], ranks[np.isfinite(ranks)]
        best: list[int] = allowed[np.argsort(ranks, kind="stable")[:_BRANCHES]].tolist()
        return best


def _in_code(pieces: Sequence[bytes], turned: bytes | None = None) -> _Ranks:
    """With other bytes for some, if ``turned`` says which."""
    operand, quoted, spaced, fresh = (
        _ranks(pieces, tuple(group.translate(turned) for group in order))
        for order in (_OPERAND, _QUOTED, _SPACED, _FRESH)
    )
    behind = dict.fromkeys(_WORD, operand) | dict.fromkeys(_QUOTE, quoted) | {ord(" "): spaced}
    return [behind.get(byte, fresh) for byte in range(256)]


def _ranks(pieces: Sequence[bytes], order: _Order) -> NDArray[np.float64]:
    """By the first byte, then the shorter first."""
    group = {byte: number for number, bytes_ in reversed(list(enumerate(order))) for byte in bytes_}
    return np.array([1000.0 * group.get(piece[0], len(order)) + len(piece) for piece in pieces])
