"""Paths, folders and patterns of a recipe, resolved to files in a fixed order."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from quantatissu.corpus.sources.files import files_below
from quantatissu.foundation import QuantaError


def local_files(source: str, paths: Sequence[str], base: Path, suffixes: Sequence[str]) -> list[str]:
    """The files that ``paths`` name, sorted, each once: files as they are, folders searched for ``suffixes`` (lower
    case), patterns expanded (``**`` across folders). Relative to ``base`` where they lie in it, else absolute.

    Raises QuantaError when a path is not there or nothing is found at all.
    """
    found: set[str] = set()
    for wanted in paths:
        matches = _matches(wanted, base)
        if not matches:
            raise QuantaError(
                f"source {source}: nothing at {wanted}",
                hint=f"Relative paths start at {base}." if not os.path.isabs(wanted) else None,  # noqa: PTH117 -- text
            )
        for path in matches:
            if path.is_dir():
                found.update(
                    _shown(path / name, base) for name in files_below(path) if name.lower().endswith(tuple(suffixes))
                )
            else:
                found.add(_shown(path, base))
    if not found:
        raise QuantaError(
            f"source {source}: no files found in {', '.join(paths)}", hint=f"Looked for {', '.join(suffixes)}."
        )
    return sorted(found)


def local_folders(source: str, paths: Sequence[str], base: Path) -> list[str]:
    """The folders that ``paths`` name, sorted, each once, shown as `local_files` does. Raises QuantaError alike."""
    found: set[str] = set()
    for wanted in paths:
        folders = [path for path in _matches(wanted, base) if path.is_dir()]
        if not folders:
            raise QuantaError(f"source {source}: no folder at {wanted}", hint=f"Relative paths start at {base}.")
        found.update(_shown(path, base) for path in folders)
    return sorted(found)


def _matches(wanted: str, base: Path) -> list[Path]:
    path = base / Path(wanted).expanduser()
    if path.exists():
        return [path]
    return [Path(name) for name in sorted(glob.glob(os.fspath(path), recursive=True))]  # noqa: PTH207 -- absolute too


def _shown(path: Path, base: Path) -> str:
    # What is recorded must not depend on where the recipe's folder lies.
    normal = Path(os.path.normpath(path))
    shown = normal.relative_to(base).as_posix() if normal.is_relative_to(base) else normal.as_posix()
    try:
        shown.encode()
    except UnicodeEncodeError:
        raise QuantaError(
            f"the name {shown!r} is no valid UTF-8", hint="Rename it, so that it can be recorded."
        ) from None
    return shown
