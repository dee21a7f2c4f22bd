"""The recipe of a corpus: every setting of every stage in one TOML file, checked before any work begins.

Each part of the pipeline owns the model of its table; here they are put together. `Recipe.engine` says how to work,
never what comes out: it is left out of the hash and of everything that is written.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from quantatissu.corpus.decontaminate import DecontaminateSettings
from quantatissu.corpus.dedup import DedupSettings
from quantatissu.corpus.secrets import SecretSettings
from quantatissu.corpus.shards import ShardSettings
from quantatissu.corpus.sources import Source, SourceSettings, open_sources
from quantatissu.corpus.stages import (
    GeneratedSettings,
    LanguageSettings,
    LicenceSettings,
    ParseSettings,
    QualitySettings,
    ReservedSettings,
)
from quantatissu.corpus.synthetic import SyntheticSettings
from quantatissu.foundation import QuantaError
from quantatissu.foundation.recipes import load_recipe, parse_recipe, plain, rooted
from quantatissu.foundation.sizes import parse_bytes
from quantatissu.tokenizer import TrainSettings

_DEFAULT = "default.toml"
_NAME = r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$"


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class TokenizerSettings(_Table):
    """``path`` of a ``tokenizer.json`` to use; without one, how to ``train`` one on a seeded sample of about
    ``sample_megabytes`` of the corpus's own text.
    """

    path: Path | None = None
    train: TrainSettings = TrainSettings()
    sample_megabytes: Annotated[int, Field(ge=1)] = 32


class EngineSettings(_Table):
    """How to work: ``workers`` processes at once (0: one for each core), in at most ``memory`` (such as ``2GB``; empty:
    three quarters of what is free) for all processes together.
    """

    workers: Annotated[int, Field(ge=0)] = 0
    memory: str = ""

    @field_validator("memory")
    @classmethod
    def _size(cls, text: str) -> str:
        if text:
            parse_bytes(text)
        return text


class Recipe(_Table):
    """A corpus, from sources to shards. ``seed`` is of everything random: order and samples."""

    name: Annotated[str, Field(pattern=_NAME)]
    seed: int = 0
    source: Annotated[tuple[SourceSettings, ...], Field(min_length=1)]
    reserved: ReservedSettings = ReservedSettings()
    language: LanguageSettings = LanguageSettings()
    licence: LicenceSettings = LicenceSettings()
    generated: GeneratedSettings = GeneratedSettings()
    quality: QualitySettings = QualitySettings()
    parse: ParseSettings = ParseSettings()
    secrets: SecretSettings = SecretSettings()
    decontaminate: DecontaminateSettings = DecontaminateSettings()
    dedup: DedupSettings = DedupSettings()
    tokenizer: TokenizerSettings = TokenizerSettings()
    shards: ShardSettings = ShardSettings()
    synthetic: SyntheticSettings | None = None
    engine: EngineSettings = EngineSettings()


@dataclass(frozen=True, slots=True)
class OpenRecipe:
    """A recipe as written, and the folder from which its relative paths start."""

    recipe: Recipe
    base: Path

    @property
    def rooted(self) -> Recipe:
        """The recipe with absolute paths, to work with."""
        return rooted(self.recipe, self.base)

    def sources(self) -> tuple[Source, ...]:
        """Its sources; nothing is opened yet. Raises QuantaError for names that clash."""
        try:
            return open_sources(self.recipe.source, self.base)
        except ValueError as error:
            raise QuantaError(f"{self.recipe.name}: {error}") from error


def load(path: Path, overrides: Sequence[str] = ()) -> OpenRecipe:
    """The recipe in a file. Raises QuantaError, in a line for each mistake."""
    return OpenRecipe(load_recipe(path, Recipe, overrides), path.resolve().parent)


def default_recipe(overrides: Sequence[str] = ()) -> OpenRecipe:
    """The embedded recipe: this Python's standard library and installed packages. Works on any machine, offline."""
    text = files("quantatissu.corpus").joinpath(_DEFAULT).read_text(encoding="utf-8")
    return OpenRecipe(parse_recipe(text, Recipe, overrides, name="the default recipe"), Path.cwd())


def settled(recipe: Recipe) -> dict[str, Any]:
    """What decides the output, as plain data: everything but ``engine``."""
    table = plain(recipe)
    del table["engine"]
    return table
