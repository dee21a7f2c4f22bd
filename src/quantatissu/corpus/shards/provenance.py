"""Where every document in the shards came from, as a Parquet table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from quantatissu.corpus.shards.writer import Placement

if TYPE_CHECKING:
    import pyarrow

_ROWS = 1 << 16  # a row group: what is in memory at once


@dataclass(frozen=True, slots=True)
class Provenance:
    """One document: where it came from, and where it went (`Placement`)."""

    id: str
    source: str
    repository: str
    revision: str
    path: str
    licences: tuple[str, ...]
    content_hash: str
    placement: Placement


def provenance_schema() -> pyarrow.Schema:
    """The table's columns: those of `Provenance` and of `Placement`."""
    import pyarrow as pa

    text = {field.name: pa.string() for field in fields(Provenance) if field.name not in ("licences", "placement")}
    return pa.schema(
        [
            *((name, kind) for name, kind in text.items() if name != "content_hash"),
            ("licences", pa.list_(pa.string())),
            ("content_hash", pa.string()),
            ("split", pa.string()),
            ("shard", pa.string()),
            ("offset", pa.int64()),
            ("tokens", pa.int64()),
        ]
    )


def write_provenance(path: Path, rows: Iterable[Provenance]) -> int:
    """Write the table in one step, streaming; returns the number of rows. The bytes depend on the rows alone."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = provenance_schema()
    temporary = path.with_name(path.name + ".tmp")
    count = 0
    with pq.ParquetWriter(temporary, schema, compression="zstd") as writer:
        for group in _groups(rows):
            columns = {
                name: [getattr(row.placement if name in Placement._fields else row, name) for row in group]
                for name in schema.names
            }
            columns["licences"] = [list(row.licences) for row in group]
            writer.write_table(pa.table(columns, schema=schema))
            count += len(group)
    temporary.replace(path)
    return count


def _groups(rows: Iterable[Provenance]) -> Iterator[list[Provenance]]:
    iterator = iter(rows)
    while group := list(islice(iterator, _ROWS)):
        yield group
