"""Writing a patch into the user's own tree, and taking it back.

Every apply leaves a journal entry in the state folder before the first file changes: the bytes and modes before and
after, and the names of the temporary files. Whatever ends the process, the entry says how to get back; an entry that
is not marked done is rolled back by the next apply or undo.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, NewType

from quantatissu.foundation import QuantaError
from quantatissu.foundation.paths import state_dir
from quantatissu.workspace import files
from quantatissu.workspace.core import project_key
from quantatissu.workspace.files import to_bytes
from quantatissu.workspace.journal import FileChange, Journal, State, list_journals

UndoId = NewType("UndoId", str)

_KEPT = 50
"""Applies that can be undone, per project; older entries are dropped."""

_AGAIN = "run the command again on the files as they are now"


def apply_files(root: Path, changes: Mapping[str, bytes], expected: Mapping[str, bytes]) -> UndoId:
    """Write `changes` (new contents by path relative to `root`), all of them or none.

    First every file in `expected` must hold exactly those bytes, and a changed one without an entry must not exist
    yet. Each file is replaced in one step and keeps its mode; through a symlink its target is written, which must lie
    inside `root`. Raises QuantaError, with nothing changed, when a file is not as expected, lies outside, or cannot be
    written; ValueError for a path that is absolute or has ``..``. After a kill, `undo` or another call recovers.
    """
    root = _resolve(root)
    with _locked(root) as folder:
        for journal in list_journals(folder):
            if journal.state is not State.DONE:
                _roll_back(root, journal, "refuse")
        for path, data in expected.items():
            if path not in changes and _read(root, _target(root, path)) != data:
                raise QuantaError(f"{root / path} changed meanwhile; nothing was written", hint=_AGAIN)
        journal = Journal(folder, _next_id(folder), State.PENDING, [])
        for path, data in changes.items():
            journal.files.append(_plan(root, path, data, expected.get(path)))
        if len({change.target for change in journal.files}) < len(journal.files):
            raise QuantaError(f"two of the changed paths in {root} are one file through a symlink; nothing was written")
        journal.save()
        try:
            _write_all(root, journal)
            journal.state = State.DONE
            journal.save()
        except BaseException as error:
            _roll_back(root, journal, "leave")
            if isinstance(error, OSError):
                raise QuantaError(f"cannot write to {root}: {error}; nothing was changed") from error
            raise
        for old in list_journals(folder)[:-_KEPT]:
            old.remove()
        return UndoId(journal.id)


def undo(root: Path, *, force: bool = False) -> list[str]:
    """Bring back what was there before the last apply in `root`: bytes, modes and times; the paths, sorted.

    An apply that was interrupted counts, and is taken back as far as it got. Call again for the apply before. Raises
    QuantaError when there is nothing to undo, and, unless `force`, when one of the files changed since.
    """
    root = _resolve(root)
    with _locked(root) as folder:
        journals = list_journals(folder)
        if not journals:
            raise QuantaError(f"nothing to undo in {root}", hint="only what QuantaTissu wrote there can be undone")
        journal = journals[-1]
        _roll_back(root, journal, "overwrite" if force else "refuse")
        return sorted(change.path for change in journal.files)


def _resolve(root: Path) -> Path:
    try:
        resolved = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise QuantaError(f"no such directory: {root}") from error
    if not resolved.is_dir():
        raise QuantaError(f"not a directory: {root}")
    return resolved


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[Path]:
    """The project's journal folder, held against other processes."""
    folder = state_dir() / "undo" / project_key(root)
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise QuantaError(
            f"cannot keep a record for undo in {folder}: {error.strerror}",
            hint="set XDG_STATE_HOME to a writable folder",
        ) from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)  # of a record whose writing was cut off
        yield folder
    finally:
        os.close(lock)


def _next_id(folder: Path) -> str:
    journals = list_journals(folder)
    number = int(journals[-1].id.partition("-")[0]) + 1 if journals else 1
    return f"{number:08d}-{secrets.token_hex(4)}"


def _target(root: Path, path: str) -> str:
    """Where `path` really is, relative to the root, symlinks followed."""
    clean = to_bytes(path)
    if not clean:
        raise ValueError("the root itself is no file")
    try:
        real = (root / os.fsdecode(clean)).resolve()
    except (OSError, RuntimeError) as error:
        raise QuantaError(f"{root / path}: {error}") from error
    if not real.is_relative_to(root):
        raise QuantaError(f"{root / path} leads outside the project, to {real}; nothing was written")
    return str(real.relative_to(root))


def _read(root: Path, target: str) -> bytes | None:
    """A file's bytes, or None when there is none. Raises QuantaError when it cannot be read."""
    try:
        fd = os.open(root / target, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise QuantaError(f"cannot read {root / target}: {error.strerror}") from error
    with files.opened(fd):
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise QuantaError(f"{root / target} is not a file")
        return files.read_all(fd, status.st_size)


def _plan(root: Path, path: str, after: bytes, expected: bytes | None) -> FileChange:
    target = _target(root, path)
    before = _read(root, target)
    if before != expected:
        what = "already exists" if expected is None else "is gone" if before is None else "changed meanwhile"
        raise QuantaError(f"{root / path} {what}; nothing was written", hint=_AGAIN)
    created: list[str] = []
    if before is None:
        mode, mtime_ns = 0o666 & ~_umask(), 0
        parent = Path(target).parent
        while not (root / parent).exists():
            created.append(str(parent))
            parent = parent.parent
    else:
        status = (root / target).stat()
        mode, mtime_ns = stat.S_IMODE(status.st_mode), status.st_mtime_ns
    return FileChange(path, target, mode, mtime_ns, before, after, f".quanta-tmp-{secrets.token_hex(8)}", created)


def _write_all(root: Path, journal: Journal) -> None:
    """Prepare every file beside its place, look once more, then move all of them in."""
    for change in journal.files:
        for folder in reversed(change.created):
            (root / folder).mkdir(exist_ok=True)
        _prepare(root, change, change.after)
    for change in journal.files:
        if _read(root, change.target) != change.before:
            raise QuantaError(f"{root / change.path} changed meanwhile; nothing was written", hint=_AGAIN)
    for change in journal.files:
        change.temporary_in(root).replace(root / change.target)
    _sync_folders(root, journal.files)


def _prepare(root: Path, change: FileChange, data: bytes, mtime_ns: int | None = None) -> None:
    """Write `data` into the change's temporary file, with the mode, owner and attributes of the one to replace."""
    temporary = change.temporary_in(root)
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(fd, "wb") as stream:
        stream.write(data)
        stream.flush()
        _copy_attributes(root / change.target, fd)
        os.fchmod(fd, change.mode)
        if mtime_ns is not None:
            os.utime(fd, ns=(mtime_ns, mtime_ns))
        os.fsync(fd)


def _copy_attributes(source: Path, fd: int) -> None:
    """Owner and extended attributes (access control lists among them), as far as we may."""
    with contextlib.suppress(OSError):
        status = source.stat()
        if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(fd, status.st_uid, status.st_gid)
    with contextlib.suppress(OSError):
        for name in os.listxattr(source):
            with contextlib.suppress(OSError):
                os.setxattr(fd, name, os.getxattr(source, name))


def _sync_folders(root: Path, changes: Sequence[FileChange]) -> None:
    for folder in {(root / change.target).parent for change in changes}:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _roll_back(root: Path, journal: Journal, foreign: Literal["refuse", "overwrite", "leave"]) -> None:
    """Put back what was there before, and forget the entry. Safe to be killed in, and to repeat.

    ``foreign`` says what to do when a file holds neither what the apply wrote nor what was there before it.
    """
    for change in journal.files:
        change.temporary_in(root).unlink(missing_ok=True)
    stale = [change for change in journal.files if _is_stale(root, change, whole=journal.state is State.DONE)]
    if stale and foreign == "refuse":
        raise QuantaError(
            f"{root / stale[0].path} changed since it was patched; nothing was undone",
            hint="with --force the change since is lost",
        )
    # From here on some files may be back and others not: an entry that says so is taken up again wherever this ends.
    journal.state = State.PENDING
    try:
        journal.save()
        for change in journal.files:
            if foreign != "leave" or change not in stale:
                _put_back(root, change)
        _sync_folders(root, [change for change in journal.files if (root / change.target).parent.is_dir()])
        for change in journal.files:
            for folder in change.created:
                with contextlib.suppress(OSError):  # something else is in it by now
                    (root / folder).rmdir()
        journal.remove()
    except OSError as error:
        raise QuantaError(f"cannot undo in {root}: {error}", hint="once the cause is gone, undo again") from error


def _is_stale(root: Path, change: FileChange, *, whole: bool) -> bool:
    """Whether somebody else changed the file since; when the apply was not `whole`, it may also be as before."""
    if Path(root / change.target).is_symlink():
        return True
    try:
        now = _read(root, change.target)
    except QuantaError:
        return True
    if now is not None and stat.S_IMODE((root / change.target).stat().st_mode) != change.mode:
        return True
    return now != change.after and (whole or now != change.before)


def _put_back(root: Path, change: FileChange) -> None:
    target = root / change.target
    if change.before is None:
        _clear(target)
        return
    if not target.is_symlink() and not target.is_dir() and _read(root, change.target) == change.before:
        target.chmod(change.mode)
        os.utime(target, ns=(change.mtime_ns, change.mtime_ns))
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.is_symlink() or target.is_dir():
        _clear(target)
    # The old time as well: a compiled file made from the patched source must not pass for one of the old source.
    _prepare(root, change, change.before, change.mtime_ns)
    change.temporary_in(root).replace(target)


def _clear(target: Path) -> None:
    if target.is_dir() and not target.is_symlink():
        target.rmdir()  # refuses when something is in it, which is not ours to delete
    else:
        target.unlink(missing_ok=True)


def _umask() -> int:
    """The process's umask, read without changing it for other threads."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/self/status").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("Umask:"):
                return int(line.split()[1], 8)
    return 0o022
