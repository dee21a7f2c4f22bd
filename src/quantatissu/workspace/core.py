"""`Workspace`: a directory tree whose every state can be kept, copied, compared and brought back."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
import shutil
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NewType

from quantatissu.foundation import QuantaError
from quantatissu.foundation.paths import cache_dir, state_dir
from quantatissu.workspace import files
from quantatissu.workspace.branching import copy_live, copy_stored
from quantatissu.workspace.diff import FileState, unified_diff
from quantatissu.workspace.exclusions import DEFAULT_EXCLUSIONS, Exclusions
from quantatissu.workspace.files import Skipped, opened, split, to_bytes, to_path
from quantatissu.workspace.pristine import Pack, Pristine
from quantatissu.workspace.resetting import reset
from quantatissu.workspace.restore import restore_tree
from quantatissu.workspace.snapshot import Scan, Snapshotter, compare_trees, find_omitted
from quantatissu.workspace.store import Store, TreeEntry

_NEW = ".new-"

SnapshotId = NewType("SnapshotId", str)
"""The SHA-256, in hex, of a tree's listing: equal trees have equal ids, wherever and whenever they were taken."""


class Workspace:
    """The tree at `root`, with or without git.

    Byte-exact for files (contents, permission bits), symlinks (never followed), directories (permission bits, empty
    ones too) and any name the file system can hold. FIFOs, sockets, devices and what cannot be read are left out and
    listed in `skipped`. Not kept: owners, hard links, extended attributes, and, in snapshots, times.

    ``store`` is the folder for snapshots, one per project below the state folder unless given; never inside `root`.
    Raises QuantaError when `root` is no directory or the store would lie in it.
    """

    def __init__(self, root: Path, store: Path | None = None, exclude: Exclusions = DEFAULT_EXCLUSIONS) -> None:
        self.root = _resolved_directory(root)
        self.exclude = exclude
        folder = store if store is not None else state_dir() / "snapshots" / project_key(self.root)
        if _is_inside(folder, self.root):
            raise QuantaError(
                f"the snapshot store {folder} lies inside the project {self.root}",
                hint="set XDG_STATE_HOME to a folder outside it",
            )
        self._store = Store(folder)
        self._snapshotter = Snapshotter(self._store, os.fsdecode(self.root), exclude)
        self._omitted: tuple[Path, ...] | None = None
        self._skipped: tuple[Skipped, ...] = ()
        self._pristine: Pristine | None = None
        self._home: _Home | None = None

    @property
    def store(self) -> Path:
        """The folder that holds the snapshots."""
        return self._store.path

    @property
    def omitted(self) -> tuple[Path, ...]:
        """Paths, relative to the root, that are present but belong to something else: repositories, environments.

        For a branch: those of its origin, each an empty directory (or file) in the branch for the real one to be bound
        over. Caches are not listed.
        """
        if self._omitted is None:
            with self._opened_root() as fd:
                self._omitted = tuple(to_path(path) for path in sorted(find_omitted(fd, self.exclude)))
        return self._omitted

    @property
    def skipped(self) -> tuple[Skipped, ...]:
        """What the last snapshot, or the making of this branch, had to leave out, and why."""
        return self._skipped

    @property
    def pristine(self) -> Pristine:
        """A branch's record of what it was. Raises QuantaError when this is no branch, or a closed one."""
        if self._pristine is None:
            raise QuantaError(f"{self.root} is not an open branch, so there is no state of its own to go back to")
        return self._pristine

    def snapshot(self) -> SnapshotId:
        """Keep the tree as it is now. Reads only files whose status changed since the last snapshot.

        Raises QuantaError when the root or the store cannot be used.
        """
        return SnapshotId(self._take().root_digest.hex())

    def branch(self, at: SnapshotId | None = None, into: Path | None = None) -> Workspace:
        """A private copy of the tree at `at`, or as it is now, in a new folder (`into` when given: new or empty).

        Without `at` nothing goes through the store, and times are kept. Close the copy to remove it; copies whose
        process died are removed by the next call, except those made by `into`. Raises QuantaError when `at` is
        unknown, `into` is in use or inside the tree, or the disk is full.
        """
        digest = None if at is None else self._digest(at)
        home = _Home(self.root, into)
        try:
            with self._opened_root() as source:
                root_fd = os.open(home.tree, files.DIRECTORY)
                pristine = Pristine(root_fd, Pack(home.tree.parent))
                home.pristine = pristine
                if digest is None:
                    copied = copy_live(source, pristine, self.exclude)
                    omitted, skipped = sorted(copied.omitted), tuple(copied.skipped)
                else:
                    omitted, skipped = sorted(find_omitted(source, self.exclude)), ()
                    copy_stored(self._store, digest, pristine, omitted, stat.S_IMODE(os.fstat(source).st_mode))
        except OSError as error:
            home.remove()
            raise QuantaError(
                f"cannot copy {self.root} to {home.tree}: {error.strerror or error}",
                hint="check the free space there, or set XDG_CACHE_HOME to another disk",
            ) from error
        except BaseException:
            home.remove()
            raise
        branch = Workspace(home.tree, self._store.path, self.exclude.adding(omitted))
        branch._omitted, branch._skipped = tuple(to_path(path) for path in omitted), skipped
        branch._pristine, branch._home = pristine, home
        return branch

    def restore(self, to: SnapshotId) -> SnapshotId:
        """Make the tree what it was at `to`; returns a snapshot of what it was just before.

        Omitted and skipped paths are not touched, nor are caches, except those of a directory that goes. A directory
        that is not in `to` stays when something omitted is inside it. A file is replaced in one step, with a new
        modification time; after a kill, restore again. Raises QuantaError, with nothing changed, when `to` is unknown
        or something no snapshot holds is in the way.
        """
        digest = self._digest(to)
        scan = self._take()
        differences = compare_trees(self._store, scan.root_digest, digest)
        with self._opened_root() as fd:
            restore_tree(self.root, fd, self._store, differences, scan)
        return SnapshotId(scan.root_digest.hex())

    def diff(self, since: SnapshotId | None = None, until: SnapshotId | None = None) -> str:
        """The changes from `since` to `until` (None: now) as a unified diff that ``git apply`` takes.

        In a branch `since` may be left out: since it was made. Pure text: contents that are not UTF-8 are given in
        git's binary form, names that are not ASCII quoted as git quotes them. Empty directories, and permission bits
        other than the owner's execute bit, have no form in it. Raises QuantaError when an id is unknown.
        """
        if since is None:
            return self._diff_since_branched()
        before = self._digest(since)
        after = self._take().root_digest if until is None else self._digest(until)
        old: dict[bytes, FileState] = {}
        new: dict[bytes, FileState] = {}
        for difference in compare_trees(self._store, before, after):
            for states, entry in ((old, difference.before), (new, difference.after)):
                if entry is not None and entry.kind != b"d":
                    states[difference.path] = self._state(entry)
        return unified_diff(old, new)

    def changed(self) -> set[bytes]:
        """In a branch: the paths that are not as they were when it was made, found by looking at every file."""
        return set(self.pristine.states())

    def reset(self, paths: Iterable[str | bytes | os.PathLike[str]]) -> set[bytes]:
        """In a branch: put these relative paths back to what they were when it was made; what was written or removed.

        Of a directory, everything below it. Other paths are left alone, unless one of these turns out to have a second
        hard link, for then any file may have been written through it and all are looked at. Raises ValueError for a
        path outside the tree, QuantaError when this is no branch or the file system refuses.
        """
        try:
            return reset(self.pristine, (to_bytes(path) for path in paths))
        except OSError as error:
            raise QuantaError(f"cannot reset the branch {self.root}: {error}") from error

    def close(self) -> None:
        """Remove a branch and everything in it; for any other workspace, close the store."""
        self._store.close()
        self._pristine = None
        if self._home is not None:
            self._home.remove()
            self._home = None

    def __enter__(self) -> Workspace:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take(self) -> Scan:
        try:
            with self._opened_root() as fd:
                scan = self._snapshotter.take(fd)
        except OSError as error:
            raise QuantaError(f"cannot read {self.root}: {error.strerror or error}") from error
        self._skipped = tuple(scan.skipped)
        if self._home is None:
            self._omitted = tuple(to_path(path) for path in sorted(scan.omitted))
        return scan

    def _digest(self, snapshot: SnapshotId) -> bytes:
        try:
            digest = bytes.fromhex(snapshot)
        except ValueError:
            digest = b""
        if len(digest) != 32 or not self._store.has(digest):
            raise QuantaError(f"no snapshot {snapshot!r} of {self.root} in {self._store.path}")
        return digest

    def _state(self, entry: TreeEntry) -> FileState:
        data = self._store.get(entry.digest)
        return FileState.symlink(data) if entry.kind == b"l" else FileState.file(data, entry.mode)

    def _diff_since_branched(self) -> str:
        pristine = self.pristine
        old: dict[bytes, FileState] = {}
        new: dict[bytes, FileState] = {}
        for path in pristine.states():
            if self.exclude.covers(path):
                continue
            record, content = pristine.records.get(path), pristine.content(path)
            if record is not None and content is not None:
                is_link = record.kind == stat.S_IFLNK
                old[path] = FileState.symlink(content) if is_link else FileState.file(content, record.mode)
            state = _live_state(pristine.root_fd, path)
            if state is not None:
                new[path] = state
        return unified_diff(old, new)

    @contextlib.contextmanager
    def _opened_root(self) -> Iterator[int]:
        try:
            fd = os.open(self.root, files.DIRECTORY)
        except OSError as error:
            raise QuantaError(f"cannot read {self.root}: {error.strerror}") from error
        with opened(fd):
            yield fd


class _Home:
    """The folder a branch lives in: locked while its process lives, so that anybody can tell when it is orphaned."""

    def __init__(self, origin: Path, into: Path | None) -> None:
        self.pristine: Pristine | None = None
        self._lock = -1
        self._folder: Path | None = None
        try:
            if into is not None:
                self.tree = into.absolute()
                if _is_inside(self.tree, origin):
                    raise QuantaError(f"a branch of {origin} cannot be made inside it, at {into}")
                self.tree.mkdir(parents=True, exist_ok=True)
                if any(self.tree.iterdir()):
                    raise QuantaError(f"a branch cannot be made in {into}: it is not empty")
                return
            folder = cache_dir() / "branches"
            if _is_inside(folder, origin):
                raise QuantaError(
                    f"branches would be made in {folder}, inside the project {origin}",
                    hint="set XDG_CACHE_HOME to a folder outside it",
                )
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            _sweep(folder)
            # Under its final name it is locked already, so that nobody takes it for an orphan.
            new = folder / f"{_NEW}{secrets.token_hex(8)}"
            new.mkdir(mode=0o700)
            self._lock = os.open(new / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._folder = new.rename(folder / new.name.removeprefix(_NEW))
            self.tree = self._folder / (origin.name or "root")
            self.tree.mkdir()
        except OSError as error:
            raise QuantaError(
                f"cannot make a folder for a branch: {error}", hint="set XDG_CACHE_HOME to a writable folder"
            ) from error

    def remove(self) -> None:
        """Remove the tree and everything held for it. Safe to call twice."""
        if self.pristine is not None:
            self.pristine.pack.close()
            os.close(self.pristine.root_fd)
            self.pristine = None
        _remove(self._folder or self.tree)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _sweep(folder: Path) -> None:
    """Remove branches whose process is gone."""
    for orphan in folder.iterdir():
        if orphan.name.startswith(_NEW):
            continue
        with contextlib.suppress(OSError):
            lock = os.open(orphan / "lock", os.O_RDWR)
            with opened(lock):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)  # raises while the owner lives
                _remove(orphan)


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError), opened(os.open(path.parent, files.DIRECTORY)) as fd:
        try:
            files.remove(fd, os.fsencode(path.name))
        except OSError:
            # Something in it belongs to somebody else now; take away what can be.
            shutil.rmtree(path, ignore_errors=True)


def _live_state(root_fd: int, path: bytes) -> FileState | None:
    parent, name = split(path)
    try:
        with opened(files.open_directory(root_fd, parent)) as fd:
            status = files.lstat_or_none(fd, name)
            if status is not None and stat.S_ISLNK(status.st_mode):
                return FileState.symlink(os.readlink(name, dir_fd=fd))
            if status is None or not stat.S_ISREG(status.st_mode):
                return None
            data, status = files.read_file(fd, name)
            return FileState.file(data, stat.S_IMODE(status.st_mode))
    except OSError:
        return None


def project_key(root: Path) -> str:
    """A name for a project's folder in the state directory: readable, and different for different roots."""
    readable = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in root.name)[:40]
    return f"{readable or 'root'}-{hashlib.sha256(os.fsencode(root)).hexdigest()[:16]}"


def _resolved_directory(root: Path) -> Path:
    try:
        resolved = root.resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise QuantaError(f"no such directory: {root}") from error
    if not resolved.is_dir():
        raise QuantaError(f"not a directory: {root}")
    return resolved


def _is_inside(path: Path, root: Path) -> bool:
    return path.resolve().is_relative_to(root)
