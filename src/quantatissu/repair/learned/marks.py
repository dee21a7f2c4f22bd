"""A function as the model is asked about it: a mark before every line, so that a place in it is a single token.

    <|fim_prefix|> OWNERS [0] LINE [1] LINE … [n] <|edit_span|> [first] [stop] <|edit_replacement|> NEW
    <|edit_replacement_end|>

OWNERS are the ``class`` lines around the function. Lines ``first`` until ``stop`` are wrong, none where something is
missing, and NEW belongs there; ``<|edit_span|> <|edit_replacement_end|>`` says that nothing is wrong. Marks are the
tokens of the bytes from 0x80 on, which text in ASCII never holds: only such functions are shown, and no vocabulary has
to change. All text is tokenised line by line.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from quantatissu.rewriting import Source
from quantatissu.rewriting.source import FunctionNode
from quantatissu.tokenizer import Ids, Tokenizer
from quantatissu.tokenizer.special import EDIT_REPLACEMENT, EDIT_REPLACEMENT_END, EDIT_SPAN, FIM_PREFIX

MOST_LINES = 96
"""Lines that are shown at a time; a longer function is shown in part."""
_SIGNATURE = 10
_DOCSTRING = 4
_LEAST_PART = 24


@dataclass(frozen=True, slots=True)
class Layout:
    """Which lines of a function there are, from 1, half open: decorators and signature from ``first``, a docstring from
    ``head``, what it does from ``body`` until ``end``. ``owners`` are the ``class`` lines around it.
    """

    first: int
    head: int
    body: int
    end: int
    owners: tuple[int, ...]

    @property
    def opening(self) -> list[int]:
        """The lines that are always shown: how the function begins."""
        return [
            *range(self.first, min(self.head, self.first + _SIGNATURE)),
            *range(self.head, min(self.body, self.head + _DOCSTRING)),
        ]

    def parts(self) -> list[list[int]]:
        """The lines to show, in as many parts as it takes; neighbouring parts overlap by half."""
        opening, body = self.opening, list(range(self.body, self.end))
        room = max(MOST_LINES - len(opening), _LEAST_PART)
        if len(body) <= room:
            return [[*opening, *body]]
        starts = [*range(0, len(body) - room, room // 2), len(body) - room]
        return [[*opening, *body[start : start + room]] for start in starts]


def layout(source: Source, node: FunctionNode) -> Layout:
    """Where the lines of a function are."""
    owners = tuple(sorted(up.lineno for up in source.ancestors(node) if isinstance(up, ast.ClassDef)))
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    end = (node.end_lineno or node.lineno) + 1
    head = min(max(node.body[0].lineno, node.lineno + 1), end)
    documented = ast.get_docstring(node, clean=False) is not None and len(node.body) > 1
    body = max(node.body[1].lineno, head) if documented else head
    return Layout(first, head, body, end, owners)


class Marks:
    """Functions to ids, for one vocabulary. Raises ValueError when that has no such tokens."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        single = {text[0]: number for number, text in enumerate(tokenizer.token_bytes()) if len(text) == 1}
        missing = [byte for byte in range(0x80, 0x80 + MOST_LINES + 1) if byte not in single]
        if missing or not tokenizer.byte_level:
            raise ValueError("the vocabulary has no tokens of single bytes, which lines are marked with")
        self.ids = np.array([single[byte] for byte in range(0x80, 0x80 + MOST_LINES + 1)], dtype=tokenizer.dtype)
        """The id of each mark."""

    def prompt(self, owners: Sequence[str], lines: Sequence[str]) -> Ids:
        """Everything up to and including ``<|edit_span|>``. Lines come with their ends."""
        encode = self.tokenizer.encode
        return self.joined([encode(line) for line in owners], [encode(line) for line in lines])

    def joined(self, owners: Sequence[Ids], lines: Sequence[Ids]) -> Ids:
        """`prompt` of lines that are ids already."""
        pieces: list[Ids] = [self._control[FIM_PREFIX], *owners]
        for number, line in enumerate(lines):
            pieces += [self.ids[number : number + 1], line]
        return np.concatenate([*pieces, self.ids[len(lines) : len(lines) + 1], self._control[EDIT_SPAN]])

    def answer(self, first: int, stop: int, new: Sequence[str]) -> Ids:
        """What follows a prompt: lines ``first`` until ``stop`` of those shown become ``new``."""
        text = [self.tokenizer.encode(line) for line in new]
        control = self._control
        return np.concatenate(
            [self.ids[[first, stop]], control[EDIT_REPLACEMENT], *text, control[EDIT_REPLACEMENT_END]]
        )

    def read(self, tokens: Sequence[int]) -> tuple[int, str] | None:
        """(stop, new text) of what follows the first mark of an answer; None of tokens that are no whole answer."""
        if len(tokens) < 3 or tokens[0] not in self._numbers:
            return None
        if tokens[1] != self._control[EDIT_REPLACEMENT][0] or tokens[-1] != self._control[EDIT_REPLACEMENT_END][0]:
            return None
        inner = tokens[2:-1]
        text = self.tokenizer.decode(inner)
        if not text.isascii() or not self._controls.isdisjoint(inner):
            return None
        return self._numbers[tokens[0]], text

    @cached_property
    def _controls(self) -> frozenset[int]:
        return frozenset(self.tokenizer.control.values())

    @cached_property
    def _numbers(self) -> dict[int, int]:
        return {int(token): number for number, token in enumerate(self.ids)}

    @property
    def nothing(self) -> Ids:
        """The answer that nothing is wrong."""
        return self._control[EDIT_REPLACEMENT_END]

    @cached_property
    def _control(self) -> dict[str, Ids]:
        names = (FIM_PREFIX, EDIT_SPAN, EDIT_REPLACEMENT, EDIT_REPLACEMENT_END)
        return {name: np.array([self.tokenizer.id(name)], dtype=self.tokenizer.dtype) for name in names}
