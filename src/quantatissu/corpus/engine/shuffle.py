"""A seeded order of all documents, and a sort by it that needs memory for a part of them only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

ORDER = "order"
"""The column to sort by: uint64, evenly spread. Ties are broken by the column ``id``."""
_SHARE = 8  # of the memory, for one bucket
_ROWS = 256


def order_of(identity: str, seed: int) -> int:
    """A document's place in the seeded order: 64 bits that depend on its id and the seed, not on other documents."""
    return int.from_bytes(hashlib.blake2b(f"{seed}:{identity}".encode(), digest_size=8).digest(), "little")


class Shuffle:
    """Sorts record batches by `ORDER`. What does not fit in ``memory_bytes`` waits in files in ``folder``.

    The range of the order is cut into buckets; rows go to their bucket's file as they come, and the buckets are sorted
    one at a time. What is held is counted with the copies that are made of it and with what allocators keep: a bucket
    has an eighth of ``memory_bytes``, and rows are written out when they have a quarter. ``total_bytes`` is what all
    batches will hold, about.
    """

    def __init__(self, folder: Path, schema: pa.Schema, *, total_bytes: int, memory_bytes: int) -> None:
        self._folder = folder
        self._schema = schema
        self._memory = memory_bytes
        wanted = 1 if total_bytes <= memory_bytes // 2 else -(-total_bytes // max(memory_bytes // _SHARE, 1))
        self._bits = (wanted - 1).bit_length()
        self._held: list[list[pa.RecordBatch]] = [[] for _ in range(1 << self._bits)]
        self._bytes = 0

    def add(self, batch: pa.RecordBatch) -> None:
        """Take some rows."""
        if not self._bits:
            self._held[0].append(batch)
        else:
            order = batch.column(ORDER).to_numpy()
            buckets = (order >> np.uint64(64 - self._bits)).astype(np.int64)
            for bucket in np.unique(buckets):
                self._held[bucket].append(batch.take(pa.array(np.flatnonzero(buckets == bucket))))
        self._bytes += batch.nbytes
        if self._bits and self._bytes > self._memory // 4:
            self._spill()

    def sorted(self) -> Iterator[pa.Table]:
        """All rows in order, some at a time; ends the sort: its files are removed as they are read."""
        if self._bits:
            self._spill()
        for bucket in range(len(self._held)):
            yield from self._sorted(bucket)
            self._file(bucket).unlink(missing_ok=True)
            pa.default_memory_pool().release_unused()

    def _sorted(self, bucket: int) -> Iterator[pa.Table]:
        held, self._held[bucket] = self._held[bucket], []
        table = pa.Table.from_batches(self._read(bucket) if self._bits else held, self._schema)
        del held
        table = table.combine_chunks()  # taking rows out of many pieces would put them together each time
        order = pc.sort_indices(table, sort_keys=[(ORDER, "ascending"), ("id", "ascending")])
        for start in range(0, len(order), _ROWS):
            yield table.take(order.slice(start, _ROWS))

    def _file(self, bucket: int) -> Path:
        return self._folder / f"{bucket:05d}.arrows"

    def _spill(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        for bucket, batches in enumerate(self._held):
            if batches:
                # Every visit appends a stream of its own, so that no file has to stay open between visits.
                with self._file(bucket).open("ab") as file, pa.ipc.new_stream(file, self._schema) as stream:
                    for batch in batches:
                        stream.write_batch(batch)
                self._held[bucket] = []
        self._bytes = 0

    def _read(self, bucket: int) -> Iterator[pa.RecordBatch]:
        path = self._file(bucket)
        if not path.exists():
            return
        with path.open("rb") as file:
            size = path.stat().st_size
            while file.tell() < size:
                with pa.ipc.open_stream(file) as stream:
                    yield from stream
