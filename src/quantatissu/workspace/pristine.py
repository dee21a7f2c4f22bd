"""What a branch looked like when it was made.

The reference must hold even when the user edits the live project meanwhile, so it cannot be the origin's files; and a
second tree would cost as many inodes as the first. It is one unnamed file instead, the *pack*, into which every
content is appended while it is being copied anyway (one sequential write; large contents share their blocks where the
file system can), with a record per path. Nothing of it is left when the process dies.
"""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from quantatissu.workspace import files
from quantatissu.workspace.files import join, opened, split
from quantatissu.workspace.snapshot import settled

_BUFFER = 1 << 20
_BLOCK = 4096
_CLOCK_REALTIME_COARSE = 5  # what file systems stamp with; ticks every few milliseconds


class Record(NamedTuple):
    """One path: ``kind`` as in ``stat.S_IFMT``; ``start`` and ``size`` are where its bytes (of a symlink, its target)
    lie in the pack; ``ino`` and ``ctime_ns`` are the branch's own, ``ctime_ns`` 0 when it cannot tell a change."""

    kind: int
    mode: int
    mtime_ns: int
    start: int
    size: int
    ino: int
    ctime_ns: int


class Pack:
    """An unnamed, append-only file in `folder`; reads by position."""

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - closed by close()
        self._fd = self._file.fileno()
        self._end = 0
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0

    def add(self, data: bytes) -> int:
        """Append `data`; where it starts."""
        start = self._end
        self._end += len(data)
        self._waiting.append(data)
        self._waiting_bytes += len(data)
        if self._waiting_bytes > _BUFFER:
            self.flush()
        return start

    def add_from(self, source: int, size: int) -> tuple[int, int]:
        """Append the open file `source` inside the kernel; where it starts, and its size."""
        self.flush()
        # Whole blocks can be shared rather than copied.
        start = self._end = -(-self._end // _BLOCK) * _BLOCK
        os.lseek(self._fd, start, os.SEEK_SET)
        copied = files.copy_range(source, self._fd, size, clone=False)
        self._end += copied
        return start, copied

    def flush(self) -> None:
        if self._waiting:
            files.write_all(self._fd, b"".join(self._waiting))
            self._waiting.clear()
            self._waiting_bytes = 0

    def read(self, start: int, size: int) -> bytes:
        self.flush()
        pieces = []
        while size and (data := os.pread(self._fd, min(size, 1 << 30), start)):
            pieces.append(data)
            start += len(data)
            size -= len(data)
        return b"".join(pieces)

    def close(self) -> None:
        self._file.close()


class Pristine:
    """The records of the branch below `root_fd`, ``b""`` for that folder itself."""

    def __init__(self, root_fd: int, pack: Pack) -> None:
        self.root_fd = root_fd
        self.pack = pack
        self.records: dict[bytes, Record] = {}
        self.children: dict[bytes, list[bytes]] = {}

    def settle(self) -> None:
        """Wait (milliseconds) until any later change must show in a file's change time."""
        latest = max((record.ctime_ns for record in self.records.values()), default=0)
        deadline = time.monotonic() + 0.1
        while time.clock_gettime_ns(_CLOCK_REALTIME_COARSE) <= latest and time.monotonic() < deadline:
            time.sleep(0.001)

    def content(self, path: bytes) -> bytes | None:
        """The bytes of a file, or the target of a symlink, as branched; None when there was neither."""
        record = self.records.get(path)
        if record is None or record.kind == stat.S_IFDIR:
            return None
        return self.pack.read(record.start, record.size)

    def differences(self, below: bytes = b"") -> Iterator[bytes]:
        """Paths at and below `below` that are not as branched. Contents are read only where status cannot tell.

        A surplus directory is one path; of a missing one its contents are named too.
        """
        record = self.records.get(below)
        if below:
            parent, name = split(below)
            try:
                with opened(files.open_directory(self.root_fd, parent)) as fd:
                    status = files.lstat_or_none(fd, name)
            except OSError:
                status = None
        else:
            status = os.fstat(self.root_fd)
        yield from self._compare(below, record, status)

    def states(self) -> dict[bytes, object]:
        """Every path that is not as branched, also inside surplus directories, with a value that changes when it does;
        None for a missing one."""
        found: dict[bytes, object] = {}
        waiting = list(self.differences())
        while waiting:
            path = waiting.pop()
            parent, name = split(path)
            status = None
            with contextlib.suppress(OSError), opened(files.open_directory(self.root_fd, parent)) as fd:
                status = files.lstat_or_none(fd, name or b".")
                if status is not None and stat.S_ISDIR(status.st_mode) and path not in self.records:
                    with opened(os.open(name, files.DIRECTORY, dir_fd=fd)) as inner, os.scandir(inner) as listing:
                        waiting += [join(path, os.fsencode(item.name)) for item in listing]
            found[path] = status and (status.st_ino, status.st_mode, status.st_size, status.st_ctime_ns)
        return found

    def _compare(self, path: bytes, record: Record | None, status: os.stat_result | None) -> Iterator[bytes]:
        if record is None:
            if status is not None:
                yield path
            return
        if status is None or stat.S_IFMT(status.st_mode) != record.kind:
            yield path
            yield from self._descendants(path)
        elif record.kind == stat.S_IFDIR:
            # A directory's times change with its entries, which are looked at one by one.
            if stat.S_IMODE(status.st_mode) != record.mode:
                yield path
            yield from self._compare_directory(path)
        elif status.st_ino != record.ino or (
            status.st_ctime_ns != record.ctime_ns and (record.ctime_ns or not self._same(path, record, status))
        ):
            yield path

    def _same(self, path: bytes, record: Record, status: os.stat_result) -> bool:
        """Whether a file put back not long ago still is what it was then, from everything that can be read of it."""
        if (status.st_size, status.st_mtime_ns) != (record.size, record.mtime_ns):
            return False
        parent, name = split(path)
        try:
            with opened(files.open_directory(self.root_fd, parent)) as fd:
                if record.kind == stat.S_IFLNK:
                    return os.readlink(name, dir_fd=fd) == self.content(path)
                now = time.time_ns()
                data, read = files.read_file(fd, name)
        except OSError:
            return False
        same = data == self.content(path) and stat.S_IMODE(read.st_mode) == record.mode
        if same and settled(read, now):
            self.records[path] = record._replace(ctime_ns=read.st_ctime_ns)
        return same

    def _compare_directory(self, path: bytes) -> Iterator[bytes]:
        try:
            fd = files.open_directory(self.root_fd, path)
        except OSError:  # no right to list it any more, or gone since
            yield path
            yield from self._descendants(path)
            return
        with opened(fd):
            with os.scandir(fd) as listing:
                found = {os.fsencode(item.name): item for item in listing}
            expected = self.children.get(path, [])
            for name in expected:
                item = found.pop(name, None)
                child = join(path, name)
                status = None
                if item is not None:
                    with contextlib.suppress(FileNotFoundError):
                        status = item.stat(follow_symlinks=False)
                yield from self._compare(child, self.records.get(child), status)
            for name in found:
                yield join(path, name)

    def _descendants(self, path: bytes) -> Iterator[bytes]:
        for name in self.children.get(path, ()):
            child = join(path, name)
            yield child
            yield from self._descendants(child)
