"""Making a private copy of a tree, from the live files or from a snapshot, with the records to put it back."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field

from quantatissu.workspace import files
from quantatissu.workspace.exclusions import Excluded, Exclusions
from quantatissu.workspace.files import CREATE, DIRECTORY, READ, Skipped, finish_file, join, opened, to_path, write_all
from quantatissu.workspace.pristine import Pack, Pristine, Record
from quantatissu.workspace.store import Store

# Up to here a file is read and written, because the pack needs its bytes anyway and two calls are hard to beat.
# Larger ones are copied inside the kernel, sharing their blocks where the file system can.
_SMALL = 256 << 10
_MOUNT_POINT_MODE = 0o755


@dataclass(slots=True)
class Copied:
    """What a copy left out; paths are relative to the root."""

    omitted: list[bytes] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


def copy_live(source_fd: int, pristine: Pristine, exclusions: Exclusions) -> Copied:
    """Copy the tree below `source_fd` into the empty directory of `pristine`, and record it there.

    An omitted directory (or ``.git`` file) becomes an empty one, for the real one to be bound over. What cannot be
    read, or is no file, directory or symlink, is skipped. Raises OSError when the copy cannot be written.
    """
    copier = _Copier(pristine, exclusions)
    with opened(os.open(".", DIRECTORY, dir_fd=source_fd)) as source, opened(os.dup(pristine.root_fd)) as target:
        copier.directory(source, target, b"", 0)
        pristine.pack.flush()
    pristine.settle()
    return copier.copied


class _Copier:
    def __init__(self, pristine: Pristine, exclusions: Exclusions) -> None:
        self.copied = Copied()
        self._pristine = pristine
        self._exclusions = exclusions

    def directory(self, source: int, target: int, path: bytes, depth: int) -> None:
        with os.scandir(source) as listing:
            found = list(listing)
        if path and self._exclusions.is_environment([item.name for item in found]):
            self.copied.omitted.append(path)
            self._finish_mount_point(target, path)
            return
        records, exclusions = self._pristine.records, self._exclusions
        names: list[bytes] = []
        prefix = path + b"/" if path else b""
        for item in found:
            name = os.fsencode(item.name)
            child = prefix + name
            try:
                if item.is_file(follow_symlinks=False):
                    if exclusions.file(item.name, child):
                        self._mount_file(target, name, child)
                    else:
                        records[child] = self._file(source, target, name)
                elif item.is_symlink():
                    records[child] = _link(
                        target, name, os.readlink(name, dir_fd=source), self._pristine.pack, _mtime(source, name)
                    )
                elif item.is_dir(follow_symlinks=False):
                    if not self._subdirectory(source, target, item.name, child, depth + 1):
                        continue
                else:
                    mode = item.stat(follow_symlinks=False).st_mode
                    self.copied.skipped.append(Skipped(to_path(child), files.kind_in_words(mode)))
                    continue
            except _UnreadableError as error:
                if error.reason is not None:
                    self.copied.skipped.append(Skipped(to_path(child), error.reason))
                continue
            except FileNotFoundError:
                continue  # gone since it was listed
            names.append(name)
        self._pristine.children[path] = names
        status = os.fstat(source)
        _finish_directory(target, path, stat.S_IMODE(status.st_mode), status.st_mtime_ns, records)

    def _file(self, source: int, target: int, name: bytes) -> Record:
        pack = self._pristine.pack
        try:
            reading = os.open(name, READ, dir_fd=source)
        except OSError as error:
            raise _UnreadableError(error) from error
        try:
            status = os.fstat(reading)
            mode, size = stat.S_IMODE(status.st_mode), status.st_size
            if not stat.S_ISREG(status.st_mode):
                raise _UnreadableError(OSError(0, files.kind_in_words(status.st_mode)))
            data = None
            if size <= _SMALL:
                try:
                    data = files.read_all(reading, size)
                except OSError as error:
                    raise _UnreadableError(error) from error
            writing = os.open(name, CREATE, mode, dir_fd=target)
            try:
                if data is not None:
                    write_all(writing, data)
                    start, size = pack.add(data), len(data)
                else:
                    files.copy_range(reading, writing, size, clone=True)
                    # From the copy: the original may change between two readings.
                    start, size = pack.add_from(writing, size)
                done = finish_file(writing, mode, status.st_mtime_ns)
            finally:
                os.close(writing)
        finally:
            os.close(reading)
        return Record(stat.S_IFREG, mode, status.st_mtime_ns, start, size, done.st_ino, done.st_ctime_ns)

    def _subdirectory(self, source: int, target: int, name: str, path: bytes, depth: int) -> bool:
        """Copy a directory; False when it is left out."""
        why = self._exclusions.directory(name, path)
        if why is Excluded.CACHE:
            return False
        if why is Excluded.OMITTED:
            self.copied.omitted.append(path)
            os.mkdir(name, 0o700, dir_fd=target)
            with opened(os.open(name, DIRECTORY, dir_fd=target)) as writing:
                self._finish_mount_point(writing, path)
            return True
        if depth > files.MAX_DEPTH:
            self.copied.skipped.append(Skipped(to_path(path), "nested too deeply"))
            return False
        try:
            reading = os.open(name, DIRECTORY, dir_fd=source)
        except OSError as error:
            raise _UnreadableError(error) from error
        with opened(reading):
            os.mkdir(name, 0o700, dir_fd=target)
            with opened(os.open(name, DIRECTORY, dir_fd=target)) as writing:
                self.directory(reading, writing, path, depth)
        return True

    def _finish_mount_point(self, fd: int, path: bytes) -> None:
        self._pristine.children[path] = []
        _finish_directory(fd, path, _MOUNT_POINT_MODE, os.fstat(fd).st_mtime_ns, self._pristine.records)

    def _mount_file(self, target: int, name: bytes, path: bytes) -> None:
        self.copied.omitted.append(path)
        done = files.write_new(target, name, b"", 0o644)
        self._pristine.records[path] = Record(
            stat.S_IFREG, 0o644, done.st_mtime_ns, 0, 0, done.st_ino, done.st_ctime_ns
        )


class _UnreadableError(Exception):
    """A path of the original that cannot be read; ``reason`` is None when it is simply gone."""

    def __init__(self, error: OSError) -> None:
        super().__init__(str(error))
        self.reason = None if isinstance(error, FileNotFoundError) else error.strerror or str(error)


def copy_stored(store: Store, digest: bytes, pristine: Pristine, omitted: list[bytes], mode: int) -> None:
    """Write the stored tree `digest` into the empty directory of `pristine`, and record it there.

    A snapshot knows no times: files get the present one. ``omitted`` paths of the live tree become empty directories
    where the snapshot has their parent. ``mode`` is for the root, whose own a snapshot does not hold.
    """
    pack, records = pristine.pack, pristine.records

    def directory(fd: int, path: bytes, digest: bytes, mode: int) -> None:
        entries = store.tree(digest)
        names = list(entries)
        for name, entry in entries.items():
            child = join(path, name)
            if entry.kind == b"d":
                os.mkdir(name, 0o700, dir_fd=fd)
                with opened(os.open(name, DIRECTORY, dir_fd=fd)) as inner:
                    directory(inner, child, entry.digest, entry.mode)
            elif entry.kind == b"l":
                records[child] = _link(fd, name, store.get(entry.digest), pack, None)
            else:
                data = store.get(entry.digest)
                done = files.write_new(fd, name, data, entry.mode)
                records[child] = Record(
                    stat.S_IFREG, entry.mode, done.st_mtime_ns, pack.add(data), len(data), done.st_ino, done.st_ctime_ns
                )
        for point in omitted:
            parent, name = files.split(point)
            if parent == path and name not in entries:
                os.mkdir(name, _MOUNT_POINT_MODE, dir_fd=fd)
                with opened(os.open(name, DIRECTORY, dir_fd=fd)) as inner:
                    pristine.children[point] = []
                    _finish_directory(inner, point, _MOUNT_POINT_MODE, os.fstat(inner).st_mtime_ns, records)
                names.append(name)
        pristine.children[path] = names
        _finish_directory(fd, path, mode, os.fstat(fd).st_mtime_ns, records)

    with opened(os.dup(pristine.root_fd)) as fd:
        directory(fd, b"", digest, mode)
    pack.flush()
    pristine.settle()


def _mtime(directory: int, name: bytes) -> int:
    return os.stat(name, dir_fd=directory, follow_symlinks=False).st_mtime_ns


def _link(directory: int, name: bytes, target: bytes, pack: Pack, mtime_ns: int | None) -> Record:
    os.symlink(target, name, dir_fd=directory)
    if mtime_ns is not None:
        os.utime(name, ns=(mtime_ns, mtime_ns), dir_fd=directory, follow_symlinks=False)
    done = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return Record(stat.S_IFLNK, 0, done.st_mtime_ns, pack.add(target), len(target), done.st_ino, done.st_ctime_ns)


def _finish_directory(fd: int, path: bytes, mode: int, mtime_ns: int, records: dict[bytes, Record]) -> None:
    os.fchmod(fd, mode)
    os.utime(fd, ns=(mtime_ns, mtime_ns))
    status = os.fstat(fd)
    records[path] = Record(stat.S_IFDIR, mode, mtime_ns, 0, 0, status.st_ino, status.st_ctime_ns)
