"""One group from its source to its two files: every document is kept, or dropped with a reason."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field

from quantatissu.corpus.dedup import sign
from quantatissu.corpus.document import Document, Drop, Origin, RawFile, Stage, document_id
from quantatissu.corpus.engine.layout import Layout, writing
from quantatissu.corpus.engine.schema import DROPPED, KEPT, Table, dropped_columns, kept_columns
from quantatissu.corpus.sources import Group, Skipped, Source
from quantatissu.corpus.stages import decode

BATCH_CHARACTERS = 4 << 20
"""Texts held before they are written as one row group, so that a worker's memory does not depend on its group."""
_DROPPED_ROWS = 4096
_EXCERPT = 200
_EXCERPT_CONTEXT = 4000  # redacted as a whole, so that a secret that the excerpt's end would cut is still recognised

_DroppedRow = tuple[str, str, Origin, int, Drop, str]


@dataclass(slots=True)
class Tally:
    """What a group came to. ``read_bytes`` are those of the files as read, ``seconds`` the worker's wall-clock time."""

    read: int = 0
    read_bytes: int = 0
    kept: int = 0
    kept_bytes: int = 0
    seconds: float = 0.0

    def add(self, other: Tally) -> None:
        """Count another group's too."""
        for name in ("read", "read_bytes", "kept", "kept_bytes", "seconds"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The stages every document goes through, in order, and the one that redacts secrets from what people are shown."""

    stages: tuple[Stage, ...]
    redact: Stage

    def judge(self, raw: RawFile) -> tuple[Document | None, Document | Drop]:
        """The document as far as it came (None when it could not be decoded), and what became of it.

        A stage that raises drops the document: one odd file must not end a build of millions.
        """
        try:
            current = decode(raw)
        except Exception as error:
            return None, Drop("decode", "failed", type(error).__name__)
        if isinstance(current, Drop):
            return None, current
        for stage in self.stages:
            try:
                result = stage(current)
            except Exception as error:
                return current, Drop(stage.name, "failed", type(error).__name__)
            if isinstance(result, Drop):
                return current, result
            current = result
        return current, current

    def excerpt(self, document: Document, drop: Drop) -> str:
        """The beginning of a dropped document for reports; empty where it could show a secret."""
        if drop.stage == self.redact.name:
            return ""
        head = document.with_(text=document.text[:_EXCERPT_CONTEXT])
        try:
            redacted = self.redact(head)
        except Exception:
            return ""
        return "" if isinstance(redacted, Drop) else redacted.text[:_EXCERPT]


@dataclass(slots=True)
class _Output:
    """The two files of a group while they are written."""

    pipeline: Pipeline
    kept: Table
    dropped: Table
    rank: int
    tally: Tally = field(default_factory=Tally)
    _documents: list[Document] = field(default_factory=list)
    _characters: int = 0
    _drops: list[_DroppedRow] = field(default_factory=list)
    _ids: set[str] = field(default_factory=set)

    def take(self, raw: RawFile) -> None:
        self.tally.read += 1
        self.tally.read_bytes += len(raw.data)
        seen, result = self.pipeline.judge(raw)
        if isinstance(result, Document) and result.id in self._ids:
            result = Drop("read", "repeated", "the same file of the same revision, twice in one group")
        if isinstance(result, Document):
            self._keep(result)
        elif seen is not None:
            excerpt = self.pipeline.excerpt(seen, result)
            self._drop((seen.id, seen.language, seen.origin, seen.size, result, excerpt))
        else:
            identity = document_id(raw.origin, raw.data)
            self._drop((identity, raw.language, raw.origin, len(raw.data), result, ""))

    def skipped(self, skipped: Skipped) -> None:
        self.tally.read += 1
        drop = Drop("read", skipped.reason, skipped.detail)
        self._drop((document_id(skipped.origin, b""), "", skipped.origin, skipped.size, drop, ""))

    def flush(self) -> None:
        if self._documents:
            signatures = sign([document.text for document in self._documents])
            self.kept.write(kept_columns(self._documents, signatures, self.rank))
            self._documents, self._characters = [], 0
        if self._drops:
            self.dropped.write(dropped_columns(self._drops))
            self._drops = []

    def _keep(self, document: Document) -> None:
        self.tally.kept += 1
        self.tally.kept_bytes += document.size
        self._ids.add(document.id)
        self._documents.append(document)
        self._characters += len(document.text)
        if self._characters >= BATCH_CHARACTERS:
            self.flush()

    def _drop(self, row: _DroppedRow) -> None:
        self._drops.append(row)
        if len(self._drops) >= _DROPPED_ROWS:
            self.flush()


def run_group(source: Source, group: Group, pipeline: Pipeline, layout: Layout, *, key: str, rank: int) -> Tally:
    """Read a group, judge its files, and write its kept and dropped files, whole or not at all.

    ``key`` goes into the files' metadata, ``rank`` into the rows. The kept file is named last: where it is, both are.
    """
    began = time.perf_counter()
    with contextlib.ExitStack() as renaming:
        kept_path = renaming.enter_context(writing(layout.kept(group)))
        dropped_path = renaming.enter_context(writing(layout.dropped(group)))
        with Table(kept_path, KEPT, key) as kept, Table(dropped_path, DROPPED, key) as dropped:
            output = _Output(pipeline, kept, dropped, rank)
            for raw in source.read(group, output.skipped):
                output.take(raw)
            output.flush()
    output.tally.seconds = time.perf_counter() - began
    return output.tally
