"""The Parquet files of a group: columns, row groups of bounded size, and the key that says what they were made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa
import pyarrow.parquet as pq

from quantatissu.corpus.dedup import PERMUTATIONS, Signatures
from quantatissu.corpus.document import Document, Drop, Origin

KEY = b"quantatissu.key"
"""File metadata: the hash of everything that the file's content depends on."""

_ORIGIN = [("repository", pa.string()), ("revision", pa.string()), ("path", pa.string()), ("date", pa.string())]

KEPT = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.string()),
        ("language", pa.string()),
        ("licences", pa.list_(pa.string())),
        ("source", pa.string()),
        *_ORIGIN,
        ("size", pa.int64()),
        ("redactions", pa.string()),
        ("content_hash", pa.binary(16)),
        ("minhash", pa.list_(pa.uint32(), PERMUTATIONS)),
        ("shingle_count", pa.int64()),
        ("rank", pa.int32()),
    ]
)
"""``size``: bytes as read; ``redactions``: a JSON object kind -> count; ``rank``: the source's place in the recipe."""

DROPPED = pa.schema(
    [
        ("id", pa.string()),
        ("language", pa.string()),
        ("source", pa.string()),
        *_ORIGIN,
        ("size", pa.int64()),
        ("stage", pa.string()),
        ("reason", pa.string()),
        ("detail", pa.string()),
        ("excerpt", pa.string()),
    ]
)
"""``excerpt`` holds the first characters of the text with secrets redacted, empty where there is none to show."""

# Level 1 already halves source code; higher ones cost more time than every stage before them.
_COMPRESSION: dict[str, Any] = {"compression": "zstd", "compression_level": 1}
# Hashes do not compress, and a dictionary of texts or ids is as long as the column.
_DICTIONARY = {"language", "source", "repository", "revision", "date", "redactions", "stage", "reason"}


class Table:
    """Writes one Parquet file, a row group for every `write`. The file's bytes depend on the rows and calls alone."""

    def __init__(self, path: Path, schema: pa.Schema, key: str) -> None:
        self._schema = schema.with_metadata({KEY: key.encode()})
        names = [name for name in schema.names if name in _DICTIONARY]
        self._writer = pq.ParquetWriter(path, self._schema, use_dictionary=names, **_COMPRESSION)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.close()

    def write(self, columns: Mapping[str, Any]) -> None:
        """Append rows, given as one array or sequence for each column."""
        arrays = [
            column if isinstance(column, pa.Array) else pa.array(column, field.type)
            for field, column in ((field, columns[field.name]) for field in self._schema)
        ]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        self._writer.write_table(table, row_group_size=max(len(table), 1))


def key_of(path: Path) -> str | None:
    """The key of a Parquet file that `Table` wrote; None when there is no such file."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowInvalid):
        return None
    return metadata.get(KEY, b"").decode() or None


def kept_columns(documents: Sequence[Document], signatures: Signatures, rank: int) -> dict[str, Any]:
    """The rows of ``KEPT`` for some documents."""
    flat = pa.array(signatures.minhash.reshape(-1), pa.uint32())
    return {
        "id": [document.id for document in documents],
        "text": [document.text for document in documents],
        "language": [document.language for document in documents],
        "licences": [list(document.licences) for document in documents],
        **_origins([document.origin for document in documents]),
        "size": [document.size for document in documents],
        "redactions": [json.dumps(dict(sorted(document.redactions.items()))) for document in documents],
        "content_hash": signatures.content_hash,
        "minhash": pa.FixedSizeListArray.from_arrays(flat, PERMUTATIONS),
        "shingle_count": signatures.shingle_count,
        "rank": [rank] * len(documents),
    }


def dropped_columns(rows: Sequence[tuple[str, str, Origin, int, Drop, str]]) -> dict[str, Any]:
    """The rows of ``DROPPED``, from id, language, origin, size, drop and excerpt."""
    drops = [row[4] for row in rows]
    return {
        "id": [row[0] for row in rows],
        "language": [row[1] for row in rows],
        **_origins([row[2] for row in rows]),
        "size": [row[3] for row in rows],
        "stage": [drop.stage for drop in drops],
        "reason": [drop.reason for drop in drops],
        "detail": [drop.detail for drop in drops],
        "excerpt": [row[5] for row in rows],
    }


def _origins(origins: Sequence[Origin]) -> dict[str, list[str]]:
    # File names may hold bytes that are no text; Parquet cannot.
    return {
        name: [getattr(origin, name).encode("utf-8", "backslashreplace").decode() for origin in origins]
        for name in ("source", "repository", "revision", "path", "date")
    }
