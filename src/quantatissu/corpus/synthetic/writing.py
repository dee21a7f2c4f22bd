"""Records on disk: Parquet for training, JSON Lines for people, the same content in both.

Bytes depend on the records and their order alone. A file is written under another name and renamed when it is whole.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from quantatissu.corpus.synthetic.record import EditRecord, Evidence, TraceFrame
from quantatissu.foundation import QuantaError

_ROWS = 1024  # in a row group, and in memory


@dataclass(frozen=True, slots=True)
class Written:
    """What `write_records` left: the number of records, and the SHA-256 of each file by its path."""

    records: int
    checksums: Mapping[Path, str]


def write_records(records: Iterable[EditRecord], stem: Path) -> Written:
    """Write ``stem.parquet`` and ``stem.jsonl``; neither exists before both are whole. Needs pyarrow."""
    from pyarrow import parquet

    stem.parent.mkdir(parents=True, exist_ok=True)
    finals = [stem.with_name(stem.name + suffix) for suffix in (".parquet", ".jsonl")]
    drafts = [path.with_name(f".{path.name}.{os.getpid()}.tmp") for path in finals]
    schema = _schema()
    count = 0
    try:
        with (
            parquet.ParquetWriter(drafts[0], schema, compression="zstd") as table,
            drafts[1].open("w", encoding="ascii", newline="\n") as lines,
        ):
            for rows in _batched(records):
                count += len(rows)
                table.write_table(_table(rows, schema))
                lines.writelines(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)
        for draft in drafts:
            with draft.open("rb") as file:
                os.fsync(file.fileno())
        checksums = {}
        for draft, path in zip(drafts, finals, strict=True):
            with draft.open("rb") as file:
                checksums[path] = hashlib.file_digest(file, "sha256").hexdigest()
        for draft, path in zip(drafts, finals, strict=True):
            draft.replace(path)
    finally:
        for draft in drafts:
            draft.unlink(missing_ok=True)
    return Written(count, checksums)


def read_records(path: Path) -> Iterator[EditRecord]:
    """The records of one file, ``.parquet`` or ``.jsonl``, in order. Raises QuantaError for what is no such file."""
    if path.suffix not in (".parquet", ".jsonl"):
        raise QuantaError(f"{path} holds no edit records.", hint="Pass a .parquet or .jsonl file.")
    try:
        for row in _parquet_rows(path) if path.suffix == ".parquet" else _json_rows(path):
            yield _record(row)
    except (ValueError, KeyError, TypeError) as error:  # pyarrow's errors are ValueErrors
        raise QuantaError(f"{path} cannot be read as edit records: {error}") from error


def _parquet_rows(path: Path) -> Iterator[dict[str, Any]]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(_ROWS):
            yield from batch.to_pylist()


def _json_rows(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="ascii") as lines:
        for line in lines:
            yield json.loads(line)


def _batched(records: Iterable[EditRecord]) -> Iterator[list[dict[str, Any]]]:
    rows: list[dict[str, Any]] = []
    for record in records:
        rows.append(_row(record))
        if len(rows) == _ROWS:
            yield rows
            rows = []
    if rows:
        yield rows


def _row(record: EditRecord) -> dict[str, Any]:
    row = asdict(record)
    row["edits"] = [{"start": start, "end": end, "text": text} for start, end, text in record.edits]
    return row


def _record(row: Mapping[str, Any]) -> EditRecord:
    evidence = dict(row["evidence"])
    evidence["frames"] = tuple(TraceFrame(**frame) for frame in evidence["frames"])
    return EditRecord(
        **{
            **row,
            "licences": tuple(row["licences"]),
            "edits": tuple((edit["start"], edit["end"], edit["text"]) for edit in row["edits"]),
            "evidence": Evidence(**evidence),
        }
    )


def _table(rows: list[dict[str, Any]], schema: Any) -> Any:
    import pyarrow

    return pyarrow.Table.from_pylist(rows, schema=schema)


def _schema() -> Any:
    import pyarrow as pa

    text, number = pa.string(), pa.int32()
    frame = pa.struct([("path", text), ("line", number), ("function", text), ("source", text)])
    edit = pa.struct([("start", number), ("end", number), ("text", text)])
    evidence = pa.struct([
        ("method", text), ("tool", text), ("code", text), ("message", text), ("path", text), ("line", number),
        ("column", number), ("assertion", text), ("call", text), ("expected", text), ("actual", text),
        ("frames", pa.list_(frame)), ("test", text), ("test_source", text), ("output", text),
    ])  # fmt: skip
    return pa.schema([
        ("id", text), ("kind", text), ("document", text), ("source", text), ("repository", text), ("revision", text),
        ("path", text), ("licences", pa.list_(text)), ("language", text), ("function", text), ("line", number),
        ("context", text), ("start", number), ("end", number), ("before", text), ("after", text),
        ("edits", pa.list_(edit)), ("operator", text), ("undone_by", text), ("evidence", evidence),
    ])  # fmt: skip
