"""Benchmark problems in the sources: in which files, and whether the file was left out or just functions cut out."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from quantatissu.corpus.report.build import Build, batches
from quantatissu.corpus.report.model import Example, Hit
from quantatissu.corpus.report.tables import heaviest, lowest, ones, records, totals

if TYPE_CHECKING:
    import pyarrow as pa

DECONTAMINATION = "decontaminate"
CUT = "function_cut_out"
REDACTED = "benchmark:"
"""How a cut counts among a document's redactions: this, and the problem's name."""
_EXAMPLES = 3
_HITS_AT_MOST = 10_000
_KEYS = ["problem", "reason"]
_WHERE = ["id", "source", "repository", "revision", "path", "language", "size"]


def read_hits(build: Build) -> tuple[Hit, ...]:
    """Goes through the groups' tables once. Hits are in order of benchmark, then of the number of documents."""
    counts = examples = None
    for rows in _matches(build):
        counted = rows.append_column("documents", ones(rows.num_rows))
        counts = heaviest(totals([counts, counted], _KEYS, ["documents"]), "documents", _HITS_AT_MOST)
        examples = lowest([examples, rows], _KEYS, _EXAMPLES).slice(0, _EXAMPLES * _HITS_AT_MOST)
    found: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for row in records(examples):
        found[row["problem"], row["reason"]].append(_example(row))
    hits = (_hit(row, tuple(found[row["problem"], row["reason"]])) for row in records(counts))
    return tuple(sorted(hits, key=lambda hit: (hit.benchmark, -hit.documents, hit.task, hit.reason)))


def _matches(build: Build) -> Iterator[pa.Table]:
    """A row for each document and each problem in it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for batch in batches(build.dropped, [*_WHERE, "stage", "reason", "detail"]):
        rows = batch.filter(pc.equal(batch["stage"], DECONTAMINATION))
        yield _exploded(rows.select([*_WHERE, "reason"]), pc.split_pattern(rows["detail"], ", "))
    for batch in batches(build.kept, [*_WHERE, "redactions"]):
        rows = batch.filter(pc.match_substring(batch["redactions"], f'"{REDACTED}'))
        kinds = [json.loads(each) for each in rows["redactions"].to_pylist()]
        problems = [[kind.removeprefix(REDACTED) for kind in each if kind.startswith(REDACTED)] for each in kinds]
        reasons = pa.array([CUT] * rows.num_rows, pa.string())
        yield _exploded(
            rows.select(_WHERE).append_column("reason", reasons), pa.chunked_array([problems], pa.list_(pa.string()))
        )


def _exploded(rows: pa.Table, problems: pa.ChunkedArray) -> pa.Table:
    """The rows, each as often as it has problems, with the column ``problem``."""
    import pyarrow.compute as pc

    repeated = rows.take(pc.list_parent_indices(problems))
    return repeated.append_column("problem", pc.list_flatten(problems))


def _hit(row: Mapping[str, Any], examples: tuple[Example, ...]) -> Hit:
    """A hit on a problem that is called ``HumanEval/12``, or by the name of a benchmark without tasks."""
    benchmark, _, task = row["problem"].partition("/")
    return Hit(benchmark, task, row["reason"], row["documents"], examples)


def _example(row: Mapping[str, Any]) -> Example:
    # A file's beginning is not what matched: no excerpt.
    return Example(**{name: row[name] for name in _WHERE}, detail=row["problem"], excerpt="")
