"""Locality-sensitive hashing: which documents are worth comparing, as one Daft plan over the group files.

A signature of K entries is cut into b bands of r rows; documents that agree in a whole band share a bucket. Two of
Jaccard index s agree in an entry with probability s, in a band with ``s**r``, and in at least one band with

    P(s) = 1 - (1 - s**r)**b

the S-curve of Leskovec, Rajaraman and Ullman, "Mining of Massive Datasets", ch. 3.4.2.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quantatissu.corpus.dedup.signatures import PERMUTATIONS, Sketch
from quantatissu.corpus.dedup.tokens import U64, windows

if TYPE_CHECKING:
    import pyarrow


@dataclass(frozen=True, slots=True)
class Bands:
    """``count`` bands of ``rows`` signature entries each."""

    count: int
    rows: int

    def recall(self, similarity: float) -> float:
        """The probability that two documents of this Jaccard index share a bucket: ``1 - (1 - s**r)**b``."""
        return float(1.0 - (1.0 - similarity**self.rows) ** self.count)


def choose_bands(threshold: float, recall: float, permutations: int = PERMUTATIONS) -> Bands:
    """The bands with the most rows, and so the fewest false candidates, that still find a pair right at `threshold`
    with probability `recall`. The steepest part of the curve is near ``(1/b)**(1/r)`` (ch. 3.4.2); here it is moved
    below the threshold until the curve has reached `recall` there. Raises ValueError when no cut does.
    """
    for rows in range(permutations, 0, -1):
        bands = Bands(permutations // rows, rows)
        if bands.recall(threshold) >= recall:
            return bands
    raise ValueError(f"no bands of {permutations} hashes reach a recall of {recall} at a Jaccard index of {threshold}")


def band_keys(minhash: Sketch, bands: Bands) -> U64:
    """The bucket of every document in every band: ``[documents, permutations]`` entries give
    ``[documents, bands.count]`` 64-bit keys. The band's number is part of the key.
    """
    keys = np.empty((len(minhash), bands.count), np.uint64)
    for band in range(bands.count):
        rows = minhash[:, band * bands.rows : (band + 1) * bands.rows].astype(np.uint64)
        rows[:, 0] += np.uint64((band + 1) << 32)
        keys[:, band] = _row_hashes(rows)
    return keys


def _row_hashes(rows: U64) -> U64:
    """One hash for each row of a matrix."""
    flat = np.ascontiguousarray(rows).ravel()
    return windows(flat, rows.shape[1])[:: rows.shape[1]]


def buckets(
    files: Sequence[Path], bands: Bands, *, leave_out: pyarrow.Table, rows_per_pass: int, documents: int
) -> Iterator[list[str]]:
    """The sorted ids of every bucket with two or more documents, in no defined order.

    Daft explodes the bands and groups them, on whichever runner is set. Grouping holds its rows, so the space of keys
    is cut into as many slices as keep a pass within `rows_per_pass`; each pass reads the signatures again. `leave_out`
    is a table with a column ``id`` of documents that take no part.
    """
    import daft

    passes = max(1, -(-documents * bands.count // rows_per_pass))
    for number in range(passes):
        keys = _keys_function(bands, passes, number)
        frame = daft.read_parquet([str(file) for file in files]).where(daft.lit(0) < daft.col("shingle_count"))
        if leave_out.num_rows:
            frame = frame.join(daft.from_arrow(leave_out.select(["id"])), on="id", how="anti")
        frame = frame.select("id", keys(daft.col("minhash")).alias("key")).explode("key")
        frame = frame.where(daft.col("key").not_null())
        frame = frame.groupby("key").agg(daft.col("id").list_agg().alias("ids"), daft.col("id").count().alias("count"))
        frame = frame.where(daft.col("count") > daft.lit(1)).select("ids")
        for batch in frame.to_arrow_iter():
            for ids in batch.column("ids").to_pylist():
                yield sorted(ids)


def _keys_function(bands: Bands, passes: int, number: int) -> Any:
    """A batch function of Daft from a column of signatures to a column of lists of the keys in slice `number`."""
    import daft

    @daft.func.batch(return_dtype=daft.DataType.list(daft.DataType.uint64()))
    def keys_of_slice(minhash: daft.Series) -> daft.Series:
        import pyarrow

        column = minhash.to_arrow()
        entries = column.flatten().to_numpy(zero_copy_only=False)
        keys = band_keys(entries.reshape(-1, PERMUTATIONS), bands)
        chosen = keys % np.uint64(passes) == number
        offsets = np.zeros(len(keys) + 1, np.int64)
        np.cumsum(chosen.sum(axis=1), out=offsets[1:])
        return daft.Series.from_arrow(pyarrow.LargeListArray.from_arrays(offsets, pyarrow.array(keys[chosen])))

    return keys_of_slice
