"""Two views of a text for n-gram matching, both made from one scan of its bytes.

Words: letters, digits and underscores only, in order, whatever stands between them. A copy keeps them when it is
reformatted, re-wrapped or quoted otherwise.

Skeleton: what of the code is left when strings, comments, brackets and every name that a rename may change are gone:
keywords, numbers, operators, names behind a dot, and those of built-in functions where they are called (elsewhere they
may be anybody's variable). A copy keeps it when it is renamed as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantatissu.corpus.decontaminate.vocabulary import BUILTINS, KEYWORDS, PYTHON_KEYWORDS
from quantatissu.corpus.dedup.tokens import U64, Positions, Tokens, encode, scan

HASH_COMMENTS = frozenset({"python", "ruby", "shell", "perl", "r", "yaml", "toml", "makefile", ""})
_QUOTED = rb'"(?:[^"\\\n]|\\.)*"|' + rb"'(?:[^'\\\n]|\\.)*'"
_TRIPLE = rb'"""[\s\S]*?"""|' + rb"'''[\s\S]*?'''|"
_HASH_REMARKS = re.compile(rb"(" + _TRIPLE + _QUOTED + rb"|#[^\n]*)")
_SLASH_REMARKS = re.compile(rb"(" + _QUOTED + rb"|`[^`]*`|//[^\n]*|/\*[\s\S]*?\*/)")

_FIRST = np.zeros(256, np.uint8)  # of a token, by its first byte: 0 dropped, 1 word, 2 number, 3 operator
_FIRST[[byte for byte in range(256) if byte >= 0x80 or chr(byte).isalpha() or byte == 0x5F]] = 1
_FIRST[[ord(digit) for digit in "0123456789"]] = 2
_FIRST[[ord(sign) for sign in "+-*/%=<>!&|^~?"]] = 3
DEF = scan(b"def").hashes[0]
_CALL, _DOT, _MINUS, _GREATER = scan(b"(.->").hashes


class _Words:
    """A set of words, asked by their hashes."""

    def __init__(self, words: Iterable[str]) -> None:
        self.hashes: U64 = np.sort(np.concatenate([scan(encode(word)).hashes for word in sorted(words)]))
        self.top = np.zeros(1 << 16, np.bool_)
        self.top[self.hashes >> np.uint64(48)] = True

    def has(self, hashes: U64) -> npt.NDArray[np.bool_]:
        found: npt.NDArray[np.bool_] = self.top[hashes >> np.uint64(48)]
        maybe = hashes[found]
        at = np.minimum(np.searchsorted(self.hashes, maybe), len(self.hashes) - 1)
        found[found] = self.hashes[at] == maybe
        return found


_PYTHON_KEYWORDS, _KEYWORDS, _CALLED = _Words(PYTHON_KEYWORDS), _Words(KEYWORDS), _Words(BUILTINS)


@dataclass(frozen=True, slots=True)
class Stream:
    """A sequence of token hashes and the byte offset of each token in the text's UTF-8 form."""

    hashes: U64
    starts: Positions


@dataclass(frozen=True, slots=True)
class Views:
    """Both views of a text."""

    words: Stream
    skeleton: Stream


def views(data: bytes, language: str = "python") -> Views:
    """The words and the skeleton of UTF-8 text."""
    tokens = scan(data)
    if not len(tokens):
        empty = Stream(tokens.hashes, tokens.starts)
        return Views(empty, empty)
    kinds = _FIRST[np.frombuffer(data, np.uint8)[tokens.starts]]
    words = (kinds == 1) | (kinds == 2)
    kept = kinds >= 2
    names = np.flatnonzero(kinds == 1)
    keywords = _PYTHON_KEYWORDS if language == "python" else _KEYWORDS
    kept[names[keywords.has(tokens.hashes[names])]] = True
    called = np.flatnonzero(tokens.hashes[1:] == _CALL)
    kept[called[_CALLED.has(tokens.hashes[called])]] = True
    kept[1:] |= (kinds[1:] == 1) & (tokens.hashes[:-1] == _DOT)
    if language == "python":  # an arrow is part of an annotation, which a copy may lack
        arrows = np.flatnonzero((tokens.hashes[:-1] == _MINUS) & (tokens.hashes[1:] == _GREATER))
        kept[arrows] = kept[arrows + 1] = False
    kept &= ~_inside_remarks(data, tokens, language)
    return Views(_only(tokens, words), _only(tokens, kept))


def _only(tokens: Tokens, kept: npt.NDArray[np.bool_]) -> Stream:
    return Stream(tokens.hashes[kept], tokens.starts[kept])


def _inside_remarks(data: bytes, tokens: Tokens, language: str) -> npt.NDArray[np.bool_]:
    """Which tokens lie in a string or a comment."""
    pattern = _HASH_REMARKS if language in HASH_COMMENTS else _SLASH_REMARKS
    pieces = pattern.split(data)  # code and remarks in turn; much faster than a match object for each
    bounds = np.cumsum(np.fromiter(map(len, pieces), np.intp, len(pieces)))
    depth = np.bincount(np.searchsorted(tokens.starts, bounds[:-1]), minlength=len(tokens) + 1)
    inside: npt.NDArray[np.bool_] = np.cumsum(depth[:-1]) % 2 == 1
    return inside
