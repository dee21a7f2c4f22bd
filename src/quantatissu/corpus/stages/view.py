"""Measurements of one text that several stages need, each made once and only when asked for."""

from __future__ import annotations

import string
from functools import cached_property, lru_cache
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from quantatissu.corpus.stages.lexing import Lexed, lex

_LONG_LINE = 20
_BLANKS = b" \t\n\r\f\v"


def _mask(characters: bytes) -> NDArray[np.bool_]:
    mask = np.zeros(256, dtype=np.bool_)
    mask[list(characters)] = True
    return mask


_IS_BLANK = _mask(_BLANKS)
_IS_DIGIT = _mask(string.digits.encode())
_IS_ALPHANUMERIC = _mask((string.ascii_letters + string.digits).encode() + bytes(range(0x80, 0x100)))


class View:
    """A text in a language, with what is measured of it. Lengths are in characters, shares between 0 and 1."""

    def __init__(self, text: str, language: str) -> None:
        self.text = text
        self.language = language

    @cached_property
    def lines(self) -> list[str]:
        """The lines without their ends; a final line end opens no further line."""
        lines = self.text.split("\n")
        return lines if lines[-1] else lines[:-1]

    @cached_property
    def line_lengths(self) -> list[int]:
        return list(map(len, self.lines))

    @cached_property
    def filled_lines(self) -> int:
        """How many lines are not empty."""
        return len(self.lines) - self.line_lengths.count(0)

    @cached_property
    def long_lines(self) -> list[str]:
        """Lines of more than 20 characters: shorter ones repeat in any program."""
        return list(compress(self.lines, map(_LONG_LINE.__lt__, self.line_lengths)))

    @cached_property
    def data(self) -> NDArray[np.uint8]:
        """The bytes of the text in UTF-8."""
        return np.frombuffer(self.text.encode(), dtype=np.uint8)

    @cached_property
    def histogram(self) -> NDArray[np.int64]:
        """How often each of the 256 byte values occurs."""
        return np.bincount(self.data, minlength=256)

    @cached_property
    def solid(self) -> int:
        """Bytes that are no blanks."""
        return int(self.data.size - self.histogram[_IS_BLANK].sum())

    @cached_property
    def words(self) -> int:
        """How many runs of characters stand between blanks."""
        blank = _IS_BLANK[self.data]
        return int(np.count_nonzero(blank[:-1] > blank[1:])) + (not blank[0])

    @cached_property
    def alphanumeric(self) -> float:
        """Share of letters and digits in all bytes; those above ASCII count as letters."""
        return float(self.histogram[_IS_ALPHANUMERIC].sum() / self.data.size)

    @cached_property
    def digits(self) -> float:
        """Share of decimal digits in the bytes that are no blanks."""
        return float(self.histogram[_IS_DIGIT].sum() / max(self.solid, 1))

    @cached_property
    def lexed(self) -> Lexed:
        return lex(self.text, self.language)


@lru_cache(maxsize=1)
def view(text: str, language: str) -> View:
    """The view of `text`, which is not empty: the same one for the stages that follow each other on one document."""
    return View(text, language)
