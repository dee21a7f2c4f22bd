"""Code tokens of a text and a 64-bit hash of each, found by array operations over its bytes.

A token is a run of word characters (letters, digits, the underscore and every byte of a non-ASCII character) or one
other visible ASCII character: over UTF-8, the regex ``[A-Za-z0-9_\\x80-\\xff]+|[^\\sA-Za-z0-9_\\x80-\\xff]``. White
space separates tokens and is otherwise ignored, so a reformatted text has the same ones.

A token's hash is the polynomial ``sum(value(byte_k) * P**k) mod 2**64`` over its bytes, with random odd values for the
bytes. It comes from prefix sums, as the hash of Karp and Rabin does ("Efficient randomized pattern-matching
algorithms", 1987), so no step loops over characters or tokens in Python. It is the same in every process and on every
machine.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U64 = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.intp]

_SPACE, _WORD, _SIGN = 0, 1, 2
_BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse modulo 2**64
_INVERSE = pow(_BASE, -1, 2**64)


def mix(values: U64) -> U64:
    """The finaliser of splitmix64 (Steele, Lea, Flood 2014): a bijection that spreads every bit over all 64."""
    mixed = values ^ (values >> np.uint64(30))
    mixed *= np.uint64(0xBF58476D1CE4E5B9)
    mixed ^= mixed >> np.uint64(27)
    mixed *= np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(31)
    return mixed


def _classes() -> npt.NDArray[np.uint8]:
    classes = np.full(256, _SIGN, np.uint8)
    for byte in range(256):
        character = chr(byte)
        if byte >= 0x80 or character.isalnum() or character == "_":
            classes[byte] = _WORD
        elif character.isspace() or byte == 0:
            classes[byte] = _SPACE
    return classes


_CLASS = _classes()
_VALUE = mix(np.arange(1, 257, dtype=np.uint64) * np.uint64(_BASE)) | np.uint64(1)


class _Powers:
    """``base**0, base**1, ...`` modulo 2**64, as many as the longest text so far needed."""

    def __init__(self, base: int) -> None:
        self.base = np.uint64(base)
        self.table: U64 = np.ones(1, np.uint64)

    def upto(self, count: int) -> U64:
        if len(self.table) < count:
            factors = np.full(1 << (count - 1).bit_length(), self.base, np.uint64)
            factors[0] = 1
            self.table = np.cumprod(factors)
        return self.table[:count]


_powers, _inverses = _Powers(_BASE), _Powers(_INVERSE)


@dataclass(frozen=True, slots=True)
class Tokens:
    """The tokens of a text in order: byte offsets ``starts`` and ``ends`` into its UTF-8 form, and ``hashes``."""

    starts: Positions
    ends: Positions
    hashes: U64

    def __len__(self) -> int:
        return len(self.hashes)


def encode(text: str) -> bytes:
    """UTF-8, with lone surrogates kept as they are."""
    return text.encode("utf-8", "surrogatepass")


def scan(data: bytes) -> Tokens:
    """Find and hash the tokens of UTF-8 text."""
    codes = np.frombuffer(data, np.uint8)
    if not len(codes):
        none = np.empty(0, np.intp)
        return Tokens(none, none, np.empty(0, np.uint64))
    classes = _CLASS[codes]
    word = classes == _WORD
    first, last = classes == _SIGN, classes == _SIGN
    first[0] |= word[0]
    first[1:] |= word[1:] & ~word[:-1]
    last[-1] |= word[-1]
    last[:-1] |= word[:-1] & ~word[1:]
    starts, ends = np.flatnonzero(first), np.flatnonzero(last) + 1
    sums = np.zeros(len(codes) + 1, np.uint64)
    np.cumsum(_VALUE[codes] * _powers.upto(len(codes)), out=sums[1:])
    hashes = (sums[ends] - sums[starts]) * _inverses.upto(len(codes))[starts]
    return Tokens(starts, ends, mix(hashes))


def windows(hashes: U64, size: int) -> U64:
    """The hash of every run of `size` consecutive tokens, in order; none when there are fewer tokens.

    ``[n]`` token hashes give ``[n - size + 1]`` window hashes. Long windows cost as little as short ones: prefix sums.
    """
    count = len(hashes)
    if count < size:
        return np.empty(0, np.uint64)
    sums = np.zeros(count + 1, np.uint64)
    np.cumsum(hashes * _powers.upto(count), out=sums[1:])
    return mix((sums[size:] - sums[:-size]) * _inverses.upto(count)[: count - size + 1])


def prefixes(rows: U64) -> U64:
    """The hashes of all beginnings of each row: ``[n, k]`` token hashes give ``[n, k]``, of which column j is the
    window hash of the first j + 1 tokens.
    """
    return mix(np.cumsum(rows * _powers.upto(rows.shape[1]), axis=1, dtype=np.uint64))
