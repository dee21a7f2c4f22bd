"""Records from JSON Lines and Parquet files, each with the place it came from, so that an error can name it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError

_LINES, _PARQUET = (".jsonl", ".ndjson", ".json"), (".parquet",)
_ADVICE = "Give JSON Lines (one object a line) or Parquet."


@dataclass(frozen=True, slots=True)
class Record:
    """One object; ``where`` is for people: the file, and the line or row in it."""

    where: str
    fields: dict[str, Any]

    def group(self, default: object) -> object:
        """What is held out, or trained on, together: the record's ``group``, or `default` for one without."""
        return self.fields.get("group", default)


def read_records(paths: Sequence[Path]) -> Iterator[Record]:
    """All records of all files, in order; a folder stands for the files of these kinds in it, sorted by name.

    Raises QuantaError that names the line for what is no object, and for files that cannot be read.
    """
    for path in paths:
        for file in _files(path):
            yield from _rows(file) if file.suffix in _PARQUET else _lines(file)


def held_out(key: Any, share: float) -> bool:
    """Whether what has this ``key`` (any JSON) belongs to the held-out ``share``: always the same, whatever else there
    is.
    """
    text = json.dumps(key, sort_keys=True, ensure_ascii=False, default=str)
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") < share * 2.0**64


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.suffix in _LINES + _PARQUET)
        if not found:
            raise QuantaError(f"{path} holds no records", hint=_ADVICE)
        return found
    if not path.is_file():
        raise QuantaError(f"there is no {path}", hint=_ADVICE)
    if path.suffix not in _LINES + _PARQUET:
        raise QuantaError(f"{path} is of an unknown kind", hint=f"{_ADVICE} Names end in .jsonl or .parquet.")
    return [path]


def _lines(path: Path) -> Iterator[Record]:
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file, 1):
                if not line.strip():
                    continue
                where = f"{path}, line {number}"
                try:
                    fields = json.loads(line)
                except json.JSONDecodeError as error:
                    raise QuantaError(f"{where}: not JSON: {error.msg} at column {error.colno}", hint=_ADVICE) from None
                if not isinstance(fields, dict):
                    raise QuantaError(f"{where}: a record is an object, this is {type(fields).__name__}", hint=_ADVICE)
                yield Record(where, fields)
    except (OSError, UnicodeDecodeError) as error:
        raise QuantaError(f"cannot read {path}: {error}") from error


def _rows(path: Path) -> Iterator[Record]:
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise QuantaError(
            f"{path} needs pyarrow, not installed here", hint="pip install 'quantatissu[train]'"
        ) from error
    number = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    number += 1
                    yield Record(f"{path}, row {number}", _without_nulls(row))
    except (OSError, pa.ArrowException) as error:
        raise QuantaError(f"cannot read {path}: {error}") from error


def _without_nulls(value: Any) -> Any:
    """A column has one type, so objects in it have all fields that any of them has: what is null was not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return [_without_nulls(item) for item in value] if isinstance(value, list) else value
