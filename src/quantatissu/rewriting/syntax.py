"""Repair of text that does not compile: small edits near where the parser gave up, each proven by compiling.

There is no tree to work on, so the edits come from the text: a light scan that knows strings, comments and brackets,
the compiler's message, and the lines around the error.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator

from quantatissu.foundation.syntax import parsed
from quantatissu.rewriting.broken import Broken, Candidate
from quantatissu.rewriting.compose import merge_edits
from quantatissu.rewriting.edits import Edit, Rewrite, apply_edits
from quantatissu.rewriting.syntax_layout import bodies, brackets, colons, indentation, quotes
from quantatissu.rewriting.syntax_words import commas, equals, outside, stray, words

MAX_TRIED = 800
MAX_FOUND = 24
MAX_SECOND = 6

_STRATEGIES: tuple[Callable[[Broken], Iterable[Candidate]], ...] = (
    stray, outside, bodies, indentation, colons, brackets, quotes, equals, words, commas,
)  # fmt: skip


def syntax_error(text: str) -> SyntaxError | None:
    """What keeps a text from compiling; None when it compiles. Nothing of it runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(parsed(text), "<text>", "exec", dont_inherit=True)
        except SyntaxError as error:
            return error
        except (ValueError, RecursionError, MemoryError, OverflowError) as error:
            return SyntaxError(str(error), ("<text>", 1, 1, None))
    return None


def _parses(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def repair_syntax(text: str, line: int, column: int | None, message: str) -> Iterator[Rewrite]:
    """Edits that make a text compile, cheapest first.

    `line` (from 1), `column` (from 1, None when unknown) and `message` are what the compiler reported. Only edits
    whose result compiles are yielded. Where no single edit does, pairs are tried: one that lets the compiler get
    further down, and one for the error it meets there.
    """
    advanced: list[tuple[float, tuple[Edit, ...], SyntaxError]] = []
    found = False
    for rewrite in _single(text, Broken(text, line, column, message), advanced):
        found = True
        yield rewrite
    if found:
        return
    advanced.sort(key=lambda item: (-(item[2].lineno or 0), item[0]))
    pairs: list[tuple[float, int, Rewrite]] = []
    for cost, edits, error in advanced[:MAX_SECOND]:
        middle = apply_edits(text, edits)
        broken = Broken(middle, error.lineno or 1, error.offset, error.msg)
        for rewrite in _single(middle, broken, []):
            both = merge_edits(text, edits, rewrite.edits)
            start = min(edit.start for edit in both)
            pairs.append((cost + rewrite.cost, len(pairs), Rewrite(
                "repair_syntax", both, text.count("\n", 0, start) + 1, cost + rewrite.cost
            )))  # fmt: skip
    for _, _, rewrite in sorted(pairs)[:MAX_FOUND]:
        yield rewrite


def _single(
    text: str, broken: Broken, advanced: list[tuple[float, tuple[Edit, ...], SyntaxError]]
) -> Iterator[Rewrite]:
    """Single repairs, cheapest first; `advanced` receives those after which the compiler gets further down."""
    candidates: list[tuple[float, int, tuple[Edit, ...]]] = []
    for strategy in _STRATEGIES:
        for cost, edits in strategy(broken):
            if any(text[edit.start : edit.end] != edit.text for edit in edits):
                candidates.append((max(0.0, cost + 1.0), len(candidates), edits))
    seen: set[str] = set()
    sound = broken.sound_prefix(_parses)
    found = 0
    for cost, _, edits in sorted(candidates):
        try:
            result = apply_edits(text, edits)
        except ValueError:
            continue
        if result in seen:
            continue
        seen.add(result)
        start = min(edit.start for edit in edits)
        error = _first_error(result, sound if start >= sound else 0)
        if error is None:
            found += 1
            yield Rewrite("repair_syntax", edits, broken.line_at(start), cost)
        elif (error.lineno or 0) > broken.line + 1:
            advanced.append((cost, edits, error))
        if found >= MAX_FOUND or len(seen) >= MAX_TRIED:
            return


def _first_error(text: str, sound: int) -> SyntaxError | None:
    """`syntax_error`, sparing the compiler a prefix known to be sound as long as the rest does not parse."""
    if sound:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                parsed(text[sound:])
            except SyntaxError as error:
                error.lineno = (error.lineno or 1) + text.count("\n", 0, sound)
                return error
            except (ValueError, RecursionError, MemoryError) as error:
                return SyntaxError(str(error), ("<text>", 1, 1, None))
    return syntax_error(text)
