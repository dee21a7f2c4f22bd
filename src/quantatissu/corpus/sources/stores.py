"""Files of tables, on disk or on an object store: found, identified, opened."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, BinaryIO, cast

from quantatissu.corpus.sources.locations import local_files
from quantatissu.foundation import QuantaError


def is_remote(location: str) -> bool:
    """Whether a location is an address (``s3://...``) rather than a path."""
    return "://" in location


def find(source: str, paths: Sequence[str], base: Path, suffixes: Sequence[str]) -> list[str]:
    """All files that ``paths`` name, sorted; see `local_files`, whose rules hold for object stores alike."""
    remote = [path for path in paths if is_remote(path)]
    local = [path for path in paths if not is_remote(path)]
    found = set(local_files(source, local, base, suffixes)) if local else set()
    for address in remote:
        found.update(_remote_files(source, address, suffixes))
    return sorted(found)


def identify(source: str, location: str, base: Path) -> tuple[int, str]:
    """A file's size in bytes and what identifies its state: size and time of change, for hashing would be a pass."""
    if is_remote(location):
        system, path = filesystem(source, location)
        with _explained(source, location):
            info = system.get_file_info(path)
        return int(info.size or 0), f"{info.size}:{info.mtime_ns}"
    status = (base / location).stat()
    return status.st_size, f"{status.st_size}:{status.st_mtime_ns}"


@contextmanager
def opened(source: str, location: str, base: Path) -> Iterator[BinaryIO]:
    """The file, to be read and sought in. Raises QuantaError when an object store refuses, OSError for a local file."""
    if not is_remote(location):
        with (base / location).open("rb") as file:
            yield file
        return
    system, path = filesystem(source, location)
    with _explained(source, location):
        remote = system.open_input_file(path)
    with remote:
        yield cast(BinaryIO, io.BufferedReader(_Raw(remote), 1 << 20))


class _Raw(io.RawIOBase):
    """A pyarrow file as Python's own kind, so that lines and small reads are buffered."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def tell(self) -> int:
        return int(self._file.tell())


def filesystem(source: str, address: str) -> tuple[Any, str]:
    """pyarrow's file system for an address, and the path in it. Credentials come from the environment, as usual there.

    Raises QuantaError when pyarrow is missing or knows no such store.
    """
    try:
        from pyarrow import ArrowException, fs
    except ImportError:
        raise QuantaError(
            f"source {source}: {address} needs pyarrow", hint='Install the extra: pip install "quantatissu[corpus]"'
        ) from None
    try:
        found: tuple[Any, str] = fs.FileSystem.from_uri(address)
    except (ArrowException, ValueError, OSError) as error:
        raise QuantaError(
            f"source {source}: {address} cannot be opened: {_first_line(error)}",
            hint="Known are s3://, gs://, abfs://, hdfs:// and hf://; credentials come from the environment.",
        ) from error
    return found


def _remote_files(source: str, address: str, suffixes: Sequence[str]) -> list[str]:
    bare, question, query = address.partition("?")  # options such as ?region=eu-west-1
    wildcard = min((bare.find(mark) for mark in "*[" if mark in bare), default=-1)
    root = bare[: bare.rfind("/", 0, wildcard)] if wildcard >= 0 else bare.rstrip("/")
    system, path = filesystem(source, root + question + query)
    with _explained(source, address):
        from pyarrow import fs

        info = system.get_file_info(path)
        if info.type == fs.FileType.File:
            return [address]
        listed = system.get_file_info(fs.FileSelector(path, recursive=True, allow_not_found=True))
    names = [root + entry.path[len(path) :] for entry in listed if entry.type == fs.FileType.File]
    if wildcard >= 0:
        found = [name for name in names if fnmatchcase(name, bare)]
    else:
        found = [name for name in names if name.lower().endswith(tuple(suffixes))]
    if not found:
        raise QuantaError(f"source {source}: no files at {address}", hint=f"Looked for {', '.join(suffixes)}.")
    return [name + question + query for name in found]


@contextmanager
def _explained(source: str, address: str) -> Iterator[None]:
    try:
        yield
    except (OSError, ValueError) as error:
        raise QuantaError(
            f"source {source}: {address}: {_first_line(error)}",
            hint="Check the address, the network, and the store's credentials in the environment.",
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
