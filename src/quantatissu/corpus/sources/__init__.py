"""Where the corpus comes from: sources that list units of work and read raw files from them, lazily and in order."""

from quantatissu.corpus.sources.base import Group, Report, Skipped, Source, ignore
from quantatissu.corpus.sources.opening import open_source, open_sources
from quantatissu.corpus.sources.settings import (
    ArchivesSettings,
    Columns,
    GitSettings,
    HubSettings,
    InstalledSettings,
    JsonlSettings,
    ParquetSettings,
    SourceSettings,
    StdlibSettings,
)

__all__ = [
    "ArchivesSettings",
    "Columns",
    "GitSettings",
    "Group",
    "HubSettings",
    "InstalledSettings",
    "JsonlSettings",
    "ParquetSettings",
    "Report",
    "Skipped",
    "Source",
    "SourceSettings",
    "StdlibSettings",
    "ignore",
    "open_source",
    "open_sources",
]
