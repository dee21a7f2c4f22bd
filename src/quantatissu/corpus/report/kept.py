"""What passed the stages: which of it deduplication removed, which is in the shards, and what that is made of."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from quantatissu.corpus.report.build import Build, between
from quantatissu.corpus.report.contamination import REDACTED
from quantatissu.corpus.report.lengths import empty, histogram
from quantatissu.corpus.report.model import Amount, LicenceLine, Redaction, Repository
from quantatissu.corpus.report.tables import counted, first_of_each, heaviest, records, totals

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

_COLUMNS = ["id", "language", "licences", "source", "repository", "size", "redactions"]
_CELL = ["source", "language", "kind", "split"]
_BETWEEN_LICENCES = "\x1f"
_REPOSITORIES, _LICENCES = 15, 1_000


@dataclass(slots=True)
class Kept:
    """Documents that passed all stages.

    ``cells`` are rows of source, language, ``kind`` of duplicate (None: not one), split (None: not in the shards),
    documents, bytes and tokens. All else is about the documents in the shards: ``splits`` are the repositories in each
    split, the largest first (of hundreds of thousands just those); lengths are fine histograms, those of files in bytes
    by language, of documents in tokens over all.
    """

    cells: Sequence[Mapping[str, Any]] = ()
    repositories: tuple[Repository, ...] = ()
    splits: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    licences: tuple[LicenceLine, ...] = ()
    redactions: tuple[Redaction, ...] = ()
    file_bytes: dict[str, Counts] = field(default_factory=dict)
    file_tokens: Counts = field(default_factory=empty)


def read_kept(build: Build) -> Kept:
    """Joins the groups' tables with those of duplicates and provenance, a range of ids at a time."""
    kept = Kept()
    cells = repositories = splits = licences = None
    found: Counter[str] = Counter()
    holding: Counter[str] = Counter()
    for first, end in build.ranges() if build.kept else ():
        rows = _joined(build, first, end)
        cells = totals([cells, rows], _CELL, ["documents", "bytes", "tokens"])
        inside = _in_shards(rows)
        repositories = heaviest(
            totals([repositories, inside], ["source", "repository"], ["documents", "bytes"]), "bytes"
        )
        splits = heaviest(totals([splits, inside], ["split", "repository"], ["bytes"]), "bytes")
        licences = heaviest(totals([licences, inside], ["licence"], ["documents", "bytes"]), "bytes")
        _add_redactions(inside, found, holding)
        _add_lengths(inside, kept)
    kept.cells = records(cells)
    kept.repositories = tuple(
        Repository(row["source"], row["repository"], Amount(row["documents"], row["bytes"]))
        for row in _largest(repositories, "repository", _REPOSITORIES)
    )
    by_split: dict[str, list[str]] = defaultdict(list)
    for row in _largest(splits, "repository", None):
        by_split[row["split"]].append(row["repository"])
    kept.splits = {name: tuple(own) for name, own in by_split.items()}
    kept.licences = tuple(
        LicenceLine(
            tuple(part for part in row["licence"].split(_BETWEEN_LICENCES) if part),
            Amount(row["documents"], row["bytes"]),
        )
        for row in _largest(licences, "licence", _LICENCES)
    )
    kept.redactions = tuple(
        Redaction(kind, number, holding[kind])
        for kind, number in sorted(found.items(), key=lambda item: (-item[1], item[0]))
    )
    return kept


def _joined(build: Build, first: str, end: str) -> pa.Table:
    """The documents in a range of ids, with what deduplication and sharding made of each.

    A file that was read twice has one id, and is in the shards once: the second counts as an exact duplicate.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    read = counted(between(build.kept, _COLUMNS, "id", first, end))
    read = read.append_column("licence", pc.binary_join(read["licences"], _BETWEEN_LICENCES)).drop_columns(["licences"])
    rows, again = first_of_each(read, "id")
    duplicates = between([build.duplicates], ["id", "kind"], "id", first, end)
    shards = between([build.provenance], ["id", "split", "tokens"], "id", first, end)
    rows = rows.join(duplicates, "id", join_type="left outer").join(shards, "id", join_type="left outer")
    again = again.append_column("kind", pa.array(["exact"] * again.num_rows, pa.string()))
    return pa.concat_tables([rows, again], promote_options="default")


def _in_shards(rows: pa.Table) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter(pc.is_valid(rows["split"]))


def _add_redactions(rows: pa.Table, found: Counter[str], holding: Counter[str]) -> None:
    """Counts redactions: JSON objects of kind to number, of which few are different. Benchmarks are no secrets."""
    for value in rows["redactions"].value_counts().to_pylist():
        for kind, number in json.loads(value["values"]).items():
            if kind.startswith(REDACTED):
                continue
            found[kind] += number * value["counts"]
            holding[kind] += value["counts"]


def _add_lengths(rows: pa.Table, kept: Kept) -> None:
    import pyarrow.compute as pc

    for language in sorted(rows["language"].unique().to_pylist()):
        sizes = rows.filter(pc.equal(rows["language"], language))["bytes"].to_numpy()
        kept.file_bytes[language] = kept.file_bytes.get(language, empty()) + histogram(sizes)
    kept.file_tokens = kept.file_tokens + histogram(rows["tokens"].to_numpy())


def _largest(table: pa.Table | None, name: str, limit: int | None) -> list[dict[str, Any]]:
    return sorted(records(table), key=lambda row: (-row["bytes"], row[name]))[:limit]
