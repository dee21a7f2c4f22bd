"""From a live tree to the store: one walk, and only files whose status changed are read."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field

from quantatissu.workspace import files
from quantatissu.workspace.exclusions import Excluded, Exclusions
from quantatissu.workspace.files import Skipped, join, to_path
from quantatissu.workspace.store import Known, Store, TreeEntry, encode_tree

# A file whose status changed this shortly before it was read could change again within the same tick of the file
# system's clock, and its status would not tell: such a file is left out of the index and read again next time.
_TICK_NS = 50_000_000
_COARSE_TICK_NS = 2_000_000_000
_SECOND_NS = 1_000_000_000


def settled(status: os.stat_result, now_ns: int) -> bool:
    """Whether any change after `now_ns` must show in the file's status."""
    latest = max(status.st_mtime_ns, status.st_ctime_ns)
    whole_seconds = status.st_ctime_ns % _SECOND_NS == 0
    return latest < now_ns - (_COARSE_TICK_NS if whole_seconds else _TICK_NS)


@dataclass(slots=True)
class Scan:
    """What one walk found besides the tree itself; paths are relative to the root."""

    root_digest: bytes = b""
    omitted: list[bytes] = field(default_factory=list)
    caches: list[bytes] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)


class Snapshotter:
    """Walks one tree into one store, keeping the index of what it has read."""

    def __init__(self, store: Store, root: str, exclusions: Exclusions) -> None:
        self._store = store
        self._root = root
        self._exclusions = exclusions
        self._loaded = False
        self._index: dict[bytes, Known] = {}
        self._fresh: dict[bytes, Known] = {}
        self._scan = Scan()
        self._trees: dict[bytes, tuple[bytes, bytes]] = {}

    def take(self, root_fd: int) -> Scan:
        """Store the tree below `root_fd`. Raises QuantaError when the store cannot be used."""
        if not self._loaded:
            self._index = self._store.load_index(self._root)
            self._loaded = True
        self._fresh = {}
        self._scan = scan = Scan()
        with files.opened(os.open(".", files.DIRECTORY, dir_fd=root_fd)) as fd:
            scan.root_digest = self._directory(fd, b"", 0) or b""  # the root itself is never excluded
        self._store.flush()
        if self._fresh != self._index:
            self._store.save_index(self._root, self._fresh)
            self._index = self._fresh
        return scan

    def _directory(self, fd: int, path: bytes, depth: int) -> bytes | None:
        """Store the directory and return its digest; None when it turns out to be an environment."""
        with os.scandir(fd) as listing:
            found = list(listing)
        if path and self._exclusions.is_environment([entry.name for entry in found]):
            self._scan.omitted.append(path)
            return None
        entries: dict[bytes, TreeEntry] = {}
        index, fresh, exclusions, scan = self._index, self._fresh, self._exclusions, self._scan
        prefix = path + b"/" if path else b""
        for item in found:
            name = os.fsencode(item.name)
            child = prefix + name
            try:
                status = item.stat(follow_symlinks=False)
                mode = status.st_mode
                if stat.S_ISREG(mode):
                    if exclusions.file(item.name, child):
                        scan.omitted.append(child)
                        continue
                    known = index.get(child)
                    if (
                        known is None
                        or known[4] != status.st_ctime_ns
                        or known[3] != status.st_mtime_ns
                        or known[2] != status.st_size
                        or known[1] != status.st_ino
                        or known[0] != status.st_dev
                    ):
                        digest, mode = self._read(fd, name, child)
                    else:
                        fresh[child] = known
                        digest = known[5]
                    entries[name] = TreeEntry(b"f", stat.S_IMODE(mode), digest)
                elif stat.S_ISDIR(mode):
                    inner = self._subdirectory(fd, item.name, child, depth + 1)
                    if inner is not None:
                        entries[name] = TreeEntry(b"d", stat.S_IMODE(mode), inner)
                elif stat.S_ISLNK(mode):
                    target = os.readlink(name, dir_fd=fd)
                    entries[name] = TreeEntry(b"l", 0, self._store.put(target))
                else:
                    scan.skipped.append(Skipped(to_path(child), files.kind_in_words(mode)))
            except FileNotFoundError:
                continue  # gone since it was listed
            except OSError as error:
                scan.skipped.append(Skipped(to_path(child), error.strerror or str(error)))
        return self._put_tree(path, encode_tree(entries))

    def _subdirectory(self, parent: int, name: str, path: bytes, depth: int) -> bytes | None:
        why = self._exclusions.directory(name, path)
        if why is not None:
            (self._scan.omitted if why is Excluded.OMITTED else self._scan.caches).append(path)
            return None
        if depth > files.MAX_DEPTH:
            self._scan.skipped.append(Skipped(to_path(path), "nested too deeply"))
            return None
        with files.opened(os.open(name, files.DIRECTORY, dir_fd=parent)) as fd:
            return self._directory(fd, path, depth)

    def _read(self, directory: int, name: bytes, path: bytes) -> tuple[bytes, int]:
        now = time.time_ns()
        data, status = files.read_file(directory, name)
        digest = self._store.put(data)
        if len(data) == status.st_size and settled(status, now):
            self._fresh[path] = Known(
                status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns, digest
            )
        return digest, status.st_mode

    def _put_tree(self, path: bytes, listing: bytes) -> bytes:
        """Store a listing, unless it is the one this path had last time: most directories do not change."""
        last = self._trees.get(path)
        if last is not None and last[0] == listing:
            return last[1]
        digest = self._store.put(listing)
        self._trees[path] = (listing, digest)
        return digest


def find_omitted(root_fd: int, exclusions: Exclusions) -> list[bytes]:
    """The omitted paths of a tree, without looking at its files."""
    omitted: list[bytes] = []

    def visit(fd: int, path: bytes, depth: int) -> None:
        with os.scandir(fd) as listing:
            found = list(listing)
        if path and exclusions.is_environment([entry.name for entry in found]):
            omitted.append(path)
            return
        for item in found:
            child = join(path, os.fsencode(item.name))
            if item.is_dir(follow_symlinks=False):
                why = exclusions.directory(item.name, child)
                if why is Excluded.OMITTED:
                    omitted.append(child)
                elif why is None and depth < files.MAX_DEPTH:
                    try:
                        inner = os.open(item.name, files.DIRECTORY, dir_fd=fd)
                    except OSError:
                        continue  # unreadable, or gone: a walk that needs its contents reports it
                    with files.opened(inner):
                        visit(inner, child, depth + 1)
            elif item.is_file(follow_symlinks=False) and exclusions.file(item.name, child):
                omitted.append(child)

    with files.opened(os.open(".", files.DIRECTORY, dir_fd=root_fd)) as fd:
        visit(fd, b"", 0)
    return omitted


@dataclass(frozen=True, slots=True)
class Difference:
    """What became of one path between two trees; None where it did not exist."""

    path: bytes
    before: TreeEntry | None
    after: TreeEntry | None


def compare_trees(store: Store, before: bytes, after: bytes) -> list[Difference]:
    """The paths in which two stored trees differ, parents before children, in byte order of their parts.

    A directory appears when it came, went or changed its mode, and its contents appear one by one.
    """
    found: list[Difference] = []

    def visit(path: bytes, old_digest: bytes | None, new_digest: bytes | None) -> None:
        old = store.tree(old_digest) if old_digest else {}
        new = store.tree(new_digest) if new_digest else {}
        for name in sorted(old.keys() | new.keys()):
            left, right = old.get(name), new.get(name)
            if left == right:
                continue
            child = join(path, name)
            left_tree = left.digest if left is not None and left.kind == b"d" else None
            right_tree = right.digest if right is not None and right.kind == b"d" else None
            if not (left_tree and right_tree and left and right and left.mode == right.mode):
                found.append(Difference(child, left, right))
            if left_tree != right_tree:
                visit(child, left_tree, right_tree)

    if before != after:
        visit(b"", before, after)
    return found
