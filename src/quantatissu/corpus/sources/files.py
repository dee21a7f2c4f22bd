"""Files on disk as a source reads them: checked, bounded, hashed."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

from quantatissu.corpus.sources.base import digest_of_bytes


class Unreadable(Exception):
    """Why an input gives nothing: ``reason`` in snake_case, ``detail`` for people, ``size`` in bytes where known."""

    def __init__(self, reason: str, detail: str = "", size: int = 0) -> None:
        super().__init__(reason, detail, size)
        self.reason, self.detail, self.size = reason, detail, size


def read_bounded(path: Path, most: int) -> bytes:
    """A regular file's bytes. Raises `Unreadable` when it is larger than ``most``, no file, or not to be read."""
    try:
        # O_NONBLOCK: opening a FIFO must not wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise Unreadable("unreadable", error.strerror or str(error)) from error
    except ValueError as error:
        raise Unreadable("unreadable", "the name holds a null character") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unreadable("not_a_file")
        if status.st_size > most:
            raise Unreadable("too_large", f"{status.st_size} bytes, at most {most}", status.st_size)
        try:
            data = file.read(most + 1)
        except OSError as error:
            raise Unreadable("unreadable", error.strerror or str(error)) from error
    if len(data) > most:  # it grew since
        raise Unreadable("too_large", f"at most {most} bytes", len(data))
    return data


def identity_and_size(path: Path, most: int) -> tuple[str, int]:
    """What identifies a file's content, and how many bytes reading it gives: none where it cannot be read."""
    try:
        data = read_bounded(path, most)
    except Unreadable as error:
        return f"{error.reason}:{error.size}", 0
    return digest_of_bytes(data), len(data)


def files_below(root: Path, enter: Callable[[str], bool] = lambda folder: True) -> Iterator[str]:
    """POSIX paths of all files below a folder, name by name in sorted order, a folder's files before its folders'.

    Folders (``"a/b/"``) that ``enter`` refuses are left out, and names that are no UTF-8, which no table could hold;
    links to folders are not followed.
    """
    for folder, folders, names in os.walk(root):
        relative = Path(folder).relative_to(root).as_posix()
        prefix = "" if relative == "." else relative + "/"
        folders[:] = sorted(name for name in folders if enter(f"{prefix}{name}/"))
        for name in sorted(names):
            if _is_text(prefix + name):
                yield prefix + name


def _is_text(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True
