"""One named task of a task runner, as plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Task:
    """The command lines of a task, in order: shell text, or words that never pass a shell.

    ``folder`` is relative to the project. ``venvs`` are the environment folders in which the runner would run it.
    """

    origin: str
    lines: tuple[str | tuple[str, ...], ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: str = "."
    venvs: tuple[Path, ...] = ()


class Unresolved(Exception):
    """The task uses more of its runner's language than is read here."""
