"""Archives opened safely: in memory only, every kind of growth bounded, nothing in them followed or executed."""

from __future__ import annotations

import bz2
import gzip
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, BinaryIO

from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.tar import Kind, Member, Stream, tar_members

ARCHIVE_SUFFIXES = (
    *(".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz"),
    *(".zip", ".whl", ".egg", ".crate"),
)
_FREE_BYTES = 1 << 20  # a ratio says nothing about an archive that unpacks to less
_XZ_MEMORY = 128 << 20  # bytes; `xz -9` needs 65 MiB, a hostile header asks for 4 GiB
_ZIP_ENTRY = 128  # bytes of the central directory for an entry with a name of usual length
_ZIP_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2}  # LZMA's memory cannot be bounded
_CHUNK = 1 << 16
DAMAGE = (OSError, EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, struct.error, ValueError, RuntimeError)
"""What the standard library raises on bytes that are no archive or compressed file, or no longer one."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What an archive may grow to: members, unpacked bytes, and unpacked over packed bytes."""

    members: int
    unpacked: int
    ratio: float


def members(path: Path, bounds: Bounds) -> Iterator[Member]:
    """The archive's members in its own order; the format is told by content, not by name.

    Raises `Unreadable` as soon as a bound is passed (``too_many_members``, ``too_large``, ``compression_ratio``) or the
    archive turns out damaged (``damaged_archive``). A zip announces its sizes, so its bounds are checked before the
    first member, and `Member.take` never gives more than was announced.
    """
    with _opened(path) as (file, packed):
        most = int(min(bounds.unpacked, max(_FREE_BYTES, packed * bounds.ratio)))
        start = file.read(6)
        file.seek(0)
        if start.startswith((b"PK\3\4", b"PK\5\6")):
            found = _zip_members(file, bounds, most)
        else:
            found = _tar_members(_Meter(inflated(file, start), most, bounds))
        count = 0
        while (member := _next(found)) is not None:
            count += 1
            if count > bounds.members:
                raise Unreadable("too_many_members", f"more than {bounds.members}")
            yield member


def _next(found: Iterator[Member]) -> Member | None:
    try:
        return next(found, None)
    except Unreadable:
        raise
    except DAMAGE as error:
        raise Unreadable("damaged_archive", str(error) or type(error).__name__) from error


@contextmanager
def _opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    try:
        size = path.stat().st_size
        file = path.open("rb")
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or str(error)) from error
    with file:
        yield file, size


def inflated(file: BinaryIO, start: bytes) -> Stream:
    """What a file holds once decompressed: gzip, bzip2 or xz, told by its first 6 bytes, else the file itself."""
    if start.startswith(b"\x1f\x8b"):
        return gzip.GzipFile(fileobj=file, mode="rb")
    if start.startswith(b"BZh"):
        return bz2.BZ2File(file)
    if start.startswith(b"\xfd7zXZ\0"):
        return _Xz(file)
    return file


class _Xz:
    """An xz stream, or several in a row, in bounded memory (`lzma.LZMAFile` has no limit to give)."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._pending = b""
        self._decompressor = self._fresh()

    def read(self, size: int, /) -> bytes:
        parts: list[bytes] = []
        while size:
            if self._decompressor.eof:
                self._pending = (self._decompressor.unused_data or self._file.read(_CHUNK)).lstrip(b"\0")
                if not self._pending:
                    break
                self._decompressor = self._fresh()
            elif self._decompressor.needs_input and not self._pending:
                self._pending = self._file.read(_CHUNK)
                if not self._pending:
                    raise EOFError("the compressed data ends too early")
            part = self._decompressor.decompress(self._pending, size)
            self._pending = b""
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    @staticmethod
    def _fresh() -> lzma.LZMADecompressor:
        return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_XZ_MEMORY)


class _Meter:
    """Counts what comes out of a decompressor, and stops it."""

    def __init__(self, stream: Stream, most: int, bounds: Bounds) -> None:
        self._stream, self._most, self._bounds = stream, most, bounds
        self._count = 0

    def read(self, size: int, /) -> bytes:
        # A member announced larger than all that is left would be allocated at once.
        if self._count + size > self._most:
            size = self._most - self._count + 1
        try:
            data = self._stream.read(size)
        except DAMAGE as error:
            raise Unreadable("damaged_archive", str(error) or type(error).__name__) from error
        self._count += len(data)
        if self._count > self._most:
            raise _over(self._count, self._most, self._bounds)
        return data


def _over(count: int, most: int, bounds: Bounds) -> Unreadable:
    if most < bounds.unpacked:
        return Unreadable("compression_ratio", f"unpacks to more than {bounds.ratio:g} times its size")
    return Unreadable("too_large", f"unpacks to more than {bounds.unpacked} bytes", count)


def _tar_members(stream: Stream) -> Iterator[Member]:
    yield from tar_members(stream)
    while stream.read(_CHUNK):
        pass  # a checksum comes at the very end


class _SmallReads:
    """A file for `zipfile`, which reads the whole central directory at once: refuses a read that is too large."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file, self._most = file, most
        self.seek, self.tell, self.close, self.seekable = file.seek, file.tell, file.close, file.seekable

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(self._most + 1 if size < 0 or size > self._most else size)
        if len(data) > self._most:
            raise Unreadable("too_many_members", f"a directory of more than {self._most} bytes")
        return data


def _zip_members(file: BinaryIO, bounds: Bounds, most: int) -> Iterator[Member]:
    guarded = _SmallReads(file, max(_FREE_BYTES, bounds.members * _ZIP_ENTRY))
    with zipfile.ZipFile(guarded) as archive:
        entries = archive.infolist()
        if len(entries) > bounds.members:
            raise Unreadable("too_many_members", f"{len(entries)}, at most {bounds.members}")
        announced = sum(entry.file_size for entry in entries)
        if announced > most:
            raise _over(announced, most, bounds)
        for entry in entries:
            yield Member(_zip_name(entry), _zip_kind(entry), entry.file_size, partial(_zip_read, archive, entry))


def _zip_read(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.flag_bits & 1:
        raise Unreadable("encrypted", "", entry.file_size)
    if entry.compress_type not in _ZIP_METHODS:
        raise Unreadable("unsupported_compression", f"zip method {entry.compress_type}", entry.file_size)
    opened: IO[bytes]
    try:
        with archive.open(entry) as opened:
            data = opened.read(entry.file_size + 1)
    except (*DAMAGE, NotImplementedError) as error:
        raise Unreadable("damaged_member", str(error) or type(error).__name__, entry.file_size) from error
    if len(data) != entry.file_size:
        raise Unreadable("damaged_member", f"{len(data)} bytes, {entry.file_size} announced", entry.file_size)
    return data


def _zip_name(entry: zipfile.ZipInfo) -> str:
    """Names without the UTF-8 mark count as code page 437; most are UTF-8 all the same."""
    if entry.flag_bits & 0x800:
        return entry.filename
    try:
        return entry.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return entry.filename


def _zip_kind(entry: zipfile.ZipInfo) -> Kind:
    mode = entry.external_attr >> 28 if entry.create_system == 3 else 0  # a Unix file type
    kinds: dict[int, Kind] = {0xA: "link", 1: "device", 2: "device", 6: "device", 0xC: "device"}
    return "folder" if entry.is_dir() else kinds.get(mode, "file")
