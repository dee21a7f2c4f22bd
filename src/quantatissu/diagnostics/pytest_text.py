"""What pytest prints, in any of its styles, read into one diagnostic per failure.

A session runs from its title to its line of counts. Inside it, sections are told apart by their rulers, whose width is
known from the section's own title; a session that a test ran and whose output was captured has its own title and
counts, and is skipped like all else that a test printed. The short summary gives the test ids, the sections everything
else; either is enough alone.
"""

from __future__ import annotations

import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from quantatissu.diagnostics.comparison import sides
from quantatissu.diagnostics.model import Diagnostic, Location
from quantatissu.diagnostics.pytest_body import parse_body, without_captured
from quantatissu.diagnostics.tracebacks import exception, exception_kind

START = "test session starts"
_BLOCKS = frozenset({"FAILURES", "ERRORS"})
_SUMMARY = "short test summary info"
_COUNTS = re.compile(
    r"(?:=+ )?(?:\d{1,9} [a-z]+(?: [a-z]+)?, )*+(?:\d{1,9} [a-z]+(?: [a-z]+)?|no tests ran) in \d[\d.]*s"
    r"(?:econds)?(?: \([\d:, a-z]+\))?(?: =+)?"
)
_PROGRESS = re.compile(
    r"(?:\[gw\d+\] \[ *\d+%\] (?P<word>FAILED|ERROR) (?P<id>.+?)|(?P<node>\S+?::.+?) (?P<outcome>FAILED|ERROR))"
    r"(?: +\[ *\d+%\])? *"
)
_SUMMARY_LINE = re.compile(r"(FAILED|ERROR|SUBFAILED|SUBFAIL) ?(.+)|(SUBFAILED|SUBFAIL)(\[.*)")
_ERROR_TITLE = re.compile(r"ERROR (?:at (?:setup|teardown) of|collecting) (.+)")
_SUBTEST = re.compile(r"(?P<what>(?:\[[^\]]*\] ?)?(?:\([^)]*\) )?)(?P<id>.+)")
_LINE_STYLE = re.compile(r"((?:[A-Za-z]:)?[^:]+):(\d{1,9}): (.*)")
_ROOT = re.compile(r"rootdir: ([^,]+)")


@dataclass
class Session:
    """A session's lines ``start:stop``, and where its parts lie. Blocks are (title, start, stop)."""

    start: int
    stop: int
    blocks: list[tuple[str, int, int]] = field(default_factory=list)
    titled: bool = False

    @property
    def loose(self) -> tuple[int, int]:
        """The part before the first block, where crashes show."""
        return self.start, self.blocks[0][1] - 1 if self.blocks else self.stop


@dataclass
class _Entry:
    """A line of the short summary."""

    word: str
    test: str
    message: str
    taken: bool = False


def find_sessions(lines: Sequence[str], *, nested: bool = True) -> list[Session]:
    """The pytest sessions among ``lines``, in order. What no session holds may be anything.

    ``nested``: a session's title inside a block opens a session that a test ran, which ends at its own counts.
    """
    sessions: list[Session] = []
    current: Session | None = None
    depth = seen = 0
    for at, line in enumerate(lines):
        first = line[:1]
        if not first:
            continue
        if first != "=" and not ("0" <= first <= "9" and " in " in line) and first != "n":
            continue
        title = _title(line)
        if title == START:
            if current is None or not current.blocks:
                if current is not None:  # it was killed before it could say anything
                    sessions.append(_closed(current, at))
                current, depth = Session(at, len(lines), titled=True), 1
            elif nested:
                depth += 1
        elif title in _BLOCKS or title == _SUMMARY:
            if current is None:
                current, depth = Session(seen, len(lines)), 1
            if depth == 1:
                _open_block(current, title, at, len(lines))
        elif _COUNTS.fullmatch(line) and (current is None or first == "=" or not current.titled):
            depth = max(depth - 1, 0)
            if depth == 0:
                sessions.append(_closed(current or Session(seen, at), at))
                current, seen = None, at + 1
        elif title and depth == 1 and current is not None and current.blocks:
            _close_block(current, at, width=len(line), lines=lines)
    if current is not None:
        if depth > 1:
            return find_sessions(lines, nested=False)
        sessions.append(_closed(current, len(lines)))
    return sessions


def _title(line: str) -> str:
    return line.strip("=").strip() if line.startswith("=") and line.endswith("=") else ""


def _open_block(session: Session, title: str, at: int, end: int) -> None:
    """Start a block, unless its title can only be something that a test printed."""
    titles = [name for name, _, _ in session.blocks]
    if title == _SUMMARY and title in titles:
        session.blocks = [(name, start, stop) for name, start, stop in session.blocks if name != title]
        if session.blocks:
            name, start, _ = session.blocks[-1]
            session.blocks[-1] = (name, start, end)
    elif title in titles or (title == "ERRORS" and "FAILURES" in titles):
        return
    if session.blocks:
        name, start, stop = session.blocks[-1]
        session.blocks[-1] = (name, start, min(stop, at))
    session.blocks.append((title, at + 1, end))


def _close_block(session: Session, at: int, *, width: int, lines: Sequence[str]) -> None:
    """End the last block at another section's title, which is as wide as the block's own."""
    title, start, stop = session.blocks[-1]
    if len(lines[start - 1]) == width:
        session.blocks[-1] = (title, start, min(stop, at))


def _closed(session: Session, at: int) -> Session:
    blocks = [(title, start, min(stop, at)) for title, start, stop in session.blocks]
    return replace(session, stop=at, blocks=blocks)


def parse_session(lines: Sequence[str], session: Session) -> list[Diagnostic]:
    """One diagnostic for every failure, error and collection error of a session."""
    root = next(
        (match[1] for line in lines[session.start : session.start + 12] if (match := _ROOT.match(line))),
        None,
    )
    entries: list[_Entry] = []
    for title, start, stop in session.blocks:
        if title == _SUMMARY:
            entries.extend(_read_summary(lines[start:stop]))
    names = _Names(entries, _read_progress(lines[slice(*session.loose)]), root)
    found: list[Diagnostic] = []
    for title, start, stop in session.blocks:
        if title in _BLOCKS:
            block = lines[start:stop]
            parts = _split_block(block, len(lines[start - 1]), names)
            if parts:
                found.extend(_read_part(name, body, names) for name, body in parts)
            else:
                found.extend(_read_line_style(block, entries))
    found.extend(_from_entry(entry) for entry in entries if not entry.taken)
    if not found and not entries:
        seen = {test: word for word, test in names.progress}  # a session that was cut short
        found.extend(Diagnostic("pytest", "test", "error", "", test=test) for test in seen)
    return found


def _split_block(block: Sequence[str], width: int, names: _Names) -> list[tuple[str, Sequence[str]]]:
    """The (title, lines) of each failure in a block."""
    starts: list[int] = []
    captured = False
    for at, line in enumerate(block):
        if line[:1] == "_":
            if _is_heading(line, width) and not (captured and names.unknown(_heading(line))):
                starts.append(at)
                captured = False
        elif line[:3] == "---" and not captured:
            captured = len(line) == width
    stops = [*starts[1:], len(block)][: len(starts)]
    return [(_heading(block[start]), block[start + 1 : stop]) for start, stop in zip(starts, stops, strict=True)]


def _heading(line: str) -> str:
    return line.strip("_").strip()


def _is_heading(line: str, width: int) -> bool:
    if not line.endswith("_") or not line.strip("_ "):
        return False
    return len(line) == width or (len(line) > width and line.startswith("_ ") and line.endswith(" _"))


def _read_part(title: str, body: Sequence[str], names: _Names) -> Diagnostic:
    found = parse_body(body)
    match = _ERROR_TITLE.fullmatch(title)
    entry = names.take(
        "ERROR" if match else "FAILED", _dotted(found.test) if found.test else match[1] if match else title
    )
    if entry is not None:
        kind, code = found.kind, found.code
        if code is None and (named := exception(entry.message)) and not entry.message.startswith("assert"):
            code = named[0]
            kind = exception_kind(code, kind)
        return replace(found, kind=kind, code=code, test=found.test or entry.test)
    return replace(found, test=found.test or names.guess(match[1] if match else title, found))


class _Names:
    """Finds the test id that belongs to a failure's title, which has lost the file and joins names by dots."""

    def __init__(self, entries: Sequence[_Entry], progress: list[tuple[str, str]], root: str | None) -> None:
        self.progress = progress
        self._root = root
        self._entries: dict[tuple[str, str], deque[_Entry]] = defaultdict(deque)
        for entry in entries:
            self._entries[entry.word, _dotted(entry.test)].append(entry)
        self._running: dict[str, deque[str]] = defaultdict(deque)
        for _, test in progress:
            self._running[_dotted(test)].append(test)

    def unknown(self, title: str) -> bool:
        """Whether there is a summary and it does not list this failure."""
        match = _ERROR_TITLE.fullmatch(title)
        key = ("ERROR", _plain(match[1])) if match else ("FAILED", _plain(title))
        return bool(self._entries) and key not in self._entries

    def take(self, word: str, title: str) -> _Entry | None:
        waiting = self._entries.get((word, _plain(title)))
        if not waiting:
            return None
        entry = waiting.popleft()
        entry.taken = True
        return entry

    def guess(self, title: str, found: Diagnostic) -> str:
        """The id without a summary: from the progress lines, or the file of the first frame."""
        running = self._running.get(title.replace("::", "."))
        if running:
            return running.popleft()
        if title.endswith(".py") or not found.frames:
            return title
        function = title.partition("[")[0].rpartition(".")[2]
        named = [frame.path for frame in found.frames if frame.function == function]
        path = named[0] if named else found.frames[0].path
        if self._root and path.startswith(self._root + "/"):
            path = path[len(self._root) + 1 :]
        name, bracket, parameters = title.partition("[")
        return f"{path}::{name.replace('.', '::')}{bracket}{parameters}"


def _plain(title: str) -> str:
    return title.replace("::", ".").removeprefix("[doctest] ")


def _dotted(test: str) -> str:
    _, separator, names = test.partition("::")
    return names.replace("::", ".") if separator else test


def _read_progress(lines: Sequence[str]) -> list[tuple[str, str]]:
    """(outcome, test id) of the verbose lines that report a failure."""
    return [
        (match["word"] or match["outcome"], match["id"] or match["node"])
        for line in lines
        if ("FAILED" in line or "ERROR" in line) and "::" in line and (match := _PROGRESS.fullmatch(line))
    ]


def _read_summary(lines: Sequence[str]) -> list[_Entry]:
    entries = []
    for line in lines:
        match = _SUMMARY_LINE.fullmatch(line) if line[:1] in {"F", "E", "S"} else None
        if match is None:
            continue
        word, rest = match[1] or match[3], match[2] or match[4]
        what = ""
        if word.startswith("SUB") and (parts := _SUBTEST.fullmatch(rest)):
            what, rest = parts["what"].strip(), parts["id"]
        test, message = _split_entry(rest)
        entries.append(_Entry("ERROR" if word == "ERROR" else "FAILED", f"{test} {what}".rstrip(), message))
    return entries


def _split_entry(rest: str) -> tuple[str, str]:
    """(test id, message) of ``id - message``, where a parametrized id may itself hold `` - ``."""
    at = rest.find(" - ")
    for _ in range(50):
        if at < 0:
            break
        test = rest[:at]
        if "[" not in test or test.endswith("]"):
            return test, rest[at + 3 :]
        at = rest.find(" - ", at + 1)
    return rest, ""


def _read_line_style(block: Sequence[str], entries: Sequence[_Entry]) -> list[Diagnostic]:
    """The failures of ``--tb=line``, one ``path:line: message`` each, joined with the summary by their order.

    Since pytest 9 the ``E`` lines come first; an exception without a place is ``None`` or its reason.
    """
    failed = [entry for entry in entries if entry.word == "FAILED"]
    detailed = any(line.startswith("E   ") for line in block)
    texts: list[list[str]] = [[]]
    for line in block:
        texts[-1].append(line)
        if _ends_failure(texts[-1]) if detailed else _LINE_STYLE.fullmatch(line) or line == "None" or _is_xpass(line):
            texts.append([])
    texts = [text for text in texts if text]
    if len(texts) != len(failed):
        return []  # what the summary says alone is less, and certain
    return [_from_line(text, entry) for text, entry in zip(texts, failed, strict=True)]


def _is_xpass(line: str) -> bool:
    return line.startswith("[XPASS(strict)]")


def _ends_failure(text: Sequence[str]) -> bool:
    """Whether the last line repeats, with its place, what the lines before it say."""
    if _is_xpass(text[-1]):
        return len(text) == 2
    match = _LINE_STYLE.fullmatch(text[-1])
    if match is None:
        return False
    errors = [line[4:] for line in without_captured(text) if line.startswith("E   ")]
    return not errors or match[3].startswith(errors[-1].strip())


def _from_line(text: list[str], entry: _Entry) -> Diagnostic:
    match = _LINE_STYLE.fullmatch(text[-1])
    message = match[3] if match else text[-1]
    said = without_captured(text[:-1])
    errors = [at for at, line in enumerate(said) if line.startswith("E   ")]
    if errors:
        below = said[errors[-1] :]
        rest = [at for at, line in enumerate(below) if not line.startswith(("E   ", "    "))]
        message = "\n".join(line[4:] for line in below[: rest[0] if rest else None])
    entry.taken = True
    found = _from_entry(replace(entry, message="" if message == "None" else message))
    location = Location(match[1], int(match[2])) if match else None
    return replace(found, location=location, raw="\n".join(text))


def _from_entry(entry: _Entry) -> Diagnostic:
    """All that the summary tells about a failure; a message that was cut to the terminal's width keeps its dots."""
    code: str | None = None
    message = entry.message
    if message.startswith("[XPASS(strict)] "):
        code, message = "XPASS", message.removeprefix("[XPASS(strict)] ")
    elif message.startswith("assert "):
        code = "AssertionError"
    else:
        first, _, rest = message.partition("\n")
        named = exception(first)
        if named and not named[0].endswith("..."):
            code, message = named[0], f"{named[1]}\n{rest}".rstrip()
    expected, actual = sides(code, message) if not message.endswith("...") else (None, None)
    return Diagnostic(
        "pytest",
        exception_kind(code, "test"),
        "error",
        message,
        code=code,
        test=entry.test,
        expected=expected,
        actual=actual,
        raw=entry.message,
    )
