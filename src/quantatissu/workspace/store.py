"""Where snapshots live: contents and directory listings under the SHA-256 of their bytes.

One SQLite file holds the small ones, since ten thousand rows in one transaction cost far less than ten thousand files
and either all of them arrive or none; contents above `LARGE` are files of their own beside it. Nothing is ever
overwritten, so any number of processes may share a store.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from quantatissu.foundation import QuantaError
from quantatissu.workspace import files

LARGE = 4 << 20
_FLUSH = 32 << 20
_STAT = struct.Struct("<QQQqq32s")
_TIMEOUT_SECONDS = 30.0


class TreeEntry(NamedTuple):
    """One name in a directory: ``kind`` is ``f``, ``l`` or ``d``; ``mode`` the permission bits (0 for a symlink).

    ``digest`` names the file's content, the symlink's target, or the directory's own listing.
    """

    kind: bytes
    mode: int
    digest: bytes


class Known(NamedTuple):
    """What a file's status was when its content was last read, and the digest of that content."""

    dev: int
    ino: int
    size: int
    mtime_ns: int
    ctime_ns: int
    digest: bytes


def encode_tree(entries: dict[bytes, TreeEntry]) -> bytes:
    """A directory's listing in its one canonical form: sorted by name, NUL after the name, raw digests."""
    return b"".join(
        b"%c%o %b\0%b" % (entry.kind, entry.mode, name, entry.digest) for name, entry in sorted(entries.items())
    )


def decode_tree(data: bytes) -> dict[bytes, TreeEntry]:
    entries: dict[bytes, TreeEntry] = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        entries[data[space + 1 : end]] = TreeEntry(
            data[at : at + 1], int(data[at + 1 : space], 8), data[end + 1 : end + 33]
        )
        at = end + 33
    return entries


class Store:
    """Contents by digest, in the folder `path`; opened on first use.

    Raises QuantaError when the folder cannot be used, or when something in it is missing or damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._pending: dict[bytes, bytes] = {}
        self._pending_bytes = 0

    def put(self, data: bytes) -> bytes:
        """Keep `data` (from the next `flush` on) and return its digest."""
        digest = hashlib.sha256(data).digest()
        if len(data) > LARGE:
            self._put_large(digest, data)
        elif digest not in self._pending:
            self._pending[digest] = data
            self._pending_bytes += len(data)
            if self._pending_bytes > _FLUSH:
                self.flush()
        return digest

    def flush(self) -> None:
        """Make everything put so far durable."""
        if not self._pending:
            return
        with self._database() as connection:
            connection.executemany("INSERT OR IGNORE INTO content VALUES (?, ?)", self._pending.items())
        self._pending.clear()
        self._pending_bytes = 0

    def get(self, digest: bytes) -> bytes:
        """The bytes with this digest, checked against it."""
        data = self._pending.get(digest)
        if data is None:
            with self._database() as connection:
                row = connection.execute("SELECT data FROM content WHERE digest = ?", (digest,)).fetchone()
            data = row[0] if row else self._get_large(digest)
        if hashlib.sha256(data).digest() != digest:
            raise QuantaError(
                f"the snapshot store {self.path} is damaged: {digest.hex()[:12]} does not hold what it should",
                hint="remove that folder; snapshots taken so far are lost, the project is not touched",
            )
        return data

    def has(self, digest: bytes) -> bool:
        """Whether `get` would find it; contents are not checked."""
        if digest in self._pending:
            return True
        with self._database() as connection:
            row = connection.execute("SELECT 1 FROM content WHERE digest = ?", (digest,)).fetchone()
        return row is not None or self._large(digest).exists()

    def tree(self, digest: bytes) -> dict[bytes, TreeEntry]:
        """The directory listing with this digest, names in byte order."""
        return decode_tree(self.get(digest))

    def load_index(self, root: str) -> dict[bytes, Known]:
        """The last saved index of the project at `root`; empty when there is none."""
        with self._database() as connection:
            row = connection.execute("SELECT stats, names FROM stat_index WHERE root = ?", (root,)).fetchone()
        if row is None:
            return {}
        names = row[1].split(b"\0")
        return {name: Known._make(stats) for name, stats in zip(names, _STAT.iter_unpack(row[0]), strict=True)}

    def save_index(self, root: str, index: dict[bytes, Known]) -> None:
        """Remember `index` for the next process. A cache: what it holds is only trusted when the status still fits."""
        pack = _STAT.pack
        stats = b"".join([pack(*known) for known in index.values()])
        with self._database() as connection:
            if index:
                row = (root, stats, b"\0".join(index))
                connection.execute("INSERT OR REPLACE INTO stat_index VALUES (?, ?, ?)", row)
            else:
                connection.execute("DELETE FROM stat_index WHERE root = ?", (root,))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    @contextlib.contextmanager
    def _database(self) -> Iterator[sqlite3.Connection]:
        try:
            if self._connection is None:
                self._connection = self._open()
            with self._connection:
                yield self._connection
        except (sqlite3.Error, OSError) as error:
            raise QuantaError(
                f"the snapshot store {self.path} cannot be used: {error}",
                hint="check that the folder is writable and the disk not full, or set XDG_STATE_HOME elsewhere",
            ) from error

    def _open(self) -> sqlite3.Connection:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(self.path / "contents.sqlite3", timeout=_TIMEOUT_SECONDS, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("CREATE TABLE IF NOT EXISTS content (digest BLOB PRIMARY KEY, data BLOB NOT NULL)")
        connection.execute(
            "CREATE TABLE IF NOT EXISTS stat_index (root TEXT PRIMARY KEY, stats BLOB NOT NULL, names BLOB NOT NULL)"
        )
        return connection

    def _large(self, digest: bytes) -> Path:
        name = digest.hex()
        return self.path / "large" / name[:2] / name[2:]

    def _put_large(self, digest: bytes, data: bytes) -> None:
        path = self._large(digest)
        if path.exists():
            return
        temporary = path.with_name(os.fsdecode(files.temporary_name()))
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with temporary.open("xb") as stream:
                stream.write(data)
                stream.flush()
                os.fsync(stream.fileno())
            temporary.rename(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise QuantaError(f"cannot write to the snapshot store {self.path}: {error}") from error

    def _get_large(self, digest: bytes) -> bytes:
        try:
            return self._large(digest).read_bytes()
        except OSError as error:
            raise QuantaError(f"the snapshot store {self.path} has nothing called {digest.hex()[:12]}") from error
