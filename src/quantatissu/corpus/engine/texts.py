"""Texts by document id, from the group files, without holding more than was asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq

from quantatissu.corpus.engine.ids import Packed, pack_ids


class Texts:
    """Finds the text of any kept document. Holds 24 bytes for each document: its id and where it lies.

    Called with some ids it gives their texts, reading each row group that holds any of them once. Unknown ids raise
    KeyError.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._files = list(files)
        ids: list[Packed] = []
        places: list[npt.NDArray[np.uint32]] = []
        for number, path in enumerate(self._files):
            with pq.ParquetFile(path) as file:
                for row_group in range(file.num_row_groups):
                    column = file.read_row_group(row_group, columns=["id"]).column("id")
                    ids.append(pack_ids(column.to_pylist()))
                    places.append(np.tile(np.array([[number, row_group]], np.uint32), (len(column), 1)))
        joined = np.concatenate(ids) if ids else pack_ids([])
        order = np.argsort(joined, kind="stable")
        self._ids = joined[order]
        self._places = np.concatenate(places)[order] if places else np.empty((0, 2), np.uint32)

    def __len__(self) -> int:
        return len(self._ids)

    def __call__(self, ids: Sequence[str]) -> Mapping[str, str]:
        wanted = set(ids)
        found: dict[str, str] = {}
        for number, row_group in self._where(sorted(wanted)):
            with pq.ParquetFile(self._files[number]) as file:
                table = file.read_row_group(row_group, columns=["id", "text"])
            texts = table.column("text")
            for row, identity in enumerate(table.column("id").to_pylist()):
                if identity in wanted:
                    found[identity] = texts[row].as_py()
        if len(found) < len(wanted):
            raise KeyError(min(wanted - found.keys()))
        return found

    def _where(self, ids: Sequence[str]) -> Iterator[tuple[int, int]]:
        """The row groups that hold some ids, each once, in the order of the files."""
        at = np.searchsorted(self._ids, pack_ids(ids))
        for number, row_group in np.unique(self._places[at[at < len(self._ids)]], axis=0):
            yield int(number), int(row_group)
