"""The record of one apply, on disk in one file that is replaced in one step."""

from __future__ import annotations

import base64
import enum
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError

_SUFFIX = ".json"


class State(enum.Enum):
    """``PENDING``: files may be as before, as after, or mixed. ``DONE``: all of them were written."""

    PENDING = "pending"
    DONE = "done"


@dataclass(slots=True)
class FileChange:
    """One file: ``path`` as it was named, ``target`` where it really is (both relative to the root), permission bits,
    time and bytes before (None: there was none) and bytes after; the temporary file's name; folders made for it."""

    path: str
    target: str
    mode: int
    mtime_ns: int
    before: bytes | None
    after: bytes
    temporary: str
    created: list[str] = field(default_factory=list)

    def temporary_in(self, root: Path) -> Path:
        return (root / self.target).with_name(self.temporary)


@dataclass(slots=True)
class Journal:
    """One apply in the journal `folder`; ids sort by age."""

    folder: Path
    id: str
    state: State
    files: list[FileChange]

    def save(self) -> None:
        """Write the entry, durably. Raises OSError."""
        rows = [
            {
                "path": os.fsencode(change.path).hex(),
                "target": os.fsencode(change.target).hex(),
                "mode": change.mode,
                "mtime_ns": change.mtime_ns,
                "before": None if change.before is None else base64.b64encode(change.before).decode("ascii"),
                "after": base64.b64encode(change.after).decode("ascii"),
                "temporary": change.temporary,
                "created": [os.fsencode(folder).hex() for folder in change.created],
            }
            for change in self.files
        ]
        data = json.dumps({"version": 1, "state": self.state.value, "files": rows}).encode("ascii")
        temporary = self.folder / f".{self.id}.tmp"
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(self._path)
        self._sync()

    def remove(self) -> None:
        """Forget the entry, durably. Raises OSError."""
        self._path.unlink(missing_ok=True)
        self._sync()

    @property
    def _path(self) -> Path:
        return self.folder / (self.id + _SUFFIX)

    def _sync(self) -> None:
        fd = os.open(self.folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def list_journals(folder: Path) -> list[Journal]:
    """The entries in `folder`, oldest first. Raises QuantaError when one cannot be read."""
    return [_load(path) for path in sorted(folder.glob(f"[0-9]*{_SUFFIX}"))]


def _load(path: Path) -> Journal:
    try:
        raw = json.loads(path.read_bytes())
        return Journal(path.parent, path.stem, State(raw["state"]), [_change(row) for row in raw["files"]])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise QuantaError(
            f"the undo record {path} cannot be read: {error}", hint="remove that file to give up on undoing it"
        ) from error


def _change(row: dict[str, Any]) -> FileChange:
    def name(text: str) -> str:
        return os.fsdecode(bytes.fromhex(text))

    return FileChange(
        path=name(row["path"]),
        target=name(row["target"]),
        mode=row["mode"],
        mtime_ns=row["mtime_ns"],
        before=None if row["before"] is None else base64.b64decode(row["before"]),
        after=base64.b64decode(row["after"]),
        temporary=row["temporary"],
        created=[name(folder) for folder in row["created"]],
    )
