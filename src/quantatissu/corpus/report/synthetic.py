"""Synthetic records: how many of which kind, by which operators, and a few of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from quantatissu.corpus.report.build import Build, batches
from quantatissu.corpus.report.model import Synthetic, Wrong
from quantatissu.corpus.report.tables import lowest, ones, records, totals

if TYPE_CHECKING:
    import pyarrow as pa

_EXAMPLES = 3
_COLUMNS = ["id", "kind", "repository", "revision", "path", "operator", "before", "after"]
_EVIDENCE = ["method", "code", "message"]


def read_synthetic(build: Build) -> tuple[Synthetic, ...]:
    """Goes through the tables of synthetic records once."""
    counts = examples = None
    for batch in batches(build.synthetic, [*_COLUMNS, *(f"evidence.{name}" for name in _EVIDENCE)]):
        rows = _flat(batch)
        counts = totals([counts, rows], ["kind", "method", "operator"], ["records"])
        examples = lowest([examples, rows.drop_columns(["records"])], ["kind", "method"], _EXAMPLES)
    by_kind: dict[tuple[str, str], dict[str, int]] = {}
    for row in sorted(records(counts), key=lambda row: (-row["records"], row["operator"])):
        by_kind.setdefault((row["kind"], row["method"]), {})[row["operator"]] = row["records"]
    return tuple(
        Synthetic(kind, method, sum(operators.values()), operators, _wrong(records(examples), kind, method))
        for (kind, method), operators in sorted(by_kind.items())
    )


def _flat(batch: pa.Table) -> pa.Table:
    """The batch with the fields of its evidence as columns, and ``records``, which is 1."""
    import pyarrow.compute as pc

    rows = batch.select(_COLUMNS)
    for name in _EVIDENCE:
        rows = rows.append_column(name, pc.struct_field(batch["evidence"], name))
    return rows.append_column("records", ones(batch.num_rows))


def _wrong(rows: Sequence[Mapping[str, Any]], kind: str, method: str) -> tuple[Wrong, ...]:
    return tuple(
        Wrong(
            **{name: row[name] for name in ("id", "repository", "revision", "path", "operator", "before", "after")},
            evidence=": ".join(part for part in (row["code"], row["message"]) if part),
        )
        for row in rows
        if (row["kind"], row["method"]) == (kind, method)
    )
