"""A task: a package, the faults put into it, and which failing test is shown. Stored as a small JSON manifest.

A fault is recorded as the few characters it changes, so a manifest holds no copy of a file. Which of the other tests
are hidden is not listed but computed from the task's id (`benchmarks.repair.layout.hidden`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

FOLDER = Path(__file__).parent / "tasks"
Split = Literal["dev", "test"]
Source = Literal["mutant", "release", "pair"]


@dataclass(frozen=True, slots=True)
class Fault:
    """One change to right source code: ``before`` at characters ``start`` of the file becomes ``after``.

    ``line`` (from 1) is where that is, ``operator`` what made it (a mutation operator, or the two releases whose
    difference it is), ``kind`` the family for reports. ``before`` is what a repair should restore.
    """

    file: str
    line: int
    start: int
    before: str
    after: str
    operator: str
    kind: str

    def apply(self, text: str) -> str:
        """`text` with the fault put in. Raises ValueError when the right code is not where it should be."""
        end = self.start + len(self.before)
        if text[self.start : end] != self.before:
            raise ValueError(f"{self.file}:{self.line} does not hold {self.before!r}")
        return text[: self.start] + self.after + text[end:]


@dataclass(frozen=True, slots=True)
class Task:
    """``source`` tells how the fault came about, ``stage`` how it shows: in a test, at import, or as a hang.

    ``shown`` are the failing test functions ("file::name") the tool sees, one for each fault; ``failing`` all that
    fail because of the faults (not listed for ``import``, where next to all do); ``failing_count`` the number of
    failing test ids out of ``passing_count`` that pass without the faults. ``sha256`` is the archive's.
    """

    id: str
    package: str
    version: str
    sha256: str
    split: Split
    source: Source
    kind: str
    stage: Literal["test", "import", "hang"]
    faults: tuple[Fault, ...]
    shown: tuple[str, ...]
    failing: tuple[str, ...]
    failing_count: int
    passing_count: int


def save(task: Task, folder: Path = FOLDER) -> Path:
    """Write the manifest of `task`; its file is named after its id."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{task.id}.json"
    path.write_text(json.dumps(asdict(task), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def load(path: Path) -> Task:
    """Read one manifest. Raises ValueError when it is not one."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        data["faults"] = tuple(Fault(**fault) for fault in data["faults"])
        data |= {key: tuple(data[key]) for key in ("shown", "failing")}
        return Task(**data)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{path} is not a task manifest: {error}") from error


def load_all(folder: Path = FOLDER, *, split: str | None = None, ids: Iterable[str] = ()) -> list[Task]:
    """All tasks of a split (of both, without one), or just those named by `ids`, sorted by id."""
    wanted = set(ids)
    tasks = [load(path) for path in sorted(folder.glob("*.json"))]
    if unknown := wanted - {task.id for task in tasks}:
        raise ValueError(f"no such task: {', '.join(sorted(unknown))}")
    if wanted:
        return [task for task in tasks if task.id in wanted]
    return [task for task in tasks if split is None or task.split == split]
