"""How natural changed code reads beside the project's own: a token trigram model of its source files.

Code repeats itself, and faults are less like their surroundings than what they replace (Ray et al., "On the
'naturalness' of buggy code", 2016). The model is interpolated from trigrams, bigrams and single tokens (Witten and Bell
1991), over the files that the search has read anyway.
"""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

_TOKEN = re.compile(
    r"#[^\n]*"
    r"|[rbuf]{0,2}(?:'''[\s\S]*?'''|\"\"\"[\s\S]*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\")"
    r"|[^\W\d]\w*|\d[\w.]*"
    r"|\*\*=?|//=?|>>=?|<<=?|[-+*/%&|^@:=!<>]=|->|[^\s\w]|\n",
    re.IGNORECASE,
)
_UNSEEN = 1e-4  # of a token that the project never uses
_STRING, _START = "<string>", "<start>"


def tokens(text: str) -> list[str]:
    """The tokens of a piece of code; all strings are one token, comments and indentation none, line ends one each."""
    found: list[str] = []
    for match in _TOKEN.finditer(text):
        word = match.group()
        if word[0] == "#" or (word == "\n" and (not found or found[-1] == "\n")):
            continue
        found.append(_STRING if len(word) > 1 and word[-1] in "'\"" else word)
    return found


class TokenModel:
    """Interpolated trigram model. ``texts`` are whole files."""

    def __init__(self, texts: Iterable[str]) -> None:
        self._followers: defaultdict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
        for text in texts:
            self._count(tokens(text), 0, 1)

    def _count(self, found: Sequence[str], start: int, sign: int) -> None:
        padded = [_START, _START, *found]
        for at in range(start + 2, len(padded)):
            for length in (0, 1, 2):
                self._followers[tuple(padded[at - length : at])][padded[at]] += sign

    def surprise(self, before: str, after: str, context: str = "") -> float:
        """By how many nats a token ``after`` is harder to guess than ``before``, following ``context``: the difference
        of their cross-entropies, so that mere length does not count.

        The occurrence of ``before`` that is replaced does not count as evidence for it.
        """
        lead = tokens(context)[-2:]
        old, new = [*lead, *tokens(before)], [*lead, *tokens(after)]
        self._count(old, len(lead), -1)
        try:
            return self._entropy(new, len(lead)) - self._entropy(old, len(lead))
        finally:
            self._count(old, len(lead), 1)

    def _entropy(self, found: Sequence[str], start: int) -> float:
        padded = [_START, _START, *found]
        nats = math.fsum(
            -math.log(self._probability(padded[at], tuple(padded[at - 2 : at]))) for at in range(start + 2, len(padded))
        )
        return nats / max(1, len(found) - start)

    def _probability(self, token: str, context: tuple[str, ...]) -> float:
        """Witten-Bell: what a context has seen, and as often as it saw something new, what the shorter one has."""
        shorter = self._probability(token, context[1:]) if context else _UNSEEN
        followers = self._followers.get(context)
        if not followers:
            return shorter
        total = sum(followers.values())
        kinds = sum(1 for count in followers.values() if count > 0)
        if total <= 0:
            return shorter
        return (max(0, followers[token]) + kinds * shorter) / (total + kinds)
