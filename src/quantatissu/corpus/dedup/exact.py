"""Exact duplicates: documents whose normalised texts have one content hash."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def exact_duplicates(files: Sequence[Path], *, rows_per_pass: int, documents: int) -> dict[str, str]:
    """From the id of every copy to that of the one kept, which is the lowest by (rank, id), in order of ids.

    A Daft plan on whichever runner is set; the hashes are cut into slices so that a pass groups about `rows_per_pass`.
    """
    import daft

    passes = max(1, -(-documents // rows_per_pass))
    kept: dict[str, str] = {}
    for number in range(passes):
        frame = daft.read_parquet([str(file) for file in files]).select("id", "rank", "content_hash")
        if passes > 1:
            frame = frame.where((daft.col("content_hash").hash() % daft.lit(passes)).is_in([number]))
        who = daft.functions.to_struct(rank=daft.col("rank"), id=daft.col("id"))
        frame = frame.select("content_hash", "id", who.alias("who"))
        frame = frame.groupby("content_hash").agg(daft.col("who").list_agg(), daft.col("id").count())
        frame = frame.where(daft.col("id") > daft.lit(1)).select("who")
        for batch in frame.to_arrow_iter():
            for copies in batch.column("who").to_pylist():
                first, *others = sorted(copies, key=lambda copy: (copy["rank"], copy["id"]))
                kept.update((other["id"], first["id"]) for other in others)
    return dict(sorted(kept.items()))
