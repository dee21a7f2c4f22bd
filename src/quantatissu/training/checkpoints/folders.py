"""Checkpoints on disk: complete or absent, the last few and the best kept.

    checkpoints/step-00000500/   an ordinary Hugging Face folder, and in it
        training.json            step, sample index, random states, scores: everything that is no tensor
        state/                   optimizer and averages, in safetensors

        files.json               the size of every other file

A checkpoint is written under another name, flushed, and renamed in one step; it is renamed again before it is deleted.
So a folder with the name of a checkpoint is a whole one, whenever the power goes. Where folders are really names in an
object store a rename is many small ones: there `files.json` tells a whole checkpoint from one on its way.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from quantatissu.foundation import QuantaError
from quantatissu.training.checkpoints.behind import Behind

if TYPE_CHECKING:
    from quantatissu.training.parallel import Group

TRAINING = "training.json"
_FILES = "files.json"
_NAME = re.compile(r"step-(\d{8,})")
_PARTIAL = ".partial-"
_DELETED = ".deleted-"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A whole one."""

    path: Path
    step: int

    def training(self) -> dict[str, Any]:
        """What `training.json` holds. Raises QuantaError when it was damaged."""
        try:
            state: dict[str, Any] = json.loads((self.path / TRAINING).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise QuantaError(
                f"the checkpoint {self.path} is damaged: {error}",
                hint="Delete its folder to resume from the one before.",
            ) from error
        return state


class Checkpoints:
    """The folder ``checkpoints`` of a run.

    All processes of ``group`` write together, and the main one says when a checkpoint is whole. With ``background``
    they write while training goes on, one checkpoint at a time.
    """

    def __init__(self, folder: Path, group: Group | None = None, *, background: bool = False) -> None:
        self.folder, self._group = folder, group
        self._behind = Behind() if background else None

    def all(self) -> list[Checkpoint]:
        """The whole ones, oldest first."""
        if not self.folder.is_dir():
            return []
        named = ((_NAME.fullmatch(path.name), path) for path in self.folder.iterdir())
        found = (Checkpoint(path, int(match[1])) for match, path in named if match and _is_whole(path))
        return sorted(found, key=lambda one: one.step)

    def last(self) -> Checkpoint | None:
        """The newest, or None."""
        found = self.all()
        return found[-1] if found else None

    def clean(self) -> None:
        """Remove what a kill left half written or half deleted."""
        if self._main and self.folder.is_dir():
            for path in self.folder.iterdir():
                if path.name.startswith((_PARTIAL, _DELETED)):
                    shutil.rmtree(path, ignore_errors=True)
        self._together()

    def write(self, step: int, copy: Callable[[Path], Callable[[], None]]) -> None:
        """Make the checkpoint of `step`. ``copy`` is handed a new, empty folder; it copies everything as it is now, and
        returns what writes the copies into the folder. Raises QuantaError when this one or the one before failed.
        """
        self.wait()
        partial = self.folder / f"{_PARTIAL}{step:08}"
        with _told(step):
            if self._main:
                shutil.rmtree(partial, ignore_errors=True)
                partial.mkdir(parents=True)
        self._together()
        write = copy(partial)

        def finish() -> None:
            with _told(step):
                write()
                if self._main:
                    self._complete(partial, step)

        self._do(finish)

    def prune(self, keep: int, best: Iterable[int]) -> None:
        """Delete all but the last `keep` and those of the steps `best`, as soon as what is being written is whole."""
        spared = set(best)

        def delete() -> None:
            for one in self.all()[:-keep]:
                if one.step not in spared:
                    self._delete(one.path)

        if self._main:
            self._do(delete)

    def wait(self) -> None:
        """Until nothing is being written any more. Raises QuantaError when it failed."""
        if self._behind is not None:
            self._behind.wait()

    @contextmanager
    def written(self) -> Iterator[None]:
        """What is begun inside is on the disk when this ends, however it ends."""
        try:
            yield
        except BaseException:
            with suppress(Exception):
                self.wait()
            raise
        self.wait()

    @property
    def _main(self) -> bool:
        return self._group is None or self._group.main

    def _together(self) -> None:
        if self._group is not None:
            self._group.wait()

    def _do(self, work: Callable[[], None]) -> None:
        if self._behind is None:
            work()
        else:
            self._behind.add(work)

    def _complete(self, partial: Path, step: int) -> None:
        """Make what was written a checkpoint."""
        path = self.folder / f"step-{step:08}"
        (partial / _FILES).write_text(json.dumps(_sizes(partial), indent=1) + "\n", encoding="utf-8")
        _flush(partial)
        if path.exists():
            self._delete(path)
        partial.rename(path)
        _flush_folder(self.folder)

    def _delete(self, path: Path) -> None:
        away = path.with_name(f"{_DELETED}{path.name}")
        shutil.rmtree(away, ignore_errors=True)
        path.rename(away)
        shutil.rmtree(away, ignore_errors=True)


@contextmanager
def _told(step: int) -> Iterator[None]:
    """Errors of the disk, in words."""
    try:
        yield
    except OSError as error:
        raise QuantaError(
            f"the checkpoint of step {step:,} cannot be written: {error}",
            hint="The last whole one is still there; --resume goes on from it.",
        ) from error


def _sizes(folder: Path) -> dict[str, int]:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _is_whole(folder: Path) -> bool:
    """Whether every file that was written is there at its size; a card may have been added since."""
    try:
        written: dict[str, int] = json.loads((folder / _FILES).read_text(encoding="utf-8"))
        return all((folder / name).stat().st_size == size for name, size in written.items())
    except (OSError, ValueError):
        return False


def _flush(folder: Path) -> None:
    """Get every file below `folder` onto the disk."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            _flush_folder(path)
    _flush_folder(folder)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
