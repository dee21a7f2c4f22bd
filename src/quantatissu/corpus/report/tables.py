"""Summaries of tables that can be taken piece by piece: summaries of the pieces, laid together and summed up again, are
the summary of the whole. So any number of documents goes through in bounded memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

_GROUPS_AT_MOST = 100_000


def totals(pieces: Sequence[pa.Table | None], keys: Sequence[str], sums: Sequence[str]) -> pa.Table:
    """The sums of the columns `sums` for each combination of `keys`, over all pieces (None is an empty one)."""
    import pyarrow as pa

    table = pa.concat_tables([piece.select([*keys, *sums]) for piece in pieces if piece is not None])
    grouped = table.group_by(list(keys)).aggregate([(column, "sum") for column in sums])
    return grouped.select([*keys, *(f"{column}_sum" for column in sums)]).rename_columns([*keys, *sums])


def heaviest(table: pa.Table, weight: str, limit: int = _GROUPS_AT_MOST) -> pa.Table:
    """`table`, or when it has over twice `limit` rows just the heaviest: those above the ``limit + 1``-th weight, which
    is taken off each.

    Applied to running `totals` this is the Misra-Gries summary in its mergeable form (Agarwal et al., "Mergeable
    summaries", PODS 2012): a weight comes out low by at most the whole weight divided by `limit`, and anything
    heavier than that is in the result. Below the limit all is exact.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if table.num_rows <= 2 * limit:
        return table
    ordered = table.sort_by([(weight, "descending")])
    threshold = ordered[weight][limit].as_py()
    lighter = pc.subtract(table[weight], pa.scalar(threshold, table[weight].type))
    reduced = table.set_column(table.schema.get_field_index(weight), weight, lighter)
    return reduced.filter(pc.greater(lighter, 0))


def lowest(pieces: Sequence[pa.Table | None], keys: Sequence[str], limit: int) -> pa.Table:
    """For each combination of `keys` the `limit` rows with the lowest ids, over all pieces, in order of keys and id."""
    import numpy as np
    import pyarrow as pa

    table = pa.concat_tables([piece for piece in pieces if piece is not None])
    table = table.sort_by([(key, "ascending") for key in (*keys, "id")])
    places = np.arange(table.num_rows)
    in_group = places - np.maximum.accumulate(np.where(_starts(table, keys), places, 0))
    return table.filter(pa.array(in_group < limit))


def first_of_each(table: pa.Table, key: str) -> tuple[pa.Table, pa.Table]:
    """One row for each value of the column `key`, and the other rows."""
    import pyarrow as pa

    table = table.sort_by(key)
    starts = _starts(table, [key])
    return table.filter(pa.array(starts)), table.filter(pa.array(~starts))


def _starts(table: pa.Table, keys: Sequence[str]) -> NDArray[np.bool_]:
    """Which rows of a sorted table differ in `keys` from the row before them."""
    import numpy as np
    import pyarrow.compute as pc

    rows = table.num_rows
    starts = np.zeros(rows, dtype=bool)
    starts[:1] = True
    for key in keys:
        column = table[key]
        starts[1:] |= pc.not_equal(column.slice(1), column.slice(0, max(rows - 1, 0))).to_numpy()
    return starts


def records(table: pa.Table | None) -> list[dict[str, Any]]:
    """The rows as dictionaries; none for None."""
    return [] if table is None else table.to_pylist()


def counted(table: pa.Table) -> pa.Table:
    """The table with the columns that `totals` sums: ``documents``, which is 1, and ``bytes``, the ``size``."""
    import pyarrow as pa

    with_ones = table.append_column("documents", ones(table.num_rows))
    return with_ones.append_column("bytes", table["size"].cast(pa.int64()))


def ones(rows: int) -> pa.Array:
    """A column to count rows by."""
    import pyarrow as pa

    return pa.repeat(pa.scalar(1, pa.int64()), rows)
