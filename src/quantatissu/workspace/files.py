"""Files and directories by directory descriptor, never through a symlink.

Untrusted code may have written in the trees handled here, so a path is walked one component at a time with
``O_NOFOLLOW``: whatever a component has been replaced by, nothing outside the tree is opened, written or removed.
Paths are bytes relative to a root descriptor, ``/`` between components, ``b""`` for the root itself.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# O_NONBLOCK: a file may have become a FIFO since it was listed, and opening one would wait for its writer.
READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW

TEMPORARY = b".quanta-tmp-"
MAX_DEPTH = 200
"""Directories nested deeper than this are reported as skipped: each level holds a descriptor while it is visited."""

_FICLONE = 0x40049409
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path, relative to the root, that was left out, and the reason in a few words."""

    path: Path
    reason: str


def to_path(path: bytes) -> Path:
    """`path` as a `Path`; names that are not UTF-8 keep their bytes through ``surrogateescape``."""
    return Path(os.fsdecode(path))


def to_bytes(path: str | bytes | os.PathLike[str]) -> bytes:
    """The normal form of a relative path. Raises ValueError when it is absolute or has a ``..`` component."""
    raw = os.fsencode(path)
    parts = [part for part in raw.split(b"/") if part not in (b"", b".")]
    if raw.startswith(b"/") or b".." in parts:
        raise ValueError(f"not a path inside the tree: {os.fsdecode(raw)!r}")
    return b"/".join(parts)


def join(parent: bytes, name: bytes) -> bytes:
    return parent + b"/" + name if parent else name


def split(path: bytes) -> tuple[bytes, bytes]:
    """Parent path and name; ``(b"", b"")`` for the root."""
    parent, _, name = path.rpartition(b"/")
    return parent, name


@contextlib.contextmanager
def opened(fd: int) -> Iterator[int]:
    """Close `fd` at the end."""
    try:
        yield fd
    finally:
        os.close(fd)


def open_directory(root: int, path: bytes) -> int:
    """A new descriptor of the directory at `path` below `root`. Raises OSError when a component is no directory."""
    fd = os.open(".", DIRECTORY, dir_fd=root)
    for part in path.split(b"/") if path else ():
        try:
            inner = os.open(part, DIRECTORY, dir_fd=fd)
        finally:
            os.close(fd)
        fd = inner
    return fd


def kind_in_words(mode: int) -> str:
    names = {stat.S_IFIFO: "a FIFO", stat.S_IFSOCK: "a socket", stat.S_IFBLK: "a device", stat.S_IFCHR: "a device"}
    return names.get(stat.S_IFMT(mode), "not a file")


def lstat_or_none(directory: int, name: bytes) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except (FileNotFoundError, NotADirectoryError):
        return None


def read_all(fd: int, size: int) -> bytes:
    """Everything from the descriptor's position on; `size` is a guess that makes one call enough when it is right."""
    data = os.read(fd, size + 1)
    if len(data) == size:
        return data
    pieces = [data]
    while data:
        data = os.read(fd, _CHUNK)
        pieces.append(data)
    return b"".join(pieces)


def read_file(directory: int, name: bytes) -> tuple[bytes, os.stat_result]:
    """A regular file's bytes and status. Raises OSError, also when it is not a regular file."""
    with opened(os.open(name, READ, dir_fd=directory)) as fd:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, kind_in_words(status.st_mode), os.fsdecode(name))
        return read_all(fd, status.st_size), status


def write_all(fd: int, data: bytes) -> None:
    written = os.write(fd, data) if data else 0
    while written < len(data):
        written += os.write(fd, data[written:])


def finish_file(fd: int, mode: int, mtime_ns: int | None) -> os.stat_result:
    """Give an open, written file its permission bits and times; its status afterwards."""
    if mtime_ns is not None:
        os.utime(fd, ns=(mtime_ns, mtime_ns))
    status = os.fstat(fd)
    # The umask, a default ACL, or the write itself (set-uid) may have taken bits away: rare, so it is looked at after.
    if stat.S_IMODE(status.st_mode) != mode:
        os.fchmod(fd, mode)
        status = os.fstat(fd)
    return status


def write_new(directory: int, name: bytes, data: bytes, mode: int, mtime_ns: int | None = None) -> os.stat_result:
    """Create the file `name` with these bytes, permission bits and time. Raises FileExistsError."""
    with opened(os.open(name, CREATE, mode, dir_fd=directory)) as fd:
        write_all(fd, data)
        return finish_file(fd, mode, mtime_ns)


def temporary_name() -> bytes:
    return TEMPORARY + secrets.token_hex(8).encode()


def copy_range(source: int, target: int, size: int, *, clone: bool) -> int:
    """Copy all of `source` to the end of `target` inside the kernel; the number of bytes copied.

    With `clone` (for an empty `target`) the two share their blocks where the file system can.
    """
    if clone:
        try:
            fcntl.ioctl(target, _FICLONE, source)
            return os.fstat(target).st_size
        except OSError:
            pass  # another file system, or one without shared blocks
    done = 0
    with contextlib.suppress(OSError):  # not across these two file systems: the plain loop below goes on from here
        while copied := os.copy_file_range(source, target, max(size - done, _CHUNK), offset_src=done):
            done += copied
    while data := os.pread(source, _CHUNK, done):
        write_all(target, data)
        done += len(data)
    return done


def chmod_at(directory: int, name: bytes, mode: int) -> None:
    """Change permission bits without following a symlink, and without the right to read what is there."""
    with opened(os.open(name, os.O_PATH | os.O_NOFOLLOW, dir_fd=directory)) as fd:
        if not stat.S_ISLNK(os.fstat(fd).st_mode):
            Path(f"/proc/self/fd/{fd}").chmod(mode)


def open_directory_forced(directory: int, name: bytes) -> int:
    """Open the directory `name` for listing and changing, granting the owner those rights when they are missing."""
    try:
        fd = os.open(name, DIRECTORY, dir_fd=directory)
    except PermissionError:
        chmod_at(directory, name, 0o700)
        fd = os.open(name, DIRECTORY, dir_fd=directory)
    make_writable(fd)
    return fd


def make_writable(fd: int) -> None:
    """Grant the owner all rights in an open directory."""
    mode = stat.S_IMODE(os.fstat(fd).st_mode)
    if mode & 0o700 != 0o700:
        os.fchmod(fd, mode | 0o700)


def remove(directory: int, name: bytes, *, find_links: bool = False) -> bool:
    """Remove whatever `name` is, with everything below it; nothing happens when there is nothing.

    Returns whether a file in it had a second name, if `find_links` says to look.

    Directories are not descended into: each is first moved up beside `name`, so that a tree nested deeper than
    descriptors or the stack would reach goes like any other.
    """
    try:
        before = lstat_or_none(directory, name) if find_links else None
        os.unlink(name, dir_fd=directory)
        return before is not None and before.st_nlink > 1
    except FileNotFoundError:
        return False
    except (IsADirectoryError, PermissionError):
        status = lstat_or_none(directory, name)
        if status is None:
            return False
        if not stat.S_ISDIR(status.st_mode):
            raise
    waiting, linked = [name], False
    while waiting:
        current = waiting.pop()
        with opened(open_directory_forced(directory, current)) as fd:
            with os.scandir(fd) as entries:
                listed = list(entries)
            for entry in listed:
                child = os.fsencode(entry.name)
                if entry.is_dir(follow_symlinks=False):
                    os.close(open_directory_forced(fd, child))  # moving a directory needs the right to write in it
                    moved = temporary_name()
                    os.rename(child, moved, src_dir_fd=fd, dst_dir_fd=directory)
                    waiting.append(moved)
                else:
                    linked |= find_links and entry.stat(follow_symlinks=False).st_nlink > 1
                    os.unlink(child, dir_fd=fd)
        os.rmdir(current, dir_fd=directory)
    return linked
