"""The splits of a build, from what is left of each repository after duplicates are gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from quantatissu.corpus.engine.ids import IdSet
from quantatissu.corpus.shards.splits import FEW, Splits, choose_splits


def splits_of(files: Sequence[Path], duplicates: IdSet, share: float) -> Splits:
    """The splits of the kept documents in ``files``. Reads three columns of them, and holds names and sizes of at most
    `FEW` repositories. Nothing of it depends on how documents are spread over files.
    """
    sizes: dict[str, int] = {}
    for path in files if share else ():
        table = pq.read_table(path, columns=["id", "repository", "size"])
        table = table.filter(pa.array(~duplicates.contains(table.column("id").to_pylist())))
        for row in table.group_by("repository").aggregate([("size", "sum")]).to_pylist():
            sizes[row["repository"]] = sizes.get(row["repository"], 0) + row["size_sum"]
        if len(sizes) > FEW:
            return Splits(share)
    return choose_splits(sizes, share)
