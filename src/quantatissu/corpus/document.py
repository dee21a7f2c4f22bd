"""What flows through the corpus pipeline: raw files as sources read them, documents as stages see them, and drops."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a document came from.

    ``source`` is the source's name in the recipe, ``repository`` a package, a remote or a data set, ``revision`` its
    version or commit (empty when unknown), ``path`` the POSIX path inside it, ``date`` that of the revision (ISO 8601,
    empty when unknown).
    """

    source: str
    repository: str
    revision: str
    path: str
    date: str = ""


@dataclass(frozen=True, slots=True)
class RawFile:
    """A file as a source read it.

    ``licences`` are names or SPDX expressions that the source itself declares (package metadata, a data set's column);
    ``licence_texts`` the texts of licence files that cover it; ``language`` what the source says it is.
    """

    origin: Origin
    data: bytes
    licences: tuple[str, ...] = ()
    licence_texts: tuple[str, ...] = ()
    language: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A file on its way into the corpus: text with LF line ends, and what the stages have found out about it.

    ``language`` is a name of `corpus.languages` (``python``, ``c++``), ``licences`` SPDX identifiers, ``redactions``
    how many secrets of each kind were taken out. ``id`` does not depend on what stages do to the text.
    """

    id: str
    origin: Origin
    text: str
    size: int  # bytes as read
    language: str = ""
    licences: tuple[str, ...] = ()
    licence_texts: tuple[str, ...] = ()
    redactions: Mapping[str, int] = field(default_factory=dict)

    def with_(self, **changes: object) -> Document:
        """A copy with some fields changed."""
        return replace(self, **changes)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Drop:
    """Why a document was left out: the stage, a short reason in snake_case, and for people the measured detail.

    ``detail`` is printed in reports: it never holds text of the document that might be a secret.
    """

    stage: str
    reason: str
    detail: str = ""


class Stage(Protocol):
    """A pure function from a document to the document, perhaps changed, or to the reason for leaving it out."""

    @property
    def name(self) -> str: ...

    def __call__(self, document: Document) -> Document | Drop: ...


def document_id(origin: Origin, data: bytes) -> str:
    """32 hexadecimal digits that depend on a file's content and where it came from, and on nothing else."""
    digest = hashlib.blake2b(digest_size=16)
    for part in (origin.source, origin.repository, origin.revision, origin.path):
        digest.update(part.encode("utf-8", "surrogateescape") + b"\0")
    digest.update(data)
    return digest.hexdigest()
