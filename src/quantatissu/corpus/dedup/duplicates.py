"""From signed documents to the table of duplicates: exact copies first, then near ones, every link verified."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quantatissu.corpus.dedup.candidates import Candidate, Candidates, gather
from quantatissu.corpus.dedup.clusters import UnionFind
from quantatissu.corpus.dedup.exact import exact_duplicates
from quantatissu.corpus.dedup.lsh import buckets, choose_bands
from quantatissu.corpus.dedup.settings import DedupSettings
from quantatissu.corpus.dedup.spill import Spill
from quantatissu.corpus.dedup.verify import jaccard, link
from quantatissu.corpus.runner import Runner, use_runner

if TYPE_CHECKING:
    import pyarrow

Texts = Callable[[Sequence[str]], Mapping[str, str]]


def find_duplicates(
    groups: Sequence[Path], texts: Texts, settings: DedupSettings | None = None, runner: Runner = "native"
) -> pyarrow.Table:
    """Every document that another one makes superfluous: a table ``id, kept, kind, jaccard`` in order of ids.

    `groups` are Parquet files with columns ``id`` (string), ``content_hash`` (binary), ``minhash`` (list of uint32),
    ``shingle_count`` and ``rank`` (integers), as `sign` gives them. `texts` gives the texts of some ids; it is asked
    only for candidates, in the order of the group files, about ``settings.texts_megabytes`` at a time.

    ``kept`` is a document that stays: the lowest by (rank, id) of its cluster. Clusters are the connected components
    of the links of at least ``settings.threshold``, so two members may be joined by a chain only; ``jaccard`` is always
    the exact index of ``id`` and ``kept`` themselves and may then be below the threshold. ``kind`` is ``exact`` or
    ``near``; a copy of a document that itself is a near duplicate counts as ``near``.

    The result depends on the documents alone, not on the files they are in, the runner or its workers. Memory: the ids
    of candidates and their buckets, one pass of band rows, and ``settings.texts_megabytes`` of text; shingles of
    candidates go to a temporary file. Raises QuantaError when this process cannot run plans on `runner`
    any more.
    """
    import pyarrow
    import pyarrow.parquet

    settings = settings or DedupSettings()
    use_runner(runner)
    files = [file for file in groups if pyarrow.parquet.read_metadata(file).num_rows]
    documents = sum(pyarrow.parquet.read_metadata(file).num_rows for file in files)
    limit = settings.rows_per_pass
    exact = exact_duplicates(files, rows_per_pass=limit, documents=documents) if settings.exact and files else {}
    near: dict[str, tuple[str, float]] = {}
    if settings.near and files:
        found = buckets(
            files,
            choose_bands(settings.threshold, settings.recall),
            leave_out=pyarrow.table({"id": pyarrow.array(exact, pyarrow.string())}),
            rows_per_pass=limit,
            documents=documents,
        )
        near = near_duplicates(gather(files, found), texts, settings)
    return _table(exact, near)


def near_duplicates(candidates: Candidates, texts: Texts, settings: DedupSettings) -> dict[str, tuple[str, float]]:
    """From the id of every near duplicate to the id kept and their exact Jaccard index."""
    documents = candidates.documents
    order = sorted(range(len(documents)), key=lambda number: (documents[number].rank, documents[number].id))
    place = {number: position for position, number in enumerate(order)}  # the least of a set is the one kept
    clusters = UnionFind(len(documents))
    near: dict[str, tuple[str, float]] = {}
    with tempfile.TemporaryDirectory(prefix="quanta-dedup-") as folder, Spill(Path(folder) / "shingles") as spill:
        for chunk in _chunks(documents, settings.texts_megabytes * 1_000_000):
            found = texts([document.id for document in chunk])
            spill.extend(found[document.id] for document in chunk)
        for bucket in candidates.buckets:
            members = sorted(place[number] for number in bucket)
            if len({clusters.find(member) for member in members}) > 1:
                link(members, [spill[order[member]] for member in members], settings.threshold, clusters)
        for kept, *others in clusters.clusters():
            for other in others:
                index = jaccard(spill[order[kept]], spill[order[other]])
                near[documents[order[other]].id] = (documents[order[kept]].id, index)
    return near


def _chunks(documents: Sequence[Candidate], limit_bytes: int) -> Iterable[list[Candidate]]:
    """`documents` in order, apart into lists whose texts hold about `limit_bytes` at most."""
    bytes_per_shingle = 6  # of source text: about one token
    chunk: list[Candidate] = []
    size = 0
    for document in documents:
        if chunk and size + document.shingle_count * bytes_per_shingle > limit_bytes:
            yield chunk
            chunk, size = [], 0
        chunk.append(document)
        size += document.shingle_count * bytes_per_shingle
    if chunk:
        yield chunk


def _table(exact: Mapping[str, str], near: Mapping[str, tuple[str, float]]) -> pyarrow.Table:
    import pyarrow

    rows = {id_: (kept, "near", index) for id_, (kept, index) in near.items()}
    for id_, copy_of in exact.items():
        rows[id_] = (near[copy_of][0], "near", near[copy_of][1]) if copy_of in near else (copy_of, "exact", 1.0)
    ids = sorted(rows)
    return pyarrow.table(
        {
            "id": pyarrow.array(ids, pyarrow.string()),
            "kept": pyarrow.array([rows[id_][0] for id_ in ids], pyarrow.string()),
            "kind": pyarrow.array([rows[id_][1] for id_ in ids], pyarrow.string()),
            "jaccard": pyarrow.array(np.array([rows[id_][2] for id_ in ids], np.float64)),
        }
    )
