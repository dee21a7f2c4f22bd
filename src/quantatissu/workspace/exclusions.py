"""Which directories are not the project's sources, and so are neither snapshotted nor copied."""

from __future__ import annotations

import enum
import os
from collections.abc import Iterable
from dataclasses import dataclass


class Excluded(enum.Enum):
    """Why a directory stays out: something else owns it (``OMITTED``), or it can be rebuilt (``CACHE``)."""

    OMITTED = "omitted"
    CACHE = "cache"


_REPOSITORIES = frozenset([".git", ".hg", ".svn", ".bzr", ".jj"])
_ENVIRONMENTS = frozenset([".venv", ".tox", ".nox", ".direnv", ".pixi", ".eggs", "__pypackages__", "node_modules"])
_CHECKER_CACHES = frozenset([".mypy_cache", ".ruff_cache", ".pytype", ".pyre", ".import_linter_cache"])
_RUNNER_CACHES = frozenset(["__pycache__", ".pytest_cache", ".hypothesis", ".benchmarks", ".ipynb_checkpoints"])
_MARKERS = frozenset(["pyvenv.cfg", "conda-meta"])


@dataclass(frozen=True, slots=True)
class Exclusions:
    """What to leave out of snapshots and branches.

    ``omitted`` are directory names that a run may still need (repositories, environments): a branch lists those it
    found. ``caches`` are directory names that any tool rebuilds: a branch starts without them. A directory that holds
    one of ``markers`` is an environment whatever its name. ``paths`` are single paths relative to the root, as bytes;
    they count as omitted. Names match at any depth, and real directories only: a symlink called ``.venv`` is a small
    file like any other. ``.git`` also matches as a file, which is how worktrees and submodules have it.
    """

    omitted: frozenset[str] = _REPOSITORIES | _ENVIRONMENTS
    caches: frozenset[str] = _CHECKER_CACHES | _RUNNER_CACHES
    markers: frozenset[str] = _MARKERS
    paths: frozenset[bytes] = frozenset()

    def directory(self, name: str, path: bytes) -> Excluded | None:
        """Whether the directory `name` at `path` (relative to the root) stays out, judged before it is opened."""
        if name in self.omitted or path in self.paths:
            return Excluded.OMITTED
        return Excluded.CACHE if name in self.caches else None

    def file(self, name: str, path: bytes) -> bool:
        """Whether the file `name` at `path` stays out."""
        return (name == ".git" and ".git" in self.omitted) or path in self.paths

    def covers(self, path: bytes) -> bool:
        """Whether `path` is, or lies inside, something excluded by name; markers are not looked for."""
        parts = path.split(b"/")
        names = [os.fsdecode(part) for part in parts]
        return self.file(names[-1], path) or any(
            self.directory(name, b"/".join(parts[: at + 1])) is not None for at, name in enumerate(names)
        )

    def is_environment(self, names: Iterable[str]) -> bool:
        """Whether a directory with entries `names` is an environment."""
        return not self.markers.isdisjoint(names)

    def adding(self, paths: Iterable[bytes]) -> Exclusions:
        """These, and `paths` too."""
        return Exclusions(self.omitted, self.caches, self.markers, self.paths | frozenset(paths))


DEFAULT_EXCLUSIONS = Exclusions()
