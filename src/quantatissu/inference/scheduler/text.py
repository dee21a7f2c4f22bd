"""Tokens to text, piece by piece: whole characters only, and nothing that a stop string may still take back."""

from __future__ import annotations

import codecs
from collections.abc import Collection, Sequence

from quantatissu.tokenizer.core import Tokenizer

_CONTEXT = 6  # tokens before the new ones that decide whether a word begins with a space


class Detokeniser:
    """The text of an answer as it grows. ``control`` shows control tokens by name."""

    def __init__(self, tokenizer: Tokenizer, *, control: bool) -> None:
        self._tokenizer = tokenizer
        self._hidden: Collection[int] = () if control else set(tokenizer.control.values())
        self._table = tokenizer.token_bytes() if tokenizer.byte_level else None
        self._bytes = codecs.getincrementaldecoder("utf-8")("replace")
        self._tokens: list[int] = []
        self._shown = 0

    def push(self, token: int) -> str:
        """What ``token`` adds; nothing while a character is not whole."""
        if token in self._hidden:
            return ""
        if self._table is not None:
            return self._bytes.decode(self._table[token] if token < len(self._table) else b"")
        # Other vocabularies decode a token by its neighbours: what they add is the difference of two texts.
        self._tokens.append(token)
        start = max(0, self._shown - _CONTEXT)
        before = self._tokenizer.decode(self._tokens[start : self._shown])
        text = self._tokenizer.decode(self._tokens[start:])
        if text.endswith("\ufffd") and len(self._tokens) - self._shown < 4:
            return ""
        self._shown = len(self._tokens)
        return text[len(before) :]

    def end(self) -> str:
        """What is left of a character that was never finished."""
        if self._table is not None:
            return self._bytes.decode(b"", final=True)
        start = max(0, self._shown - _CONTEXT)
        before = self._tokenizer.decode(self._tokens[start : self._shown])
        return self._tokenizer.decode(self._tokens[start:])[len(before) :]


class StopStrings:
    """Holds back text that may be the beginning of a stop string."""

    def __init__(self, strings: Sequence[str]) -> None:
        self._strings = tuple(strings)
        self._held = ""

    def push(self, text: str) -> tuple[str, str | None]:
        """What of the text so far can be shown, and the stop string that came up, if one did: the first in the
        text, and the longest there.
        """
        if not self._strings:
            return text, None
        self._held += text
        found = [(self._held.find(string), -len(string), string) for string in self._strings if string in self._held]
        if found:
            at, _, string = min(found)
            shown, self._held = self._held[:at], ""
            return shown, string
        kept = max((_overlap(self._held, string) for string in self._strings), default=0)
        at = len(self._held) - kept
        shown, self._held = self._held[:at], self._held[at:]
        return shown, None

    def end(self) -> str:
        """What was held back and is not taken back any more."""
        shown, self._held = self._held, ""
        return shown


def _overlap(text: str, string: str) -> int:
    """Length of the longest end of ``text`` that ``string`` begins with."""
    for length in range(min(len(text), len(string) - 1), 0, -1):
        if text.endswith(string[:length]):
            return length
    return 0
