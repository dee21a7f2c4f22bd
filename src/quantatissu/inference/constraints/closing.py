"""The shortest way to end an answer well, from wherever it stands.

Exact search would be slow: a grammar has no table of distances. A greedy walk that prefers what closes over what opens
finds an ending close to the shortest for JSON, and a small breadth-first search is tried where it walks in circles.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.sampling.distribution import Mask, admitted

_LONGEST = 512  # tokens of a way, unless told otherwise
_NODES = 150  # of the search
_BRANCHES = 12

# First bytes by how soon they end something. The double quote comes first: where it is admitted it ends a string, or
# begins one that it ends next; inside a string, a bracket or the other quote ends nothing.
_ORDER = (b'"', b"}])", b",", b":", b"0123456789", b"enrtlsaui'", b"[{(")


class Closer:
    """For one vocabulary."""

    def __init__(self, table: Sequence[bytes], control: Collection[int]) -> None:
        """``table`` holds the bytes of every token, ``control`` those that are no text."""
        self._vocabulary = len(table)
        ranks = np.array([_rank(piece) for piece in table])
        ranks[list(control)] = np.inf
        ranks[[not piece for piece in table]] = np.inf
        self._ranks: NDArray[np.float64] = ranks

    def mask(self, matcher: Any) -> Mask:
        """The tokens that ``matcher`` admits."""
        words: NDArray[np.uint32] = np.zeros((self._vocabulary + 31) // 32, dtype=np.uint32)
        matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
        return words

    def shortest(self, matcher: Any, most: int = _LONGEST) -> list[int] | None:
        """Tokens, at most ``most``, that lead ``matcher`` (which is used up) to where it may end; None: none found."""
        start = matcher.deep_copy()
        path = self._walk(matcher, most)
        return self._search(start, most) if path is None else path

    def _walk(self, matcher: Any, most: int) -> list[int] | None:
        path: list[int] = []
        while not matcher.is_accepting():
            forced = [] if matcher.is_error() else matcher.compute_ff_tokens()
            if not forced:
                best = self._best(matcher, 1)
                if not best:
                    return None
                forced = best
            path += forced
            if len(path) > most or matcher.try_consume_tokens(forced) < len(forced):
                return None
        return path

    def _search(self, start: Any, most: int) -> list[int] | None:
        waiting: list[tuple[list[int], Any]] = [([], start)]
        nodes = 0
        while waiting and nodes < _NODES:
            ahead: list[tuple[list[int], Any]] = []
            for path, matcher in waiting:
                if len(path) >= most:
                    continue
                for token in self._best(matcher, _BRANCHES):
                    nodes += 1
                    after = matcher.deep_copy()
                    if not after.consume_token(token):
                        continue
                    if after.is_accepting():
                        return [*path, token]
                    ahead.append(([*path, token], after))
            waiting = ahead[:32]
        return None

    def _best(self, matcher: Any, count: int) -> list[int]:
        """The admitted tokens that are likeliest to end something, best first."""
        if matcher.is_stopped():
            return []
        allowed = np.flatnonzero(admitted(self.mask(matcher), self._vocabulary))
        ranks = self._ranks[allowed]
        allowed, ranks = allowed[np.isfinite(ranks)], ranks[np.isfinite(ranks)]
        best: list[int] = allowed[np.argsort(ranks, kind="stable")[:count]].tolist()
        return best


def _rank(piece: bytes) -> float:
    """By the first byte, then the shorter first."""
    if not piece:
        return np.inf
    return 1000.0 * next((number for number, group in enumerate(_ORDER) if piece[0] in group), len(_ORDER)) + len(piece)
