"""Clusters of duplicates: how many of which size, and the largest with some of their members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quantatissu.corpus.report.build import Build, batches, between, having
from quantatissu.corpus.report.model import Cluster, Member
from quantatissu.corpus.report.tables import lowest, records

if TYPE_CHECKING:
    import pyarrow as pa

_CLUSTERS, _MEMBERS = 12, 8  # shown, and of each cluster besides the document kept
_WHERE = ["id", "source", "repository", "revision", "path", "size"]


def read_clusters(build: Build) -> tuple[dict[int, int], tuple[Cluster, ...]]:
    """The number of clusters by octave of their size (2: those of 2 and 3 documents, 4: up to 7 …), and the largest."""
    if not build.kept:
        return {}, ()
    octaves: dict[int, int] = {}
    largest: list[tuple[int, str]] = []
    for first, end in build.ranges():
        sizes = _sizes(between([build.duplicates], ["id", "kept"], "kept", first, end))
        for value in sizes["documents"].value_counts().to_pylist():
            octave = 1 << (value["values"].bit_length() - 1)
            octaves[octave] = octaves.get(octave, 0) + value["counts"]
        top = sizes.sort_by([("documents", "descending"), ("kept", "ascending")]).slice(0, _CLUSTERS)
        largest = sorted([*largest, *((-row["documents"], row["kept"]) for row in records(top))])[:_CLUSTERS]
    return dict(sorted(octaves.items())), _described(build, largest)


def _sizes(duplicates: pa.Table) -> pa.Table:
    """Columns ``kept`` and ``documents``: each cluster's size, the kept document included."""
    import pyarrow.compute as pc

    sizes = duplicates.group_by("kept").aggregate([("id", "count")])
    return sizes.select(["kept"]).append_column("documents", pc.add(sizes["id_count"], 1))


def _described(build: Build, clusters: list[tuple[int, str]]) -> tuple[Cluster, ...]:
    import pyarrow as pa
    import pyarrow.compute as pc

    names = pa.array([kept for _, kept in clusters], pa.string())
    some = None
    for batch in batches([build.duplicates], ["id", "kept", "kind", "jaccard"]):
        some = lowest([some, batch.filter(pc.is_in(batch["kept"], value_set=names))], ["kept"], _MEMBERS)
    members = records(some)
    ids = sorted({*(kept for _, kept in clusters), *(row["id"] for row in members)})
    where = {row["id"]: row for row in records(having(build.kept, _WHERE, "id", ids))}
    return tuple(
        Cluster(
            -documents,
            (
                Member(**where[kept], kind="kept", jaccard=1.0),
                *(
                    Member(**where[row["id"]], kind=row["kind"], jaccard=float(row["jaccard"]))
                    for row in members
                    if row["kept"] == kept
                ),
            ),
        )
        for documents, kept in clusters
    )
