"""Checkpoints that come with the package, by name."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

_FOLDER = "weights"


def packaged_names() -> list[str]:
    """The names `packaged` knows."""
    folder = files("quantatissu").joinpath(_FOLDER)
    return sorted(entry.name for entry in folder.iterdir() if entry.is_dir()) if folder.is_dir() else []


def packaged(name: str) -> Path | None:
    """The folder of the checkpoint `name`, or None: config, packed weights, tokenizer, card."""
    if name not in packaged_names():
        return None
    return Path(str(files("quantatissu").joinpath(_FOLDER).joinpath(name)))
