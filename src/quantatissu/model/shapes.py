"""Named shapes of models, each a TOML file packaged under ``recipes/models``."""

from __future__ import annotations

import difflib
import tomllib
from importlib.resources import files

from quantatissu.foundation import QuantaError
from quantatissu.model.config import ModelConfig

_FOLDER = files("quantatissu").joinpath("recipes").joinpath("models")


def shape_names() -> list[str]:
    """The names `shape` knows, smallest model first."""
    names = [entry.name.removesuffix(".toml") for entry in _FOLDER.iterdir() if entry.name.endswith(".toml")]
    return sorted(names, key=lambda name: shape(name).parameters)


def shape(name: str) -> ModelConfig:
    """The packaged shape called ``name``. Raises QuantaError for a name nobody knows."""
    file = _FOLDER.joinpath(f"{name}.toml")
    if not file.is_file():
        known = shape_names()
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}?" if near else f"There are: {', '.join(known)}."
        raise QuantaError(f"there is no model shape {name!r}", hint=hint)
    return ModelConfig.of(tomllib.loads(file.read_text(encoding="utf-8")))
