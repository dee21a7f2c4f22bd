"""What changed in a branch since one last asked: the kernel's notifications, or a scan where there are none."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, Literal

from quantatissu.workspace import files
from quantatissu.workspace.files import join, opened, split
from quantatissu.workspace.resetting import reset

if TYPE_CHECKING:
    from quantatissu.workspace.core import Workspace

_EVENT = struct.Struct("iIII")
_READ_BYTES = 1 << 18

_MODIFY, _ATTRIB, _CLOSE_WRITE = 0x2, 0x4, 0x8
_MOVED_FROM, _MOVED_TO, _CREATE, _DELETE, _DELETE_SELF = 0x40, 0x80, 0x100, 0x200, 0x400
_OVERFLOW, _IGNORED, _ONLY_DIRECTORY, _IS_DIRECTORY = 0x4000, 0x8000, 0x1000000, 0x40000000
# Closing after writing is asked for too: writes through a memory map give no other sign.
_MASK = _MODIFY | _ATTRIB | _CLOSE_WRITE | _MOVED_FROM | _MOVED_TO | _CREATE | _DELETE | _DELETE_SELF | _ONLY_DIRECTORY
_INIT_FLAGS = os.O_NONBLOCK | os.O_CLOEXEC


class Watcher:
    """Watches a whole branch from its creation on.

    ``mode`` is ``inotify``, or ``scan`` where that is not to be had (no such system call, no more instances or watches
    allowed): the same answers, at the price of a look at every file per question. Not covered by ``inotify``: a write
    through a path of the branch that was for a while a second hard link of another, and then became a file again;
    `Workspace.changed` finds it. Call `close`, or use it as a
    context manager. One thread at a time. Raises QuantaError when `branch` is no branch.
    """

    def __init__(self, branch: Workspace, *, inotify: bool = True) -> None:
        self.mode: Literal["inotify", "scan"] = "scan"
        self._pristine = branch.pristine
        self._paths: dict[int, bytes] = {}
        self._watches: dict[bytes, int] = {}
        self._carried: set[bytes] = set()
        self._last_scan: dict[bytes, object] = {}
        self._fd = -1
        if inotify:
            self._start()
        if self.mode == "scan":
            self._last_scan = self._pristine.states()

    def touched(self) -> set[bytes]:
        """Relative paths created, written, deleted, moved or given other attributes since the last call.

        A moved or new directory is named together with everything now in it. It may name a path that is, by now,
        as it was.
        """
        if self.mode == "scan":
            return self._scan()
        found, self._carried = self._carried, set()
        self._drain(found)
        return found

    def revert(self) -> set[bytes]:
        """Reset everything touched since the last call, without reporting the resetting itself later; what it was.

        What others touch while it runs stays to be reported, except for the paths being reset.
        """
        found = self.touched()
        if not found:
            return found
        expected = found | reset(self._pristine, found, thorough=self.mode == "inotify")
        if self.mode == "scan":
            self._last_scan = self._pristine.states()
            return found
        expected |= {split(path)[0] for path in expected}
        later: set[bytes] = set()
        self._drain(later)
        self._carried |= {path for path in later - expected if not split(path)[1].startswith(files.TEMPORARY)}
        return found

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._paths.clear()
        self._watches.clear()

    def __enter__(self) -> Watcher:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _start(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        try:
            self._add_watch = libc.inotify_add_watch
            self._remove_watch = libc.inotify_rm_watch
            self._fd = libc.inotify_init1(_INIT_FLAGS)
        except AttributeError:
            return
        if self._fd < 0:
            return
        self.mode = "inotify"
        self._watch_tree(b"", set())

    def _fall_back(self) -> None:
        self.close()
        self.mode = "scan"
        self._last_scan = {}

    def _scan(self) -> set[bytes]:
        now = self._pristine.states()
        last, self._last_scan = self._last_scan, now
        found = {path for path, state in now.items() if last.get(path, last) != state}
        carried, self._carried = self._carried, set()
        return found | (last.keys() - now.keys()) | carried

    def _drain(self, found: set[bytes]) -> None:
        while self.mode == "inotify":
            try:
                data = os.read(self._fd, _READ_BYTES)
            except BlockingIOError:
                return
            for event in _events(data):
                if self.mode == "inotify":
                    self._handle(*event, found)
        found.update(self._scan())

    def _handle(self, watch: int, mask: int, name: bytes, found: set[bytes]) -> None:
        if mask & _OVERFLOW:
            found.update(self._pristine.states())
            self._watch_tree(b"", set())  # directories may have come without our hearing of it
            return
        directory = self._paths.get(watch)
        if directory is None:
            return  # of a directory that has since moved or gone, and is reported as such
        if mask & _IGNORED:
            del self._paths[watch]
            if self._watches.get(directory) == watch:
                del self._watches[directory]
            return
        path = join(directory, name) if name else directory
        if mask & _DELETE_SELF and directory:
            return  # its parent says so too
        found.add(path)
        if mask & _IS_DIRECTORY and name:
            if mask & (_MOVED_FROM | _DELETE):
                self._forget(path)
            if mask & (_MOVED_TO | _CREATE):
                self._watch_tree(path, found)

    def _forget(self, path: bytes) -> None:
        """Stop watching what was at and below `path`: the directories live on elsewhere, under other names."""
        inside = path + b"/"
        for known in [known for known in self._watches if known == path or known.startswith(inside)]:
            watch = self._watches.pop(known)
            if self._paths.get(watch) == known:
                del self._paths[watch]
                self._remove_watch(self._fd, watch)

    def _watch_tree(self, path: bytes, found: set[bytes]) -> None:
        """Watch the directory and those below it; adds to `found` what was in them before the watch was."""
        waiting = [path]
        while waiting and self.mode == "inotify":
            current = waiting.pop()
            try:
                fd = files.open_directory(self._pristine.root_fd, current)
            except OSError:
                continue  # gone, or no directory any more, or closed to us: its parent's events tell
            with opened(fd):
                # By descriptor, because a name on the way may since have become a symlink.
                watch = self._add_watch(self._fd, f"/proc/self/fd/{fd}".encode(), _MASK)
                if watch < 0:
                    if ctypes.get_errno() not in (errno.ENOENT, errno.ENOTDIR) or not current:
                        self._fall_back()
                    continue
                self._paths[watch] = current
                self._watches[current] = watch
                with contextlib.suppress(OSError), os.scandir(fd) as listing:
                    for item in listing:
                        child = join(current, os.fsencode(item.name))
                        found.add(child)
                        if item.is_dir(follow_symlinks=False):
                            waiting.append(child)


def _events(data: bytes) -> Iterator[tuple[int, int, bytes]]:
    """Watch, mask and name of each notification in a read from the kernel."""
    at = 0
    while at < len(data):
        watch, mask, _, length = _EVENT.unpack_from(data, at)
        at += _EVENT.size
        yield watch, mask, data[at : at + length].rstrip(b"\0")
        at += length
