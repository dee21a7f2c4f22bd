"""What is measured of a text's quality, as one table.

The first four and the rules for XML and HTML are StarCoder's (Li et al. 2023, https://arxiv.org/abs/2305.06161, section
3); the others are in the manner of OpenCoder's (Huang et al. 2024, https://arxiv.org/abs/2411.04905, appendix), which
measure the same faults: repetition, stubs, data, encoded blobs. Each gives a number, or None where it does not apply.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from quantatissu.corpus.stages.view import View

Measure = Callable[[View], float | None]


@dataclass(frozen=True, slots=True)
class Signal:
    """``setting`` is the field of `QualitySettings` with the limit, ``side`` whether that is the most or the least;
    ``reason`` what a drop says, ``label`` what its detail calls the number, ``share`` whether it lies between 0 and 1.
    """

    setting: str
    side: Literal["max", "min"]
    reason: str
    label: str
    measure: Measure
    share: bool = True

    def broken(self, view: View, limit: float) -> str | None:
        """The detail of a drop where the limit is broken: ``longest line 4,213 > 1,000``."""
        value = self.measure(view)
        if value is None or (value <= limit if self.side == "max" else value >= limit):
            return None
        sign = ">" if self.side == "max" else "<"
        number = "{:.3g}" if self.share else "{:,.4g}" if value < 1_000 else "{:,.0f}"
        return f"{self.label} {number.format(value)} {sign} {limit:,}"


# Functions and not lambdas: stages travel to workers.
def _characters(view: View) -> float:
    return len(view.text)


def _line_count(view: View) -> float:
    return view.filled_lines


def _longest_line(view: View) -> float:
    return max(view.line_lengths, default=0)


def _mean_line(view: View) -> float:
    return len(view.text) / max(len(view.lines), 1)


def _alphanumeric(view: View) -> float:
    return view.alphanumeric


def _digits(view: View) -> float:
    return view.digits


def _comments(view: View) -> float:
    return view.lexed.comment_characters / len(view.text)


def _mean_word(view: View) -> float:
    return view.solid / max(view.words, 1)


_FEW_LINES = 20


def _repeated_lines(view: View) -> float | None:
    """Share of lines of over 20 characters that are copies of one before."""
    lines = view.long_lines
    return None if len(lines) < _FEW_LINES else 1 - len(set(lines)) / len(lines)


_ENCODED_STRING = 48
_ENCODED = re.compile(r"(?:\\x[0-9a-fA-F]{2}){16,}|[0-9a-fA-F]{48,}|[A-Za-z0-9+/_-]{56,}={0,2}")
_READABLE = re.compile(r"[a-z_]{12}|[/_-]{4}|(?:[a-z]+[/_-]){4}")


def _encoded(view: View) -> float:
    """Share of characters in hexadecimal or base64 runs within strings. Names and paths are told by their letters."""
    long_strings = (found for found in view.lexed.strings if len(found) > _ENCODED_STRING)
    runs = (run for found in long_strings for run in _ENCODED.findall(found) if not _READABLE.search(run))
    return sum(map(len, runs)) / len(view.text)


def _longest_string(view: View) -> float:
    return max(map(len, view.lexed.strings), default=0)


def _strings(view: View) -> float:
    return view.lexed.string_characters / len(view.text)


def _todo(view: View) -> float:
    """TODO and FIXME, for each line that is not empty."""
    return (view.text.count("TODO") + view.text.count("FIXME")) / max(view.filled_lines, 1)


_PYTHON_ASSERTIONS = ("self.assert", " assert ", "pytest.raises")
_OTHER_ASSERTIONS = ("expect(", "EXPECT_", "ASSERT_", "assert")


def _assertions(view: View) -> float:
    """Assertions for each line that is not empty."""
    calls = _PYTHON_ASSERTIONS if view.language == "python" else _OTHER_ASSERTIONS
    return sum(map(view.text.count, calls)) / max(view.filled_lines, 1)


_FEW_FUNCTIONS = 4
_PYTHON_EMPTY = re.compile(
    r"def \w++\([^()]*+(?:\([^()]*+(?:\([^()]*+\)[^()]*+)*+\)[^()]*+)*+\)[^:\n]*+:\s*+(?:#[^\n]*+\s*+)?"
    r'(?:[rRuU]?"""[^"\\]*+(?:(?:\\.|"(?!""))[^"\\]*+)*+"""\s*+)?'
    r"(?:pass\b|\.\.\.[ \t]*+(?:#|\n|\Z)|raise NotImplementedError)"
)
_BRACED = re.compile(r"\)\s*+(?:const\s*+|override\s*+|noexcept\s*+|throws [\w., ]++)*\{")
_BRACED_EMPTY = re.compile(r"\)\s*+(?:const\s*+|override\s*+|noexcept\s*+|throws [\w., ]++)*\{\s*+\}")
_BRACED_LANGUAGES = frozenset(
    ["javascript", "typescript", "java", "c", "c++", "c#", "php", "go", "rust", "kotlin", "scala"]
)


def _empty_functions(view: View) -> float | None:
    """Share of functions with nothing in them: ``pass``, ``...``, ``raise NotImplementedError``, ``{}``."""
    text = view.text
    if view.language == "python":
        hollow = text.count("pass\n") + text.count("...") + text.count("raise NotImplementedError")
        functions = text.count("def ") if hollow else 0
        if functions < _FEW_FUNCTIONS or hollow * 4 < functions:
            return 0.0
        return len(_PYTHON_EMPTY.findall(text)) / functions
    if view.language not in _BRACED_LANGUAGES or "{}" not in text:
        return None
    functions = len(_BRACED.findall(text))
    return None if functions < _FEW_FUNCTIONS else len(_BRACED_EMPTY.findall(text)) / functions


def _non_ascii(view: View) -> float:
    """Share of characters above ASCII, taking each for the two bytes that most have."""
    return (view.data.size - len(view.text)) / len(view.text)


def _xml(view: View) -> float | None:
    """1 where a file of code begins like XML: a data file under a wrong name."""
    return float("<?xml version=" in view.text[:100])


_MARKUP = re.compile(r"<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->|<[^>]*+>", re.DOTALL | re.IGNORECASE)


def _visible_text(view: View) -> float | None:
    """Share of an HTML page that a reader sees; 0 below StarCoder's least of 100 characters."""
    if view.language != "html":
        return None
    visible = len(" ".join(_MARKUP.sub(" ", view.text).split()))
    return visible / len(view.text) if visible >= 100 else 0.0


# In the order they are asked: cheap and telling ones first.
SIGNALS: Final[tuple[Signal, ...]] = (
    Signal("max_characters", "max", "too_long", "characters", _characters, share=False),
    Signal("min_characters", "min", "too_short", "characters", _characters, share=False),
    Signal("max_xml", "max", "xml", "XML declarations", _xml, share=False),
    Signal("max_line", "max", "long_line", "longest line", _longest_line, share=False),
    Signal("max_mean_line", "max", "long_lines", "mean line", _mean_line, share=False),
    Signal("min_lines", "min", "few_lines", "lines", _line_count, share=False),
    Signal("min_alphanumeric", "min", "few_letters", "share of letters and digits", _alphanumeric),
    Signal("max_digits", "max", "many_digits", "share of digits", _digits),
    Signal("max_non_ascii", "max", "non_ascii", "share of characters above ASCII", _non_ascii),
    Signal("min_mean_word", "min", "short_words", "mean word", _mean_word, share=False),
    Signal("max_mean_word", "max", "long_words", "mean word", _mean_word, share=False),
    Signal("max_encoded", "max", "encoded_data", "share of hexadecimal and base64", _encoded),
    Signal("max_repeated_lines", "max", "repeated_lines", "share of repeated lines", _repeated_lines),
    Signal("max_todo", "max", "unfinished", "TODOs per line", _todo),
    Signal("max_assertions", "max", "assertions", "assertions per line", _assertions),
    Signal("max_empty_functions", "max", "empty_functions", "share of empty functions", _empty_functions),
    Signal("min_visible_text", "min", "markup", "share of visible text", _visible_text),
    Signal("max_string", "max", "long_string", "longest string", _longest_string, share=False),
    Signal("max_strings", "max", "mostly_strings", "share of strings", _strings),
    Signal("min_comments", "min", "few_comments", "share of comments", _comments),
    Signal("max_comments", "max", "mostly_comments", "share of comments", _comments),
)
