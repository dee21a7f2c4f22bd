"""Kept documents as tokens: the second map over groups, between finding duplicates and writing shards."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from quantatissu.corpus.engine.groups import Planned, pack, unpack
from quantatissu.corpus.engine.identity import digest
from quantatissu.corpus.engine.ids import IdSet
from quantatissu.corpus.engine.layout import Layout, writing
from quantatissu.corpus.engine.plan import map_jobs
from quantatissu.corpus.engine.schema import KEY
from quantatissu.corpus.engine.shuffle import ORDER, order_of

if TYPE_CHECKING:
    from quantatissu.corpus.shards import Splits
    from quantatissu.foundation.progress import Progress
    from quantatissu.tokenizer import Tokenizer

TOKENS = pa.schema(
    [
        (ORDER, pa.uint64()),
        ("split", pa.string()),
        ("id", pa.string()),
        ("source", pa.string()),
        ("repository", pa.string()),
        ("revision", pa.string()),
        ("path", pa.string()),
        ("licences", pa.list_(pa.string())),
        ("language", pa.string()),
        ("content_hash", pa.binary(16)),
        ("tokens", pa.large_binary()),
    ]
)
"""``tokens`` are ids in the tokenizer's own little-endian type; the rest goes into the provenance table."""

_COPIED = ("id", "source", "repository", "revision", "path", "licences", "language", "content_hash")


@dataclass(frozen=True)
class TokenWork:
    """Tokenises one group's documents but for duplicates. Travels to the workers, which load tokenizer and duplicates
    once each.
    """

    root: Path
    seed: int
    splits: Splits

    def __call__(self, job: str) -> str:
        planned = unpack(job)
        layout = Layout(self.root)
        schema = TOKENS.with_metadata({KEY: planned.key.encode()})
        count = 0
        with writing(layout.tokens(planned.group)) as path, pa.ipc.new_file(path, schema) as file:
            for batch in self._batches(layout.kept(planned.group)):
                columns = self._columns(batch)
                count += sum(map(len, columns["tokens"])) // self._tokenizer.dtype.itemsize
                file.write_batch(_record_batch(columns, schema))
        return str(count)

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        from quantatissu.tokenizer import load_tokenizer

        return load_tokenizer(Layout(self.root).tokenizer)

    @cached_property
    def _duplicates(self) -> IdSet:
        return read_duplicates(Layout(self.root).duplicates)

    def _batches(self, path: Path) -> Iterator[pa.RecordBatch]:
        with pq.ParquetFile(path) as file:
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, columns=[*_COPIED, "text"])
                repeated = self._duplicates.contains(table.column("id").to_pylist())
                yield from table.filter(pa.array(~repeated)).to_batches()

    def _columns(self, batch: pa.RecordBatch) -> dict[str, Any]:
        ids = batch.column("id").to_pylist()
        encoded = self._tokenizer.encode_batch(batch.column("text").to_pylist())
        repositories = batch.column("repository").to_pylist()
        return {
            **{name: batch.column(name) for name in _COPIED},
            ORDER: [order_of(identity, self.seed) for identity in ids],
            "split": [self.splits.of(repository) for repository in repositories],
            "tokens": [ids_.tobytes() for ids_ in encoded],
        }


def read_duplicates(path: Path) -> IdSet:
    """The ids of documents that another one makes superfluous."""
    return IdSet(pq.read_table(path, columns=["id"]).column("id").to_pylist())


def _record_batch(columns: dict[str, Any], schema: pa.Schema) -> pa.RecordBatch:
    arrays = [
        column if isinstance(column, pa.Array) else pa.array(column, field.type)
        for field, column in ((field, columns[field.name]) for field in schema)
    ]
    return pa.record_batch(arrays, schema=schema)


def do_tokens(
    layout: Layout, planned: Sequence[Planned], key: str, work: TokenWork, *, workers: int, progress: Progress
) -> list[Path]:
    """Tokenise every group that is not done with ``key``, which stands for tokenizer, duplicates and splits. Returns
    the files of all groups, in their order.
    """
    keyed = [replace(one, key=digest(key, one.key)) for one in planned]
    waiting = [one for one in keyed if _key_of(layout.tokens(one.group)) != one.key]
    total = 0
    with progress.stage("tokenise", len(keyed), "groups") as stage:
        stage.skip(len(keyed) - len(waiting))
        for result in map_jobs(work, [pack(one) for one in waiting], workers=workers):
            total += int(result)
            stage.advance(1, f"{total / 1e6:,.1f} million tokens")
    return [layout.tokens(one.group) for one in planned]


def _key_of(path: Path) -> str | None:
    """The key of a token file; None when there is no such file."""
    try:
        with pa.ipc.open_file(path) as file:
            key: bytes = (file.schema.metadata or {}).get(KEY, b"")
    except (OSError, pa.ArrowInvalid):
        return None
    return key.decode() or None
