"""Unified diffs in git's form, made without git. Pure functions.

The result is always plain text: what has no textual form (NUL bytes, lines that are not UTF-8) is given as a *GIT
binary patch*, which ``git apply`` takes as readily, and names are quoted as git quotes them by default, in ASCII. It
therefore survives JSON, a terminal and a pipe without a byte changing.
"""

from __future__ import annotations

import base64
import bisect
import hashlib
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

CONTEXT_LINES = 3

_REGULAR, _EXECUTABLE, _SYMLINK = 0o100644, 0o100755, 0o120000
_BINARY_PROBE_BYTES = 8000  # as git does
_WORK_LIMIT = 4_000_000  # line comparisons; above it a stretch is given as replaced whole

Opcode = tuple[str, int, int, int, int]


@dataclass(frozen=True, slots=True)
class FileState:
    """A file as git sees it: its ``mode`` (one of three) and its bytes, for a symlink those of its target."""

    mode: int
    data: bytes

    @classmethod
    def file(cls, data: bytes, permissions: int = 0o644) -> FileState:
        return cls(_EXECUTABLE if permissions & 0o100 else _REGULAR, data)

    @classmethod
    def symlink(cls, target: bytes) -> FileState:
        return cls(_SYMLINK, target)


def diff_files(before: Mapping[str, bytes], after: Mapping[str, bytes]) -> str:
    """The diff between two sets of ordinary files, by relative path; a path in one of them only came or went."""
    old, new = (
        {path.encode("utf-8", "surrogateescape"): FileState.file(data) for path, data in states.items()}
        for states in (before, after)
    )
    return unified_diff(old, new)


def unified_diff(before: Mapping[bytes, FileState], after: Mapping[bytes, FileState]) -> str:
    """The diff, ``git apply``-able in the common root, that turns the files `before` into those `after`.

    Paths are relative, ``/``-separated; those with equal states may be left out or not. Empty when nothing differs.
    """
    pieces: list[str] = []
    for path in sorted(before.keys() | after.keys()):
        old, new = before.get(path), after.get(path)
        if old == new:
            continue
        if old is not None and new is not None and (old.mode == _SYMLINK) != (new.mode == _SYMLINK):
            pieces += _file_diff(path, old, None)  # a change of type is a removal and a creation
            pieces += _file_diff(path, None, new)
        else:
            pieces += _file_diff(path, old, new)
    return "".join(pieces)


def quote_path(path: bytes, prefix: bytes = b"") -> str:
    """`path` as git writes it in a diff: in quotes, with C escapes, when a byte is not printable ASCII."""
    escapes = {7: "\\a", 8: "\\b", 9: "\\t", 10: "\\n", 11: "\\v", 12: "\\f", 13: "\\r", 34: '\\"', 92: "\\\\"}
    name = prefix + path
    text = "".join(escapes.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in name)
    return text if len(text) == len(name) else f'"{text}"'


def _file_diff(path: bytes, old: FileState | None, new: FileState | None) -> Iterator[str]:
    left, right = quote_path(path, b"a/"), quote_path(path, b"b/")
    yield f"diff --git {left} {right}\n"
    mode = ""
    if old is None and new is not None:
        yield f"new file mode {new.mode:o}\n"
    elif new is None and old is not None:
        yield f"deleted file mode {old.mode:o}\n"
    elif old is not None and new is not None:
        if old.mode != new.mode:
            yield f"old mode {old.mode:o}\nnew mode {new.mode:o}\n"
        else:
            mode = f" {new.mode:o}"
    a, b = old.data if old else b"", new.data if new else b""
    if a == b and old is not None and new is not None:
        return
    # Whole object names: a binary patch is not accepted without, and they let `git apply --3way` find its base.
    yield f"index {_object_name(old)}..{_object_name(new)}{mode}\n"
    if a == b:
        return
    hunks = None if b"\0" in (a[:_BINARY_PROBE_BYTES] + b[:_BINARY_PROBE_BYTES]) else _text_hunks(a, b)
    if hunks is None:
        yield f"GIT binary patch\n{_literal(b)}\n{_literal(a)}\n"
        return
    # A tab ends a name with a space in it, which other tools would otherwise take for the start of a date.
    tab = "\t" if b" " in path and not left.startswith('"') else ""
    yield f"--- {'/dev/null' if old is None else left + tab}\n"
    yield f"+++ {'/dev/null' if new is None else right + tab}\n"
    yield hunks


def _object_name(state: FileState | None) -> str:
    if state is None:
        return "0" * 40
    return hashlib.sha1(b"blob %d\0" % len(state.data) + state.data, usedforsecurity=False).hexdigest()


def _literal(data: bytes) -> str:
    packed = zlib.compress(data)
    lines = [f"literal {len(data)}\n"]
    for at in range(0, len(packed), 52):
        piece = packed[at : at + 52]
        length = chr(ord("A") + len(piece) - 1) if len(piece) <= 26 else chr(ord("a") + len(piece) - 27)
        lines.append(f"{length}{base64.b85encode(piece, pad=True).decode('ascii')}\n")
    return "".join(lines)


def _text_hunks(old: bytes, new: bytes) -> str | None:
    """The hunks, or None when a line in them is not UTF-8."""
    a, b = _lines(old), _lines(new)
    out: list[bytes] = []
    for group in _grouped(_opcodes(a, b)):
        first, last = group[0], group[-1]
        out.append(b"@@ -%b +%b @@\n" % (_range(first[1], last[2]), _range(first[3], last[4])))
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                out += [_marked(b" ", line) for line in a[i1:i2]]
            else:
                out += [_marked(b"-", line) for line in a[i1:i2]]
                out += [_marked(b"+", line) for line in b[j1:j2]]
    try:
        return b"".join(out).decode("utf-8")
    except UnicodeDecodeError:
        return None


def _lines(data: bytes) -> list[bytes]:
    """Lines with their ends; only a line feed ends one, whatever precedes it."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    last = lines.pop()[:-1]
    return [*lines, last] if last else lines


def _marked(mark: bytes, line: bytes) -> bytes:
    return mark + line if line.endswith(b"\n") else mark + line + b"\n\\ No newline at end of file\n"


def _range(start: int, stop: int) -> bytes:
    length = stop - start
    if length == 1:
        return b"%d" % (start + 1)
    return b"%d,%d" % (start + 1 if length else start, length)


def _opcodes(a: Sequence[bytes], b: Sequence[bytes]) -> list[Opcode]:
    """How to turn `a` into `b`, in difflib's terms; neighbouring opcodes of one kind are not merged."""
    shorter = min(len(a), len(b))
    head = 0
    while head < shorter and a[head] == b[head]:
        head += 1
    tail = 0
    while tail < shorter - head and a[-1 - tail] == b[-1 - tail]:
        tail += 1
    end_a, end_b = len(a) - tail, len(b) - tail
    out: list[Opcode] = [("equal", 0, head, 0, head)]
    at_a, at_b = head, head
    for i, j in [*_anchors(a[head:end_a], b[head:end_b]), (end_a - head, end_b - head)]:
        out += _between(a[at_a : head + i], b[at_b : head + j], at_a, at_b)
        if head + i < end_a:
            out.append(("equal", head + i, head + i + 1, head + j, head + j + 1))
        at_a, at_b = head + i + 1, head + j + 1
    out.append(("equal", end_a, len(a), end_b, len(b)))
    return [code for code in out if code[1] < code[2] or code[3] < code[4]]


def _anchors(a: Sequence[bytes], b: Sequence[bytes]) -> list[tuple[int, int]]:
    """Lines that occur once in each, in a longest common order (patience diff): they bound what is compared below."""
    count_a, count_b = Counter(a), Counter(b)
    where_b = {line: j for j, line in enumerate(b) if count_b[line] == 1}
    pairs = [(i, where_b[line]) for i, line in enumerate(a) if count_a[line] == 1 and line in where_b]
    tops: list[int] = []
    top_pairs: list[int] = []
    before: list[int] = []
    for at, (_, j) in enumerate(pairs):
        pile = bisect.bisect_left(tops, j)
        before.append(top_pairs[pile - 1] if pile else -1)
        tops[pile : pile + 1] = [j]
        top_pairs[pile : pile + 1] = [at]
    chain: list[tuple[int, int]] = []
    at = top_pairs[-1] if top_pairs else -1
    while at >= 0:
        chain.append(pairs[at])
        at = before[at]
    return chain[::-1]


def _between(a: Sequence[bytes], b: Sequence[bytes], at_a: int, at_b: int) -> list[Opcode]:
    """Opcodes of two stretches that start at `at_a` and `at_b` of the whole."""
    counts = Counter(b)
    if sum(counts[line] for line in a) * min(len(a), 64) > _WORK_LIMIT:
        return [("replace", at_a, at_a + len(a), at_b, at_b + len(b))]
    codes = (
        SequenceMatcher(None, a, b, autojunk=False).get_opcodes() if a and b else [("replace", 0, len(a), 0, len(b))]
    )
    return [(tag, i1 + at_a, i2 + at_a, j1 + at_b, j2 + at_b) for tag, i1, i2, j1, j2 in codes]


def _grouped(opcodes: Sequence[Opcode]) -> Iterator[list[Opcode]]:
    """The opcodes of one hunk at a time: a long enough stretch of equal lines parts two hunks."""
    equal: list[Opcode] = []
    group: list[Opcode] = []
    for code in [*opcodes, ("end", 0, 0, 0, 0)]:
        tag = code[0]
        if tag == "equal":
            # Neighbouring equal stretches are one.
            start = equal.pop() if equal else code
            equal.append((tag, start[1], code[2], start[3], code[4]))
            continue
        if group and equal:
            _, e1, e2, f1, f2 = equal[0]
            if tag == "end" or e2 - e1 > 2 * CONTEXT_LINES:
                keep = min(CONTEXT_LINES, e2 - e1)
                yield [*group, ("equal", e1, e1 + keep, f1, f1 + keep)]
                group = []
            else:
                group.append(equal.pop())
        elif group and tag == "end":
            yield group
        if tag == "end":
            return
        if not group and equal:
            _, e1, e2, f1, f2 = equal[0]
            keep = min(CONTEXT_LINES, e2 - e1)
            group = [("equal", e2 - keep, e2, f2 - keep, f2)]
        equal.clear()
        group.append(code)
