"""Putting parts of a branch back to what they were when it was made.

This runs between two candidates, after untrusted code wrote in the branch: what a path has become does not matter, it
is looked at without following symlinks, and nothing is written through a hard link.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable

from quantatissu.workspace import files
from quantatissu.workspace.files import join, opened, split
from quantatissu.workspace.pristine import Pristine, Record


def reset(pristine: Pristine, paths: Iterable[bytes], *, thorough: bool = False) -> set[bytes]:
    """Put exactly `paths`, and of directories everything below, back; the paths written to or removed.

    When one of them turns out to have a second name, any file may have been written through that, and the whole branch
    is compared and put back; with `thorough` also when one of them came and went, since it may have been a second
    name. Raises OSError when the file system refuses.
    """
    run = _Reset(pristine)
    for path in sorted(set(paths)):
        run.put_back(path)
        record = pristine.records.get(path)
        if record is not None and record.kind == stat.S_IFDIR:
            run.put_back_all(pristine.differences(path))
    while run.unlocked:
        run.put_back_all(pristine.differences(run.unlocked.pop()))
    if run.linked or (thorough and run.vanished):
        run.put_back_all(pristine.differences())
    run.finish()
    return run.written


class _Reset:
    """One reset: ``written`` collects the paths, ``linked`` and ``vanished`` what was noticed on the way, ``unlocked``
    the directories that could not be listed until now."""

    def __init__(self, pristine: Pristine) -> None:
        self.written: set[bytes] = set()
        self.linked = False
        self.vanished = False
        self.unlocked: list[bytes] = []
        self._around: set[bytes] = set()
        self._root_fd = pristine.root_fd
        self._records = pristine.records
        self._pack = pristine.pack
        if stat.S_IMODE(os.fstat(self._root_fd).st_mode) & 0o700 != 0o700:
            files.make_writable(self._root_fd)
            self._around.add(b"")
            self.unlocked.append(b"")

    def put_back_all(self, paths: Iterable[bytes]) -> None:
        for path in list(paths):
            self.put_back(path)

    def put_back(self, path: bytes) -> None:
        """Make `path` what it was, its times aside for a directory; of one that exists, its mode neither."""
        if not path:
            return
        record = self._records.get(path)
        parent, name = split(path)
        self._around.add(parent)
        try:
            parent_fd = self._open_parent(parent, make=record is not None)
        except (FileNotFoundError, NotADirectoryError):
            self.vanished = True
            return
        with opened(parent_fd) as fd:
            status = files.lstat_or_none(fd, name)
            if status is None and record is None:
                self.vanished = True
                return
            self.written.add(path)
            if record is None:
                self._remove(fd, name)
            elif record.kind == stat.S_IFDIR:
                if status is None or not stat.S_ISDIR(status.st_mode):
                    self._remove(fd, name)
                    os.mkdir(name, 0o700, dir_fd=fd)
                elif status.st_mode & 0o500 != 0o500:
                    files.chmod_at(fd, name, 0o700)
                    self.unlocked.append(path)
            elif status is None or not self._rewrite(fd, name, path, record, status):
                self._remove(fd, name)
                self._create(fd, name, path, record)

    def finish(self) -> None:
        """Give the directories around what was written their modes and times back."""
        for path in sorted(self._around | self.written, reverse=True):
            record = self._records.get(path)
            if record is None or record.kind != stat.S_IFDIR:
                continue
            with contextlib.suppress(FileNotFoundError), opened(files.open_directory(self._root_fd, path)) as fd:
                if stat.S_IMODE(os.fstat(fd).st_mode) != record.mode:
                    os.fchmod(fd, record.mode)
                os.utime(fd, ns=(record.mtime_ns, record.mtime_ns))

    def _remove(self, fd: int, name: bytes) -> None:
        files.make_writable(fd)
        self.linked |= files.remove(fd, name, find_links=True)

    def _rewrite(self, fd: int, name: bytes, path: bytes, record: Record, status: os.stat_result) -> bool:
        """Write the old bytes into the file itself, when it is the one made for the branch and has no other name:
        several times faster than a new one, above all where many files were just removed."""
        if status.st_ino != record.ino or status.st_nlink != 1 or record.kind != stat.S_IFREG:
            return False
        try:
            writing = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=fd)
        except OSError:
            return False  # read-only now, or no regular file any more
        with opened(writing):
            now = os.fstat(writing)
            if not stat.S_ISREG(now.st_mode) or (now.st_ino, now.st_nlink) != (record.ino, 1):
                return False
            files.write_all(writing, self._pack.read(record.start, record.size))
            os.ftruncate(writing, record.size)
            files.finish_file(writing, record.mode, record.mtime_ns)
        self._records[path] = record._replace(ctime_ns=0)
        return True

    def _create(self, fd: int, name: bytes, path: bytes, record: Record) -> None:
        data = self._pack.read(record.start, record.size)
        if record.kind == stat.S_IFLNK:
            os.symlink(data, name, dir_fd=fd)
            os.utime(name, ns=(record.mtime_ns, record.mtime_ns), dir_fd=fd, follow_symlinks=False)
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
        else:
            status = files.write_new(fd, name, data, record.mode, record.mtime_ns)
        # The next change may come within the same tick of the clock: until then its change time proves nothing.
        self._records[path] = record._replace(ino=status.st_ino, ctime_ns=0)

    def _open_parent(self, path: bytes, *, make: bool) -> int:
        """The directory at `path`, opened up when its mode forbids; with `make`, made one again when it is not."""
        fd = os.open(".", files.DIRECTORY, dir_fd=self._root_fd)
        done = b""
        for part in path.split(b"/") if path else ():
            done = join(done, part)
            try:
                inner = os.open(part, files.DIRECTORY, dir_fd=fd)
            except OSError:
                try:
                    inner = self._remake_directory(fd, part) if make else files.open_directory_forced(fd, part)
                except BaseException:
                    os.close(fd)
                    raise
                self.written.add(done)
            os.close(fd)
            fd = inner
        return fd

    def _remake_directory(self, fd: int, name: bytes) -> int:
        status = files.lstat_or_none(fd, name)
        if status is None or not stat.S_ISDIR(status.st_mode):
            self._remove(fd, name)
            os.mkdir(name, 0o700, dir_fd=fd)
        return files.open_directory_forced(fd, name)
