"""JSON Lines as a source: one document a line, read in byte ranges; torn and malformed lines are reported."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.base import Entry, Group, Report, Skipped, cut, ignore, pack
from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.rows import Mapper, check_columns
from quantatissu.corpus.sources.settings import JsonlSettings
from quantatissu.corpus.sources.stores import find, identify, opened
from quantatissu.corpus.sources.unpack import DAMAGE, inflated
from quantatissu.foundation import QuantaError

SUFFIXES = tuple(
    f".{kind}{packed}" for kind in ("jsonl", "ndjson", "json") for packed in ("", ".gz", ".bz2", ".xz", ".zst")
)
_CHUNK = 1 << 20
_USUAL_RATIO = 4  # decompressed to compressed bytes, for grouping only
_COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd")


class _Reader(Protocol):
    def read(self, size: int, /) -> bytes: ...


@dataclass(frozen=True, slots=True)
class JsonlSource:
    """Files of JSON Lines. A row without a path is named by its file and the byte at which its line starts.

    ``base``: what relative paths start from.
    """

    name: str
    settings: JsonlSettings
    base: Path

    def groups(self) -> list[Group]:
        """Byte ranges of files, in the order of their names. Raises QuantaError when a file is not there, or the first
        row lacks a column that the recipe names.
        """
        locations = find(self.name, self.settings.paths, self.base, SUFFIXES)
        entries = []
        for location in locations:
            try:
                size, identity = identify(self.name, location, self.base)
                parts = self._parts(location, size)
            except OSError as error:
                raise QuantaError(f"source {self.name}: {location}: {error.strerror or error}") from error
            for start, stop, raw in parts:
                end = "" if stop is None else stop
                entries.append(Entry(f"{start}:{end}:{location}", raw, identity))
        self._check_first_row(locations[0])
        return pack(self.name, entries, self.settings.group_bytes)

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`."""
        for item in group.items:
            start, stop, location = item.split(":", 2)
            mapper = self._mapper(location)
            try:
                for offset, line in self._lines(location, int(start), int(stop) if stop else None):
                    place = f"{Path(location).name}@{offset}"
                    origin = Origin(self.name, mapper.repository, "", place)
                    try:
                        row = _row(line)
                        origin = mapper.origin(row, place)
                        file = mapper.file(row, origin)
                    except Unreadable as error:
                        report(Skipped(origin, error.reason, error.detail, error.size))
                    else:
                        yield file
            except DAMAGE as error:
                origin = Origin(self.name, mapper.repository, "", Path(location).name)
                report(Skipped(origin, "damaged_file", str(error) or type(error).__name__))

    def describe(self) -> dict[str, str]:
        """See `Source.describe`."""
        return {
            "kind": "jsonl",
            "location": ", ".join(self.settings.paths),
            "columns": self.settings.columns.model_dump_json(exclude_defaults=True),
        }

    @property
    def _longest_line(self) -> int:
        # JSON may write a byte in six (\u0000), and the other columns want room too.
        return 6 * self.settings.max_file_bytes + _CHUNK

    def _mapper(self, location: str) -> Mapper:
        repository = self.settings.repository or Path(location).name
        return Mapper(self.name, self.settings.columns, repository, self.settings.max_file_bytes)

    def _parts(self, location: str, size: int) -> list[tuple[int, int | None, int]]:
        """(first byte, the one after the last or None for the end, bytes), counted in the decompressed file."""
        most = self.settings.group_bytes
        with opened(self.name, location, self.base) as file:
            if not file.read(6).startswith(_COMPRESSED):
                starts = range(0, max(size, 1), most)
                return [
                    (start, start + most if start + most < size else None, min(most, size - start)) for start in starts
                ]
            if size * _USUAL_RATIO <= most:
                return [(0, None, size * _USUAL_RATIO)]
            file.seek(0)
            chunks = []
            try:
                stream = _decompressed(file)
                while chunk := len(stream.read(_CHUNK)):
                    chunks.append(chunk)
            except DAMAGE:
                pass  # the last part will meet it again and report it
        return [
            (start * _CHUNK, None if stop is None else stop * _CHUNK, raw) for start, stop, raw in cut(chunks, most)
        ]

    def _lines(self, location: str, start: int, stop: int | None) -> Iterator[tuple[int, bytes | Unreadable]]:
        """(offset, line) of every line that starts in the range. Raises one of `DAMAGE` when decompression fails."""
        with opened(self.name, location, self.base) as file:
            stream: _Reader = file
            packed = file.read(6).startswith(_COMPRESSED)
            file.seek(0)
            begin = max(0, start - 1)  # the line before must be seen to end
            if packed:
                stream = _decompressed(file)
                left = begin
                while left and (chunk := len(stream.read(min(left, _CHUNK)))):
                    left -= chunk
            else:
                file.seek(begin)
            yield from _split(stream, begin, start, stop, self._longest_line)

    def _check_first_row(self, location: str) -> None:
        try:
            for _, line in self._lines(location, 0, 1):
                check_columns(self.name, self.settings.columns, _row(line), location)
        except (Unreadable, *DAMAGE):
            pass  # reading reports it


def _split(
    stream: _Reader, begin: int, start: int, stop: int | None, longest: int
) -> Iterator[tuple[int, bytes | Unreadable]]:
    """Lines whose first byte is in ``start:stop``, from a stream that stands at ``begin``, in bounded memory.

    A line that is too long, and a last one without its line end that is no JSON, come as `Unreadable`.
    """
    offset, buffer, too_long = begin, b"", 0
    skipping = begin < start  # the rest of a line that belongs to the range before
    while True:
        chunk = stream.read(_CHUNK)
        buffer += chunk
        *lines, buffer = buffer.split(b"\n") if chunk else [buffer, b""]
        for line in lines:
            length = too_long + len(line) + 1
            if not skipping:
                if stop is not None and offset >= stop:
                    return
                if too_long or len(line) > longest:
                    yield offset, Unreadable("line_too_long", f"{length} bytes, at most {longest}", length)
                elif line.strip():
                    yield offset, line if chunk else _last(line)
            offset += length
            skipping, too_long = False, 0
        if len(buffer) > longest or (too_long and buffer):
            too_long += len(buffer)
            buffer = b""
        if not chunk:
            return
        if stop is not None and offset >= stop and not skipping:
            return


def _last(line: bytes) -> bytes | Unreadable:
    """A last line without its line end: whole, or torn off where writing was cut short."""
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return Unreadable("torn_line", f"the file ends after {len(line)} bytes of it", len(line))
    return line


def _row(line: bytes | Unreadable) -> dict[str, Any]:
    if isinstance(line, Unreadable):
        raise line
    try:
        row = json.loads(line)
    except (ValueError, RecursionError) as error:
        where = f"at character {error.pos}" if isinstance(error, json.JSONDecodeError) else type(error).__name__
        raise Unreadable("bad_line", f"no JSON {where}", len(line)) from error
    if not isinstance(row, dict):
        raise Unreadable("bad_line", "no JSON object", len(line))
    return row


def _decompressed(file: BinaryIO) -> _Reader:
    start = file.read(6)
    file.seek(0)
    if not start.startswith(_COMPRESSED[3]):
        return inflated(file, start)
    import pyarrow

    stream: _Reader = pyarrow.CompressedInputStream(pyarrow.PythonFile(file, mode="r"), "zstd")
    return stream
