"""Code tokens of a text and a 64-bit hash of each, found by array operations over its bytes.

A token is a run of word characters (letters, digits, the underscore and every byte of a non-ASCII character) or one
other visible ASCII character: over UTF-8, the regex ``[A-Za-z0-9_\\x80-\\xff]+|[^\\sA-Za-z0-9_\\x80-\\xff]``. White
space separates tokens and is otherwise ignored, so a reformatted text has the same ones.

A token's hash is made of its first eight and its last eight bytes, each loaded as one number, so that no step loops
over characters or tokens in Python; the few tokens of more than sixteen bytes add those between. A token of up to eight
bytes is a number by itself, and two of them never share a hash. Hashes are the same in every process and on every
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


def _classes() -> bytes:
    classes = bytearray([_SIGN]) * 256
    for byte in range(256):
        character = chr(byte)
        if byte >= 0x80 or character.isalnum() or character == "_":
            classes[byte] = _WORD
        elif character.isspace() or byte == 0:
            classes[byte] = _SPACE
    return bytes(classes)


_CLASSES = _classes()
_LONG = 17  # from here on there are bytes between the first eight and the last eight
# By the length of a token: which bits of the loaded words are its own and not yet seen, and what tells lengths apart.
_HEADS = np.array([(1 << 8 * min(length, 8)) - 1 for length in range(_LONG + 1)], np.uint64)
_TAILS = np.array([2**64 - 1 if length > 8 else 0 for length in range(_LONG + 1)], np.uint64)
_LENGTHS = mix(np.arange(_LONG + 1, dtype=np.uint64)) & _TAILS


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
    padded = data + bytes(8)  # so that eight bytes can be loaded wherever a token starts
    classes = np.frombuffer(b"\0" + padded.translate(_CLASSES), np.uint8)  # [i + 1] is that of byte i
    here, in_word = classes[1 : len(data) + 1], classes & _WORD
    # A sign is a token by itself. A word character starts one where none is before it, and ends one where none follows.
    starts = np.flatnonzero(here > in_word[: len(data)])
    ends = np.flatnonzero(here > in_word[2 : len(data) + 2]) + 1
    return Tokens(starts, ends, _hashes(padded, starts, ends))


def _hashes(padded: bytes, starts: Positions, ends: Positions) -> U64:
    """One hash for each token of a text that eight more bytes follow."""
    words: U64 = np.ndarray(len(padded) - 7, "<u8", padded, strides=(1,))  # [i] is made of the bytes i to i + 7
    lengths = np.minimum(ends - starts, _LONG)
    hashes = words[starts] & _HEADS[lengths]
    hashes *= np.uint64(_BASE)
    hashes += words[np.maximum(ends - 8, 0)] & _TAILS[lengths]
    hashes += _LENGTHS[lengths]
    long = np.flatnonzero(lengths == _LONG)
    if len(long):
        hashes[long] += _between(words, starts[long], ends[long])
    return mix(hashes)


def _between(words: U64, starts: Positions, ends: Positions) -> U64:
    """A hash of what lies between the first and the last eight bytes of each token, and of its length."""
    lengths = ends - starts
    counts = (lengths - 1) // 8 - 1
    firsts = np.cumsum(counts) - counts
    numbers = np.arange(1, counts.sum() + 1) - np.repeat(firsts, counts)  # 1, 2, ... within each token
    at = np.repeat(starts, counts) + 8 * numbers
    hashed = mix(words[at] + numbers.astype(np.uint64) * np.uint64(_BASE))
    return mix(np.add.reduceat(hashed, firsts) + lengths.astype(np.uint64))


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
