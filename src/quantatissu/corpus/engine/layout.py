"""Where everything lies in a build folder, and the one way in which files get there: whole, or not at all."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from quantatissu.corpus.sources import Group
from quantatissu.foundation import QuantaError

# At the end of names, so that no pattern for finished files (``*.parquet``) takes one of these for one of those.
_TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a build folder. ``work`` holds what only a build in progress needs and is gone when it is done."""

    root: Path

    def kept(self, group: Group) -> Path:
        """Documents of a group that passed every stage."""
        return self._group(group, "kept")

    def dropped(self, group: Group) -> Path:
        """Files and documents of a group that were left out, and why."""
        return self._group(group, "dropped")

    def _group(self, group: Group, what: str) -> Path:
        return self.groups / group.source / f"{group.key}.{what}.parquet"

    @property
    def groups(self) -> Path:
        """One folder for each source."""
        return self.root / "groups"

    def synthetic(self, group: Group) -> Path:
        """The records made from a group, without the endings of their files."""
        return self.root / "synthetic" / group.source / group.key

    @property
    def recipe(self) -> Path:
        """The resolved recipe, written first: a folder that has it is a build."""
        return self.root / "recipe.toml"

    @property
    def duplicates(self) -> Path:
        """Which documents repeat others."""
        return self.root / "duplicates.parquet"

    @property
    def tokenizer(self) -> Path:
        """The tokenizer that the shards were made with."""
        return self.root / "tokenizer.json"

    @property
    def shards(self) -> Path:
        """Tokens, in files for each split."""
        return self.root / "shards"

    @property
    def provenance(self) -> Path:
        """Where each document in the shards came from."""
        return self.root / "provenance.parquet"

    @property
    def manifest(self) -> Path:
        """Written last: a folder that has it is a finished corpus."""
        return self.root / "manifest.json"

    @property
    def report(self) -> Path:
        """The report's page."""
        return self.root / "report.html"

    @property
    def work(self) -> Path:
        """Scratch space; everything in it can be made again."""
        return self.root / "work"

    def tokens(self, group: Group) -> Path:
        """A group's kept documents as token ids, on their way into shards."""
        return self.work / "tokens" / group.source / f"{group.key}.arrow"


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """A temporary name beside ``path`` to write to; it becomes ``path`` when the block ends, unless by an exception.

    What was written is on the disk before it gets its name: a file that exists is complete, whatever happened.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_TEMPORARY}")
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Write a small file whole or not at all."""
    with writing(path) as temporary:
        temporary.write_bytes(data)


@contextmanager
def locked(root: Path) -> Iterator[None]:
    """Keep other builds out of the folder. Raises QuantaError when one is at work there."""
    # A lock on the folder itself leaves nothing behind, and goes with the process however it ends.
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise QuantaError(
                f"another build is at work in {root}", hint="Wait for it, or choose another --out."
            ) from None
        yield
    finally:
        os.close(descriptor)


def sweep(layout: Layout, keep: set[Path]) -> None:
    """Remove what interrupted writers left, and files of groups that are no longer planned."""
    for path in sorted(layout.root.rglob(f".*{_TEMPORARY}")):
        path.unlink(missing_ok=True)
    for path in sorted(layout.groups.glob("*/*")):
        if path not in keep:
            path.unlink()
    for folder in sorted(layout.groups.glob("*")):
        if not any(folder.iterdir()):
            folder.rmdir()
