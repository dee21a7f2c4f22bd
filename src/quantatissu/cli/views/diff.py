"""A unified diff in colour: syntax in the terminal's own palette, changed words marked. Bytes stay in `Patch.diff`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher

from rich.console import Group, RenderableType
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from quantatissu.cli.terminal import printable

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(.*)")
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_QUOTED = re.compile(r"\\([0-7]{3}|[abtnvfr\"\\])")
_LETTERS = dict(zip('abtnvfr"\\', '\a\b\t\n\v\f\r"\\', strict=True))
_SIGN = {" ": "", "-": "bold red", "+": "bold green"}
_CHANGED = {"-": "bold reverse red", "+": "bold reverse green"}
# Below this likeness two versions share only punctuation, and marking words is noise.
_ALIKE = 0.4
Span = tuple[int, int]


@dataclass
class Hunk:
    """One ``@@`` section: first line numbers on both sides, and (sign, text) for each line, text without line end."""

    old: int
    new: int
    heading: str
    lines: list[tuple[str, str]] = field(default_factory=list)


@dataclass
class FileDiff:
    """One file's part of a diff; ``path`` is the new name, or the old one for a deletion. Without text: ``binary``."""

    path: str
    hunks: list[Hunk] = field(default_factory=list)
    binary: bool = False


def parse(diff: str) -> list[FileDiff]:
    """The files and hunks of a unified diff. Headers it does not know are skipped; never raises."""
    files: list[FileDiff] = []
    named = old_path = ""
    left = right = 0  # lines of the current hunk still to come on either side
    for raw in diff.split("\n"):
        line = raw.removesuffix("\r")
        if (left > 0 or right > 0) and line[:1] in {" ", "-", "+", ""}:
            sign, text = line[:1] or " ", line[1:]
            files[-1].hunks[-1].lines.append((sign, text))
            left -= sign != "+"
            right -= sign != "-"
        elif line.startswith("diff --git "):
            # Both names are the same here: a renamed file's text is given with the two headers below.
            rest = line.removeprefix("diff --git ")
            named = _path(rest[len(rest) // 2 :])
        elif line == "GIT binary patch":
            files.append(FileDiff(named, binary=True))
        elif line.startswith("--- "):
            old_path = _path(line[4:])
        elif line.startswith("+++ "):
            new_path = _path(line[4:])
            files.append(FileDiff(old_path if new_path == "/dev/null" else new_path))
        elif (match := _HUNK.match(line)) and files:
            files[-1].hunks.append(Hunk(int(match[1]), int(match[3]), match[5].strip()))
            left, right = int(match[2] or 1), int(match[4] or 1)
    return files


def changed_words(old: str, new: str) -> tuple[list[Span], list[Span]]:
    """Character spans that differ between two texts, by whole words; both empty when they have little in common."""
    a, b = _WORD.findall(old), _WORD.findall(new)
    matcher = SequenceMatcher(None, a, b, autojunk=False)
    if matcher.ratio() < _ALIKE:
        return [], []
    starts_a, starts_b = _starts(a), _starts(b)
    spans_a: list[Span] = []
    spans_b: list[Span] = []
    for kind, i, j, k, m in matcher.get_opcodes():
        if kind != "equal":
            spans_a += [(starts_a[i], starts_a[j])] if j > i else []
            spans_b += [(starts_b[k], starts_b[m])] if m > k else []
    return spans_a, spans_b


def diff_view(diff: str) -> RenderableType:
    """`diff` for a terminal: file names, line numbers, syntax, and the changed words standing out."""
    parts: list[RenderableType] = []
    for file in parse(diff):
        if parts:
            parts.append(Text())
        parts.append(Text(printable(file.path), style="bold"))
        if file.binary:
            parts.append(Text("not text; its bytes change", style="dim"))
        rows = Table.grid(padding=(0, 1))
        rows.add_column(justify="right", style="dim", no_wrap=True)
        rows.add_column(width=1)
        rows.add_column(overflow="fold")
        for index, hunk in enumerate(file.hunks):
            if index:
                rows.add_row("⋮", "", "")
            for number, sign, code in _hunk(hunk, file.path):
                rows.add_row(str(number), Text(sign, style=_SIGN[sign]), code)
        parts.append(rows)
    return Group(*parts)


def _hunk(hunk: Hunk, path: str) -> Iterator[tuple[int, str, Text]]:
    """(line number on its side, sign, coloured code) for each line."""
    old = iter(_coloured([text for sign, text in hunk.lines if sign != "+"], path))
    new = iter(_coloured([text for sign, text in hunk.lines if sign != "-"], path))
    marks = _marks(hunk.lines)
    old_line, new_line = hunk.old, hunk.new
    for index, (sign, _) in enumerate(hunk.lines):
        if sign == " ":
            next(old)
        code = next(old) if sign == "-" else next(new)
        for start, end in marks.get(index, ()):
            code.stylize(_CHANGED[sign], start, end)
        yield (old_line if sign == "-" else new_line), sign, code
        old_line += sign != "+"
        new_line += sign != "-"


def _coloured(lines: Sequence[str], path: str) -> list[Text]:
    """Each line as syntax-coloured text of the same length; lexed together, so that open strings carry over."""
    lines = [printable(line).expandtabs(4) for line in lines]
    if not path.endswith((".py", ".pyi")):
        return [Text(line) for line in lines]
    text = Syntax("", "python", theme="ansi_dark", background_color="default").highlight("\n".join(lines))
    coloured = list(text.split("\n", allow_blank=True))[: len(lines)]
    # A lexer is free to drop or add white space at the ends; a line is never shown other than it is.
    if [piece.plain for piece in coloured] != lines:
        return [Text(line) for line in lines]
    return coloured


def _marks(lines: Sequence[tuple[str, str]]) -> dict[int, list[Span]]:
    """Line index -> spans to mark: each run of removed lines is compared with the run of added lines after it."""
    marks: dict[int, list[Span]] = {}
    at = 0
    while at < len(lines):
        middle = _run_end(lines, at, "-")
        end = _run_end(lines, middle, "+")
        if at < middle < end:
            old, new = ("\n".join(_shown(text) for _, text in run) for run in (lines[at:middle], lines[middle:end]))
            for first, text, spans in zip((at, middle), (old, new), changed_words(old, new), strict=True):
                for index, span in _per_line(text, spans):
                    marks.setdefault(first + index, []).append(span)
        at = max(end, at + 1)
    return marks


def _shown(text: str) -> str:
    return printable(text).expandtabs(4)


def _run_end(lines: Sequence[tuple[str, str]], at: int, sign: str) -> int:
    while at < len(lines) and lines[at][0] == sign:
        at += 1
    return at


def _per_line(text: str, spans: Sequence[Span]) -> Iterator[tuple[int, Span]]:
    """Spans of a text as (line index, span within that line)."""
    start = 0
    for index, line in enumerate(text.split("\n")):
        end = start + len(line)
        for a, b in spans:
            if a < end and b > start:
                yield index, (max(a, start) - start, min(b, end) - start)
        start = end + 1


def _starts(words: Sequence[str]) -> list[int]:
    starts = [0]
    for word in words:
        starts.append(starts[-1] + len(word))
    return starts


def _path(name: str) -> str:
    """The file's name in a header, without the ``a/`` or ``b/`` in front and without git's quoting."""
    name = name.partition("\t")[0].strip()
    if len(name) > 1 and name[0] == name[-1] == '"':
        name = _unquote(name[1:-1])
    return name[2:] if name.startswith(("a/", "b/")) else name


def _unquote(name: str) -> str:
    raw = _QUOTED.sub(lambda match: _LETTERS.get(match[1]) or chr(int(match[1], 8) & 0xFF), name)
    try:
        return raw.encode("latin-1").decode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # not quoted by git after all: git quotes into ASCII
        return name
