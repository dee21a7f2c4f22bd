"""The recipe's ``[[source]]`` tables: one model per kind, told apart by ``kind``."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Positive = Annotated[int, Field(gt=0)]


class _Common(BaseModel):
    """What every source can be told."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^([A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$")] = ""
    """Shown in reports and used in file names; the kind unless given. Unique in a recipe."""
    max_file_bytes: Positive = 2 << 20
    """A larger file is skipped unread: it is data."""
    group_bytes: Positive = 16 << 20
    """Raw bytes in a group, the unit of resume and of parallel work."""


class StdlibSettings(_Common):
    """The running Python's own standard library."""

    kind: Literal["stdlib"] = "stdlib"


class InstalledSettings(_Common):
    """The packages installed beside the running Python, or in the folders named."""

    kind: Literal["installed"] = "installed"
    packages: tuple[str, ...] = ()
    """Only these distributions; all when empty. Case and ``-_.`` do not matter."""
    exclude: tuple[str, ...] = ()
    """Not these distributions."""
    folders: tuple[str, ...] = ()
    """The ``site-packages`` folders to look in; the running Python's when empty."""


class ArchivesSettings(_Common):
    """Source archives: sdist, wheel, zip, tar, also compressed by gzip, bzip2 or xz."""

    kind: Literal["archives"] = "archives"
    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    """Archives, folders searched for archives, or patterns (``**/*.whl``)."""
    max_members: Positive = 200_000
    """An archive with more members is read no further."""
    max_archive_bytes: Positive = 2 << 30
    """Unpacked bytes after which an archive is read no further."""
    max_ratio: Annotated[float, Field(gt=1)] = 200.0
    """Unpacked to packed bytes above which an archive (past its first MiB) is taken for a bomb."""


class GitSettings(_Common):
    """Local git repositories, as committed; the work tree does not matter."""

    kind: Literal["git"] = "git"
    repositories: Annotated[tuple[str, ...], Field(min_length=1)]
    """Folders of repositories, bare ones too, or patterns (``checkouts/*``)."""
    commit: str = ""
    """What to read; the head of the default branch unless given."""


class Columns(BaseModel):
    """Which column of a table holds what. An empty name: no column does. Dots reach into structures (``repo.name``)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    text: str = "content"
    path: str = "path"
    repository: str = "repository"
    revision: str = "revision"
    """A commit or version; of a GitHub address, the commit in it."""
    licences: str = "licences"
    """Names or SPDX expressions: one text, or a list of those that all apply."""
    language: str = "language"
    date: str = "date"
    blob: str = ""
    """The id of a file that ``contents`` holds, for data sets without the text itself."""
    encoding: str = ""
    """The text's encoding in ``contents``, by name."""


class _Tables(_Common):
    paths: Annotated[tuple[str, ...], Field(min_length=1)]
    """Files, folders or patterns; also on an object store (``s3://bucket/code/*.parquet``)."""
    columns: Columns = Columns()
    repository: str = ""
    """The repository of rows whose column gives none; the file's name unless given."""


class JsonlSettings(_Tables):
    """JSON Lines, one document a line; also compressed by gzip, bzip2, xz or zstandard."""

    kind: Literal["jsonl"] = "jsonl"


class ParquetSettings(_Tables):
    """Parquet files, one document a row."""

    kind: Literal["parquet"] = "parquet"


class HubSettings(_Common):
    """A data set of the Hugging Face Hub, streamed; or a folder that ``datasets`` can load."""

    kind: Literal["hub"] = "hub"
    dataset: str
    """Such as ``bigcode/the-stack-dedup``. Three are known: see ``sources.presets``."""
    revision: str = "main"
    """A commit of the data set makes the corpus reproducible."""
    configuration: str = ""
    split: str = "train"
    folders: tuple[str, ...] = ()
    """Only these folders of the data set (``data/python``); all when empty."""
    columns: Columns | None = None
    """The known data sets' own unless given."""
    contents: str = ""
    """Where blobs lie, gzipped, by their ids: a folder or an object store. Software Heritage's for The Stack v2."""
    most_groups: Annotated[int, Field(ge=0)] = 0
    """Read only the first so many groups (a group is a Parquet row group or, of other formats, a file); 0 for all."""


SourceSettings = Annotated[
    StdlibSettings | InstalledSettings | ArchivesSettings | GitSettings | JsonlSettings | ParquetSettings | HubSettings,
    Field(discriminator="kind"),
]
"""One ``[[source]]`` table of a recipe."""
