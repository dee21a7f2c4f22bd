"""From a recipe's ``[[source]]`` tables to sources."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from quantatissu.corpus.sources.archives import ArchivesSource
from quantatissu.corpus.sources.base import Source
from quantatissu.corpus.sources.git import GitSource
from quantatissu.corpus.sources.hub import HubSource
from quantatissu.corpus.sources.installed import InstalledSource
from quantatissu.corpus.sources.jsonl import JsonlSource
from quantatissu.corpus.sources.parquet import ParquetSource
from quantatissu.corpus.sources.settings import (
    ArchivesSettings,
    GitSettings,
    HubSettings,
    InstalledSettings,
    JsonlSettings,
    ParquetSettings,
    SourceSettings,
    StdlibSettings,
)
from quantatissu.corpus.sources.stdlib import StdlibSource


def open_source(settings: SourceSettings, base: Path, name: str = "") -> Source:
    """The source for one table. Relative paths in it are relative to ``base``, usually the recipe's folder.

    ``name`` is used where the table gives none, and the kind where that is empty. Nothing is opened yet.
    """
    base = base.absolute()
    name = settings.name or name or settings.kind
    match settings:
        case StdlibSettings():
            return StdlibSource(name, settings)
        case InstalledSettings():
            return InstalledSource(name, settings, tuple(base / folder for folder in settings.folders))
        case ArchivesSettings():
            return ArchivesSource(name, settings, base)
        case GitSettings():
            return GitSource(name, settings, base)
        case JsonlSettings():
            return JsonlSource(name, settings, base)
        case ParquetSettings():
            return ParquetSource(name, settings, base)
        case HubSettings():
            return HubSource(name, settings, base)


def open_sources(tables: Sequence[SourceSettings], base: Path) -> tuple[Source, ...]:
    """All sources of a recipe. Tables without a name get their kind, numbered from the second on (``jsonl-2``).

    Raises ValueError when two tables have the same name.
    """
    taken = [table.name for table in tables if table.name]
    if len(set(taken)) < len(taken):
        twice = sorted({name for name in taken if taken.count(name) > 1})
        raise ValueError(f"two sources are named {', '.join(twice)}: a name must be unique")
    used = set(taken)
    opened = []
    for table in tables:
        name, number = table.name or table.kind, 1
        while not table.name and name in used:
            number += 1
            name = f"{table.kind}-{number}"
        used.add(name)
        opened.append(open_source(table, base, name))
    return tuple(opened)
