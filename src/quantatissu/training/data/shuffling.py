"""Random numbers without a state: each is a function of a seed and of where it is used.

Numpy promises the stream of a bit generator, not what `permutation` makes of it; a run that is resumed under a newer
numpy must see the same order. So keys are made here, by SplitMix64 (Steele, Lea and Flood, 2014), and sorted.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import NDArray

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def keys(count: int, *where: int | str) -> NDArray[np.uint64]:
    """`count` independent 64-bit numbers for this place: ``where`` is the seed, a purpose, an epoch …"""
    start = np.frombuffer(hashlib.blake2b(repr(where).encode(), digest_size=8).digest(), "<u8")[0]
    with np.errstate(over="ignore"):
        mixed: NDArray[np.uint64] = start + _STEP * np.arange(1, count + 1, dtype=np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _FIRST
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _SECOND
    return mixed ^ (mixed >> np.uint64(31))


def permutation(count: int, *where: int | str) -> NDArray[np.int64]:
    """The numbers below `count` in an order that depends on this place alone."""
    return np.argsort(keys(count, *where), kind="stable")


class Draws:
    """Numbers for one place, one after another."""

    def __init__(self, *where: int | str) -> None:
        self._where = where
        self._drawn = 0
        self._numbers: list[int] = []

    def unit(self) -> float:
        """In [0, 1), with 53 random bits."""
        return (self._next() >> 11) * 2.0**-53

    def below(self, limit: int) -> int:
        """A whole number from 0 to `limit` - 1."""
        return self._next() * limit >> 64

    def _next(self) -> int:
        if not self._numbers:
            self._numbers = keys(64, *self._where, self._drawn).tolist()
            self._numbers.reverse()
            self._drawn += 1
        return self._numbers.pop()
