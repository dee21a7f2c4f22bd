"""What the stages left out: how much by stage, reason, language and source, with examples."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from quantatissu.corpus.report.build import Build, batches
from quantatissu.corpus.report.model import Amount, Example, Reason
from quantatissu.corpus.report.tables import counted, lowest, records, totals

EXAMPLES = 3
SECRETS = "secrets"
_TELLING = ["id", "source", "repository", "revision", "path", "language", "size", "detail", "excerpt"]
_COUNTED = ["stage", "reason", "language", "source"]

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Dropped:
    """Dropped documents. ``counts`` are rows of stage, reason, language, source, documents and bytes."""

    counts: tuple[Row, ...]
    reasons: tuple[Reason, ...]


def read_dropped(build: Build) -> Dropped:
    """Goes through the groups' tables of dropped documents, once."""
    counts = examples = None
    for batch in batches(build.dropped, sorted({*_TELLING, *_COUNTED})):
        rows = counted(batch)
        counts = totals([counts, rows], _COUNTED, ["documents", "bytes"])
        examples = lowest([examples, rows], ["stage", "reason"], EXAMPLES)
    return Dropped(
        tuple(records(counts)),
        _reasons(records(counts), records(examples)),
    )


def _reasons(counts: Sequence[Row], examples: Sequence[Row]) -> tuple[Reason, ...]:
    amounts: dict[tuple[str, str], Amount] = defaultdict(Amount)
    for row in counts:
        amounts[row["stage"], row["reason"]] += Amount(row["documents"], row["bytes"])
    shown: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in examples:
        shown[row["stage"], row["reason"]].append(row)
    found = (
        Reason(stage, reason, amount, tuple(_example(row) for row in shown[stage, reason]))
        for (stage, reason), amount in amounts.items()
    )
    return tuple(sorted(found, key=lambda each: (-each.dropped.documents, each.stage, each.reason)))


def _example(row: Row) -> Example:
    told = {name: row[name] for name in _TELLING}
    return Example(**told if row["stage"] != SECRETS else {**told, "excerpt": ""})
