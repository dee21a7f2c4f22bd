"""From the store back to a live tree: only what differs is touched."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterable, Sequence
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.workspace import files
from quantatissu.workspace.files import opened, split, to_path
from quantatissu.workspace.snapshot import Difference, Scan
from quantatissu.workspace.store import Store, TreeEntry


def restore_tree(root: Path, root_fd: int, store: Store, differences: Sequence[Difference], scan: Scan) -> None:
    """Turn the tree below `root_fd`, as `scan` found it, into the one `differences` lead to.

    Each file is replaced in one step, so whoever reads it, or kills this process, finds the old one or the new one.
    Raises QuantaError, with nothing changed, when something that is in no snapshot stands in the way; and QuantaError
    when the file system refuses a step.
    """
    _refuse_obstacles(root, root_fd, differences, scan)
    path = b""
    try:
        modes = _open_up(root_fd, differences)
        for difference in reversed(differences):
            path = difference.path
            before, after = difference.before, difference.after
            if before is not None and (after is None or (before.kind == b"d") != (after.kind == b"d")):
                _take_away(root_fd, path, before, scan)
        for difference in differences:
            path = difference.path
            if difference.after is not None:
                _bring(root_fd, store, difference.path, difference.before, difference.after)
        modes |= {d.path: d.after.mode for d in differences if d.after is not None and d.after.kind == b"d"}
        for path in sorted(modes, reverse=True):
            with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                _set_mode(root_fd, path, modes[path])
    except OSError as error:
        raise QuantaError(
            f"cannot restore {root / to_path(path)}: {error.strerror or error}",
            hint="what was restored so far is kept; restore again once the cause is gone",
        ) from error


def _refuse_obstacles(root: Path, root_fd: int, differences: Sequence[Difference], scan: Scan) -> None:
    """What no snapshot holds must not be lost: excluded directories, and what could not be read."""
    kept = [*scan.omitted, *(os.fsencode(skipped.path) for skipped in scan.skipped)]
    for difference in differences:
        before, after = difference.before, difference.after
        if after is None:
            continue
        inside = difference.path + b"/"
        obstacle: bytes | None = None
        if before is None:
            # Something that the scan left out has the name.
            parent, name = split(difference.path)
            with contextlib.suppress(OSError), opened(files.open_directory(root_fd, parent)) as fd:
                obstacle = difference.path if files.lstat_or_none(fd, name) is not None else None
        elif before.kind == b"d" and after.kind != b"d":
            obstacle = next((path for path in kept if path.startswith(inside)), None)
        if obstacle is not None:
            raise QuantaError(
                f"{root / to_path(obstacle)} is in the way: it is not part of any snapshot, so restoring would lose it",
                hint="move it away and restore again",
            )


def _open_up(root_fd: int, differences: Iterable[Difference]) -> dict[bytes, int]:
    """Make every directory that is about to change writable; the modes to give back, by path."""
    modes: dict[bytes, int] = {}
    directories = {d.path for d in differences if d.before is not None and d.before.kind == b"d"}
    for path in sorted({split(d.path)[0] for d in differences} | directories):
        try:
            fd = files.open_directory(root_fd, path)
        except OSError:
            continue  # not there yet
        with opened(fd):
            mode = stat.S_IMODE(os.fstat(fd).st_mode)
            if mode & 0o300 != 0o300:
                modes[path] = mode
                files.make_writable(fd)
    return modes


def _take_away(root_fd: int, path: bytes, before: TreeEntry, scan: Scan) -> None:
    parent, name = split(path)
    with opened(files.open_directory(root_fd, parent)) as fd:
        if before.kind != b"d":
            os.unlink(name, dir_fd=fd)
            return
        # Caches of a directory that goes are nobody's: left behind they would keep it alive as a namespace package.
        for cache in scan.caches:
            if split(cache)[0] == path:
                with opened(files.open_directory(fd, name)) as inner:
                    files.remove(inner, split(cache)[1])
        try:
            os.rmdir(name, dir_fd=fd)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise  # an excluded directory inside keeps this one


def _bring(root_fd: int, store: Store, path: bytes, before: TreeEntry | None, after: TreeEntry) -> None:
    parent, name = split(path)
    with opened(files.open_directory(root_fd, parent)) as fd:
        if after.kind == b"d":
            if before is None or before.kind != b"d":
                os.mkdir(name, 0o700, dir_fd=fd)
        elif before is not None and after.kind == b"f" and before.kind == b"f" and before.digest == after.digest:
            files.chmod_at(fd, name, after.mode)
        else:
            data = store.get(after.digest)
            temporary = files.temporary_name()
            try:
                if after.kind == b"l":
                    os.symlink(data, temporary, dir_fd=fd)
                else:
                    files.write_new(fd, temporary, data, after.mode)
                os.rename(temporary, name, src_dir_fd=fd, dst_dir_fd=fd)
            except BaseException:
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(temporary, dir_fd=fd)
                raise


def _set_mode(root_fd: int, path: bytes, mode: int) -> None:
    with opened(files.open_directory(root_fd, path)) as fd:
        if stat.S_IMODE(os.fstat(fd).st_mode) != mode:
            os.fchmod(fd, mode)
