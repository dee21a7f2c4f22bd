"""A reader of tar streams that trusts nothing in them: ustar, pax and GNU long names, in one pass and bounded memory.

The standard library's `tarfile` reads an extended header of any announced size into memory, which a few compressed
kilobytes can make gigabytes. Formats: POSIX.1-2008 ``pax``, and the GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.names import path_text

Kind = Literal["file", "folder", "link", "device", "sparse", "unknown_kind"]

BLOCK = 512
LARGEST_HEADER = 1 << 20
"""Bytes of an extended header or long name; real ones have a few hundred."""
_CHUNK = 1 << 16
_KINDS: dict[bytes, Kind] = {
    **dict.fromkeys((b"0", b"\0", b"7"), "file"),
    **dict.fromkeys((b"1", b"2"), "link"),
    **dict.fromkeys((b"3", b"4", b"6"), "device"),
    b"5": "folder",
    b"S": "sparse",
}
_PAX_LENGTH = re.compile(rb"(\d{1,20}) ")


class Stream(Protocol):
    """What is read from: at most so many bytes, fewer only at the end."""

    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Member:
    """One entry of an archive. ``take`` gives a file's bytes, and only before the next member is asked for.

    ``path`` is as the archive says, not checked. ``size`` in bytes, unpacked.
    """

    path: str
    kind: Kind
    size: int
    take: Callable[[], bytes]


def tar_members(stream: Stream) -> Iterator[Member]:
    """The members of an uncompressed tar stream, in its order. Raises `Unreadable` (``damaged_archive``) when torn."""
    changes: dict[str, bytes] = {}
    while (header := _exactly(stream, BLOCK, may_end=True)) and header.strip(b"\0"):
        _check(header)
        flag = header[156:157]
        size = _number(header[124:136])
        if flag in b"xgLK":
            changes |= _extended(flag, _header_data(stream, size))
            continue
        path = path_text(changes.get("path", _name(header)).split(b"\0")[0])
        kind: Kind = _KINDS.get(flag, "unknown_kind")
        if kind == "file" and path.endswith("/"):
            kind = "folder"  # as before POSIX
        if any(key.startswith("GNU.sparse") for key in changes):
            kind = "sparse"
        if "size" in changes:
            size = _decimal(changes["size"])
        if flag == b"S" and header[482]:
            _skip_sparse_maps(stream)
        changes = {}
        # Only these three kinds have data behind them; the size of the others means something else or nothing.
        body = _Body(stream, size if kind in ("file", "sparse", "unknown_kind") else 0)
        yield Member(path, kind, body.size, body.take)
        body.skip()


class _Body:
    """A member's data: taken once or passed over."""

    def __init__(self, stream: Stream, size: int) -> None:
        self.size = size
        self._stream = stream
        self._left = size + -size % BLOCK

    def take(self) -> bytes:
        assert self._left == self.size + -self.size % BLOCK, "a member is taken once, before the next"
        data = _exactly(self._stream, self.size)
        self._left -= self.size
        return data

    def skip(self) -> None:
        while self._left:
            part = self._stream.read(min(self._left, _CHUNK))
            if not part:
                raise Unreadable("damaged_archive", "it ends inside a member")
            self._left -= len(part)


def _exactly(stream: Stream, size: int, *, may_end: bool = False) -> bytes:
    data = stream.read(size)
    if len(data) < size and not (may_end and not data):
        raise Unreadable("damaged_archive", "it ends inside a member" if data else "it ends too early")
    return data


def _header_data(stream: Stream, size: int) -> bytes:
    if size > LARGEST_HEADER:
        raise Unreadable("header_too_large", f"an extended header of {size} bytes")
    body = _Body(stream, size)
    data = body.take()
    body.skip()
    return data


def _skip_sparse_maps(stream: Stream) -> None:
    """Blocks after an old GNU header that say where a sparse file's holes are; each says whether another follows."""
    while _exactly(stream, BLOCK)[504]:
        pass


def _check(header: bytes) -> None:
    # Some old writers summed signed bytes; ASCII headers give the same sum either way.
    expected = _number(header[148:156])
    unsigned = sum(header) - sum(header[148:156]) + 8 * 0x20
    signed = unsigned - 256 * sum(byte > 127 for byte in header[:148] + header[156:])
    if expected not in (unsigned, signed):
        raise Unreadable("damaged_archive", "a header's checksum is wrong")


def _number(field: bytes) -> int:
    """A header's number: octal digits, or big-endian binary after a first byte of 0x80 (GNU)."""
    if field[:1] == b"\x80":
        return int.from_bytes(field[1:], "big")
    try:
        return int(field.split(b"\0")[0].strip() or b"0", 8)
    except ValueError:
        raise Unreadable("damaged_archive", "a header holds no number where one belongs") from None


def _decimal(value: bytes) -> int:
    if not value.isdigit() or len(value) > 20:
        raise Unreadable("damaged_archive", "an extended header's size is no number")
    return int(value)


def _name(header: bytes) -> bytes:
    name = header[:100].split(b"\0")[0]
    if header[257:263] == b"ustar\0":
        prefix = header[345:500].split(b"\0")[0]
        return prefix + b"/" + name if prefix else name
    return name


def _extended(flag: bytes, data: bytes) -> dict[str, bytes]:
    """What an extended header says of the next member. Global ones (git's, with a commit) change no name or size."""
    if flag == b"L":
        return {"path": data}
    return _pax(data) if flag == b"x" else {}


def _pax(data: bytes) -> dict[str, bytes]:
    """``LENGTH KEY=VALUE\\n`` records, the length counting the whole record."""
    found: dict[str, bytes] = {}
    position = 0
    while position < len(data):
        match = _PAX_LENGTH.match(data, position)
        end = position + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(data) or data[end - 1 : end] != b"\n":
            raise Unreadable("damaged_archive", "an extended header is malformed")
        key, _, value = data[match.end() : end - 1].partition(b"=")
        found[key.decode("utf-8", "backslashreplace")] = value
        position = end
    return found
