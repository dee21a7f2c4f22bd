"""Python tracebacks, wherever they stand in a text: chained, grouped, indented, or behind a log's prefix.

Frames come in the order printed, outermost first. Exceptions printed above the last one ("During handling of...",
"... the direct cause of...") and the members of exception groups are its ``causes``, so that the diagnostic itself is
the exception that was not caught. The column of a syntax error counts within the source line *as printed*, which has
lost its indentation.

A message ends at the first blank line, because only a runner that frames its output says where the traceback ends;
such runners (pytest, unittest) are read with their own limits.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from quantatissu.diagnostics.comparison import sides
from quantatissu.diagnostics.model import Diagnostic, Frame, Kind, Location
from quantatissu.diagnostics.text import clean, is_ruler

HEADER = "Traceback (most recent call last):"
GROUP_HEADER = "Exception Group " + HEADER
CHAINED = frozenset(
    {
        "The above exception was the direct cause of the following exception:",
        "During handling of the above exception, another exception occurred:",
    }
)
SYNTAX_ERRORS = frozenset({"SyntaxError", "IndentationError", "TabError"})

_FRAME = re.compile(r'  File "(.+)", line (\d{1,9})(?:, in (.+))?')
_EXCEPTION = re.compile(r"([^\W\d][\w.<>]*+)(?:: ?(.*))?")
_SYNTAX_ERROR = re.compile(r"[ |>]*(?:SyntaxError|IndentationError|TabError)(?::|$)")
_CARETS = re.compile(r"[\s~^]*[~^][\s~^]*")
_FIRST_MEMBER = re.compile(r"\+-\+-{3,} (?:\d+|\.\.\.) -{3,}")
_NEXT_MEMBER = re.compile(r"\+-{3,} (?:\d+|\.\.\.) -{3,}")
_LOGGED = re.compile(r"\b(?:DEBUG|INFO|WARNING|ERROR|CRITICAL)\b")
_UNCAUGHT = frozenset({"<module>", "_run_module_as_main", "_run_code"})
_MOST_UNKNOWN = 20  # lines in a row between two frames
_DEEPEST = 40  # causes of causes; a longer chain keeps its last exceptions


def parse_traceback(text: str) -> list[Diagnostic]:
    """Every traceback in ``text``, in order; an exception with its causes is one diagnostic. Never raises."""
    lines = clean(text).split("\n")
    return [found for _, found in find_tracebacks(lines)]


def find_tracebacks(lines: Sequence[str]) -> list[tuple[int, Diagnostic]]:
    """(index of the first line, diagnostic) for every traceback among ``lines``, also syntax errors without header."""
    results, consumed = [], 0
    for at, line in enumerate(lines):
        if not line or at < consumed or ('File "' not in line and HEADER not in line):
            continue
        found = _read_at(lines, at)
        if found is not None:
            diagnostic, consumed = found
            results.append((at, diagnostic))
    return results


def read_traceback(lines: Sequence[str], *, kind: Kind = "runtime") -> Diagnostic | None:
    """The first traceback among ``lines``, whose message may run, over blank lines, to the last of them."""
    for at, line in enumerate(lines):
        if HEADER in line or 'File "' in line:
            found = _read_at(lines, at, framed=True, kind=kind)
            if found is not None:
                return found[0]
    return None


def exception(line: str) -> tuple[str, str] | None:
    """(class, message) of a traceback's last line such as ``json.decoder.JSONDecodeError: Expecting value``."""
    match = _EXCEPTION.fullmatch(line)
    return (match[1], match[2] or "") if match else None


def exception_kind(code: str | None, otherwise: Kind) -> Kind:
    """``compile`` for the errors of a file that could not be compiled."""
    return "compile" if (code or "").rpartition(".")[2] in SYNTAX_ERRORS else otherwise


def _read_at(
    lines: Sequence[str], at: int, *, framed: bool = False, kind: Kind = "runtime"
) -> tuple[Diagnostic, int] | None:
    line = lines[at]
    following = lines[at + 1] if at + 1 < len(lines) else ""
    header = line.find(HEADER)
    if header < 0:
        # `python broken.py` prints a syntax error with no header at all.
        margin, found, _ = line.partition('  File "')
        if not found or margin.strip(" |>") or not any(_SYNTAX_ERROR.match(near) for near in lines[at + 1 : at + 6]):
            return None
        result = _Reader(lines, margin, framed, kind).chain(at, 0)
        return result if result and result[0].code in SYNTAX_ERRORS else None
    prefix = line[:header]
    if prefix.endswith("+ Exception Group "):
        margin = prefix[: -len("+ Exception Group ")]
        return _Reader(lines, margin.removesuffix("  "), framed, kind).chain(at, 0)
    if following.startswith(prefix + '  File "'):
        margin = prefix
    elif following.startswith('  File "') or exception(following):
        margin = ""  # a logger wrote its prefix before the first line only
    else:
        indent = following.find('  File "')
        if indent < 0:
            return None
        margin = following[:indent]
    logged = _LOGGED.search(prefix or (lines[at - 1][:200] if at else "")) is not None
    return _Reader(lines, margin, framed, kind, opened=True, logged=logged).chain(at, 0)


@dataclass(frozen=True)
class _Reader:
    """Reads exceptions out of ``lines``, all of whose lines start with ``margin``.

    ``framed``: the lines end where the traceback does. ``opened``: the first line is known to be a header, though
    something else may stand before it. ``logged``: the program went on, and what follows is its further output.
    """

    lines: Sequence[str]
    margin: str
    framed: bool
    kind: Kind
    opened: bool = False
    logged: bool = False

    def line(self, at: int) -> str | None:
        if at >= len(self.lines):
            return None
        line = self.lines[at]
        if line.startswith(self.margin):
            return line[len(self.margin) :]
        return "" if line.rstrip() == self.margin.rstrip() else None

    def chain(self, at: int, depth: int) -> tuple[Diagnostic, int] | None:
        """The exception chain that starts at a line, as (last exception with its causes, next line)."""
        pieces: list[Diagnostic] = []
        start, opened = at, self.opened
        while (piece := self.piece(at, depth, opened=opened)) is not None:
            found, at = piece
            pieces.append(found)
            after = self.after_marker(at)
            if after is None:
                break
            at, opened = after, False
        if not pieces:
            return None
        result: Diagnostic | None = None
        for found in pieces[-_DEEPEST:]:
            result = found if result is None else replace(found, causes=(result, *found.causes))
        assert result is not None
        return replace(result, raw="\n".join(self.lines[start:at])), at

    def after_marker(self, at: int) -> int | None:
        """Where the next exception of the chain starts, if the lines here announce one."""
        while self.line(at) in {"", '"""', "'''"}:  # a worker process quotes its own traceback
            at += 1
        if self.line(at) not in CHAINED:
            return None
        at += 1
        while self.line(at) == "":
            at += 1
        return at

    def piece(self, at: int, depth: int, *, opened: bool) -> tuple[Diagnostic, int] | None:
        """One exception: header, frames, message, and the members where it is a group."""
        first = self.line(at)
        if (first is None and not opened) or depth > _DEEPEST:
            return None
        if first is not None and first.lstrip() == "+ " + GROUP_HEADER:
            inner = replace(self, margin=self.margin + first[: first.index("+")] + "| ", opened=True)
            return inner.piece(at, depth + 1, opened=True)
        start = at
        if opened or first in {HEADER, GROUP_HEADER}:
            at += 1
        frames, syntax, at = self.frames(at)
        line = self.line(at)
        named = exception(line) if line is not None else None
        if named is None or (not frames and not syntax and not named[0].rpartition(".")[2][:1].isupper()):
            if not frames and not syntax:
                return None
            cut = Diagnostic("python", self.kind, "error", "the traceback is cut short", frames=frames)
            return self.finished(cut, start, at), at
        code, message = named
        ended = not self.logged and (not frames or frames[0].function in _UNCAUGHT)
        end = self.message_end(at + 1) if self.framed or ended else at + 1
        if end > at + 1:
            message = "\n".join([message, *(self.line(index) or "" for index in range(at + 1, end))])
        members, end = self.members(end, depth)
        expected, actual = sides(code, message)
        found = Diagnostic(
            tool="python",
            kind=exception_kind(code, self.kind),
            severity="error",
            message=message.rstrip("\n"),
            location=syntax if code in SYNTAX_ERRORS else None,
            code=code,
            expected=expected,
            actual=actual,
            frames=frames,
            causes=members,
        )
        return self.finished(found, start, end), end

    def finished(self, found: Diagnostic, start: int, end: int) -> Diagnostic:
        location = found.location
        if location is None and found.frames:
            location = Location(found.frames[-1].path, found.frames[-1].line)
        return replace(found, location=location, raw="\n".join(self.lines[start:end]))

    def frames(self, at: int) -> tuple[tuple[Frame, ...], Location | None, int]:
        """The frames from here on, the place of a syntax error below them, and the line after both."""
        frames: list[Frame] = []
        syntax: Location | None = None
        unknown = 0
        while (line := self.line(at)) is not None and line.startswith("  ") and unknown < _MOST_UNKNOWN:
            match = _FRAME.fullmatch(line)
            at += 1
            if match is None:
                unknown += 1  # "[Previous line repeated 993 more times]" and what other tools put between frames
                continue
            unknown = 0
            source, caret = None, None
            while (below := self.line(at)) is not None and below.startswith("   ") and not _FRAME.fullmatch(below):
                if _CARETS.fullmatch(below):
                    caret = len(below) - len(below.lstrip()) if caret is None else caret
                elif source is None:
                    source = below
                at += 1
            path, number = match[1], int(match[2])
            if match[3] is not None:
                frames.append(Frame(path, number, match[3], source.strip() if source else None))
            else:
                indent = len(source) - len(source.lstrip()) if source else 4
                syntax = Location(path, number, max(caret - indent + 1, 1) if caret is not None else None)
        return tuple(frames), syntax, at

    def message_end(self, at: int) -> int:
        """The line after a message whose first line stands just before ``at``."""
        last = at
        while (line := self.line(at)) is not None:
            if line in CHAINED or HEADER in line or line == '"""':
                break
            if not self.framed and (not line.strip() or is_ruler(line) or line.startswith("make: ***")):
                break
            at += 1
            if line.strip():
                last = at
        return last

    def members(self, at: int, depth: int) -> tuple[tuple[Diagnostic, ...], int]:
        """The members of an exception group, if the lines here list them."""
        found: list[Diagnostic] = []
        if not self.margin.endswith("| "):
            return (), at
        indent = self.margin[:-2]
        inner = replace(self, margin=indent + "  | ", opened=False)
        while at < len(self.lines):
            line = self.lines[at]
            opening, ruler = (indent + "  ", _NEXT_MEMBER) if found else (indent, _FIRST_MEMBER)
            if not line.startswith(opening) or not ruler.fullmatch(line[len(opening) :].rstrip()):
                break
            at += 1
            member = inner.chain(at, depth + 1)
            if member is not None:
                found.append(member[0])
                at = member[1]
                if (rest := self.unindented(at, indent + "  +-")) > at:
                    more = "\n".join([member[0].message, *self.lines[at:rest]])
                    found[-1], at = replace(member[0], message=more), rest
            while inner.line(at) is not None:  # "and 5 more exceptions", or what could not be read
                at += 1
        if found and at < len(self.lines) and self.lines[at].startswith(indent + "  +-"):
            at += 1
        return tuple(found), at

    def unindented(self, at: int, ruler: str) -> int:
        """Where the further lines of a member's message end, which Python 3.11 and 3.12 print without a margin."""
        for end in range(at, min(at + _MOST_UNKNOWN, len(self.lines))):
            if self.lines[end].startswith(ruler):
                return end
        return at
