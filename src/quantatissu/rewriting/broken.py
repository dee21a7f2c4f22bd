"""A text that does not compile, with the place where the compiler gave up and the lines worth looking at."""

from __future__ import annotations

import re
from collections.abc import Callable

from quantatissu.rewriting.edits import Edit
from quantatissu.rewriting.scan import Scan, scan
from quantatissu.rewriting.source import _split_lines

BLOCK_WORDS = ("if", "elif", "else", "for", "while", "def", "class", "try", "except", "finally", "with", "async",
               "match", "case")  # fmt: skip
HEADER = re.compile(rf"[ \t]*(?:{'|'.join(BLOCK_WORDS)})\b")
Candidate = tuple[float, tuple[Edit, ...]]
_LINES_BEFORE = 3


class Broken:
    """A text with the place where the compiler gave up."""

    def __init__(self, text: str, line: int, column: int | None, message: str) -> None:
        self.text = text
        self.message = message
        self.lines = list(_split_lines(text))
        self.line = max(1, min(line, len(self.lines)))
        self.starts = [0]
        for content in self.lines:
            self.starts.append(self.starts[-1] + len(content))
        self.column = column
        self.scan: Scan = scan(text)
        own = [number for number in self._numbers() if self.content(number).strip()]
        # The line itself and the last ones before it with code, nearest first, each with a cost.
        self.near: list[tuple[int, float]] = [(number, 0.5 * abs(self.line - number)) for number in own]

    def _numbers(self) -> list[int]:
        before: list[int] = []
        number = self.line - 1
        while number >= 1 and len(before) < _LINES_BEFORE:
            if self.content(number).strip() and not self.content(number).lstrip().startswith("#"):
                before.append(number)
            number -= 1
        mentioned = [int(found) for found in re.findall(r"line (\d+)", self.message) if int(found) <= len(self.lines)]
        after = [self.line + 1] if self.line < len(self.lines) else []
        return list(dict.fromkeys([self.line, *mentioned, *before, *after]))

    @property
    def at(self) -> int:
        """The offset of the error (the end of its line's code when the column is unknown)."""
        if self.column is None or self.column < 1:
            return self.code_end(self.line)
        return min(self.starts[self.line - 1] + self.column - 1, self.starts[self.line])

    def content(self, number: int) -> str:
        return self.lines[number - 1].rstrip("\r\n")

    def start(self, number: int) -> int:
        return self.starts[number - 1]

    def indent(self, number: int) -> str:
        content = self.content(number)
        return content[: len(content) - len(content.lstrip(" \t"))]

    def code_end(self, number: int) -> int:
        """The offset behind the last code of a line: before its comment and trailing blanks."""
        start, content = self.start(number), self.content(number)
        comment = self.scan.comments.get(number)
        code = content if comment is None else content[: comment - start]
        return start + len(code.rstrip())

    def line_at(self, offset: int) -> int:
        low = next((number for number, start in enumerate(self.starts[1:], 1) if offset < start), len(self.lines))
        return max(1, low)

    @property
    def unit(self) -> str:
        """One level of indentation, as the file's first indented line has it."""
        for content in self.lines:
            lead = content[: len(content) - len(content.lstrip(" \t"))]
            if lead and content.strip():
                return "\t" if lead[0] == "\t" else lead if len(lead) in (2, 3, 4, 8) else "    "
        return "    "

    @property
    def newline(self) -> str:
        return "\r\n" if "\r\n" in self.text else "\n"

    def sound_prefix(self, parses: Callable[[str], bool]) -> int:
        """An offset at a statement of the top level, not far above the error, in front of which the text parses."""
        last = min((number for number, _ in self.near), default=self.line)
        if self.scan.open_strings:
            last = min(last, self.line_at(self.scan.open_strings[0].at))
        if self.scan.unclosed:
            last = min(last, self.line_at(self.scan.unclosed[0].at))
        tried = 0
        for number in range(last, 0, -1):
            content = self.content(number)
            if re.match(r"(?!else\b|elif\b|except\b|finally\b)[^\W\d]|@", content):
                tried += 1
                if number not in self.scan.string_lines and parses(self.text[: self.start(number)]):
                    return self.start(number)
                if tried >= 4:
                    break
        return 0

    def said(self, *parts: str) -> bool:
        return any(part in self.message for part in parts)
