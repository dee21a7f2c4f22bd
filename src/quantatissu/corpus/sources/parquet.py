"""Parquet as a source: one document a row, row groups (or parts of them) as units, only the mapped columns read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from quantatissu.corpus.document import Origin, RawFile
from quantatissu.corpus.sources.base import Entry, Group, Report, Skipped, cut, ignore, pack
from quantatissu.corpus.sources.files import Unreadable
from quantatissu.corpus.sources.rows import Mapper, check_columns
from quantatissu.corpus.sources.settings import ParquetSettings
from quantatissu.corpus.sources.stores import find, identify, opened
from quantatissu.foundation import QuantaError

SUFFIXES = (".parquet", ".pq")
_ROWS = 64  # in a batch: bounds memory by so many of the largest files
_BUFFER = 1 << 20  # bytes of a column read at a time, in place of a whole row group's


@dataclass(frozen=True, slots=True)
class ParquetSource:
    """Parquet files. A row without a path is named by its file and number. ``base``: what relative paths start from."""

    name: str
    settings: ParquetSettings
    base: Path

    def groups(self) -> list[Group]:
        """Row groups in the order of files; large ones in parts. Raises QuantaError when a file is not there or lacks a
        column that the recipe names.
        """
        entries = []
        for location in find(self.name, self.settings.paths, self.base, SUFFIXES):
            try:
                _, identity = identify(self.name, location, self.base)
                for item, raw in self._items(location):
                    entries.append(Entry(item, raw, identity))
            except Unreadable as error:  # reading reports it
                entries.append(Entry(f"0:0:0:{location}", 0, error.reason))
            except OSError as error:
                raise QuantaError(f"source {self.name}: {location}: {error.strerror or error}") from error
        return pack(self.name, entries, self.settings.group_bytes)

    def read(self, group: Group, report: Report = ignore) -> Iterator[RawFile]:
        """See `Source.read`."""
        for item in group.items:
            row_group, start, stop, location = item.split(":", 3)
            label = Path(location).name
            mapper = Mapper(
                self.name, self.settings.columns, self.settings.repository or label, self.settings.max_file_bytes
            )
            try:
                for number, row in self._rows(location, int(row_group), int(start), int(stop)):
                    origin = mapper.origin(row, f"{label}@{row_group}.{number}")
                    try:
                        file = mapper.file(row, origin)
                    except Unreadable as error:
                        report(Skipped(origin, error.reason, error.detail, error.size))
                    else:
                        yield file
            except Unreadable as error:
                report(Skipped(Origin(self.name, mapper.repository, "", label), error.reason, error.detail))

    def describe(self) -> dict[str, str]:
        """See `Source.describe`."""
        return {
            "kind": "parquet",
            "location": ", ".join(self.settings.paths),
            "columns": self.settings.columns.model_dump_json(exclude_defaults=True),
        }

    def _items(self, location: str) -> Iterator[tuple[str, int]]:
        """(item, about how many bytes) of each part of a file."""
        with self._table(location) as table:
            check_columns(self.name, self.settings.columns, table.schema_arrow.names, location)
            mapped = set(self._mapped(table))
            for number in range(table.num_row_groups):
                about = table.metadata.row_group(number)
                columns = (about.column(index) for index in range(about.num_columns))
                size = sum(one.total_uncompressed_size for one in columns if one.path_in_schema.split(".")[0] in mapped)
                mean = size // max(1, about.num_rows)
                for start, stop, raw in cut([mean] * about.num_rows, self.settings.group_bytes):
                    yield f"{number}:{start}:{about.num_rows if stop is None else stop}:{location}", raw

    def _rows(self, location: str, row_group: int, start: int, stop: int) -> Iterator[tuple[int, dict[str, Any]]]:
        """(number in the row group, row). Raises `Unreadable` for a damaged file."""
        with self._table(location) as table:
            if stop == 0:
                return
            import pyarrow

            first = 0  # of the batch
            try:
                for batch in table.iter_batches(_ROWS, row_groups=[row_group], columns=self._mapped(table)):
                    after = first + len(batch)
                    if after > start:
                        low, high = max(start, first), min(stop, after)
                        yield from enumerate(batch.slice(low - first, high - low).to_pylist(), low)
                    if after >= stop:
                        return
                    first = after
            except (pyarrow.ArrowException, OSError, UnicodeDecodeError) as error:
                raise Unreadable("damaged_file", str(error).strip().splitlines()[0]) from error

    def _mapped(self, table: Any) -> list[str]:
        names = table.schema_arrow.names
        wanted = self.settings.columns.model_dump().values()
        return [name for name in names if any(name in (one, one.partition(".")[0]) for one in wanted)]

    @contextmanager
    def _table(self, location: str) -> Iterator[Any]:
        try:
            import pyarrow
            from pyarrow import parquet
        except ImportError:
            raise QuantaError(
                f"source {self.name}: Parquet needs pyarrow",
                hint='Install the extra: pip install "quantatissu[corpus]"',
            ) from None
        with opened(self.name, location, self.base) as file:
            try:
                table = parquet.ParquetFile(file, buffer_size=_BUFFER, pre_buffer=False)
            except (pyarrow.ArrowException, OSError) as error:
                raise Unreadable("damaged_file", str(error).strip().splitlines()[0]) from error
            with table:
                yield table
