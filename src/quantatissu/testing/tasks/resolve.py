"""From the words of a task runner's command to the tasks it names."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quantatissu.testing.tasks import make, nox, scripts, tox
from quantatissu.testing.tasks.model import Task, Unresolved

_READERS = {
    "tox": tox.read,
    "nox": nox.read,
    "make": make.read,
    "gmake": make.read,
    "hatch": scripts.read_hatch,
    "pdm": scripts.read_pdm,
    "poe": scripts.read_poe,
}


def resolve(runner: str, arguments: Sequence[str], root: Path, folder: str = ".") -> list[Task]:
    """The tasks that ``runner arguments`` names, run from ``folder`` of the project.

    Empty when the runner is unknown, its file is missing, or its language is used beyond what is read here.
    """
    reader = _READERS.get(runner)
    if reader is None:
        return []
    try:
        return reader(list(arguments), root, folder)
    except (Unresolved, RecursionError):
        return []
