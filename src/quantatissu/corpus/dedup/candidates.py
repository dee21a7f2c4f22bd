"""The documents that share a bucket with another one, and those buckets as lists of small numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Candidate:
    """A document that shares a bucket."""

    id: str
    rank: int
    shingle_count: int


@dataclass(frozen=True, slots=True)
class Candidates:
    """``documents`` in the order of the group files; ``buckets`` hold their positions and are in a defined order."""

    documents: list[Candidate]
    buckets: list[list[int]]


def gather(files: Sequence[Path], found: Iterable[list[str]]) -> Candidates:
    """Number the members of the buckets `found` (sorted ids each). Buckets with the same members are one: copies share
    nearly all of their bands. Reads the columns ``id``, ``rank`` and ``shingle_count`` of `files` once.
    """
    import pyarrow
    import pyarrow.compute
    import pyarrow.parquet

    numbers: dict[str, int] = {}
    distinct: dict[bytes, list[int]] = {}
    for ids in found:
        mark = hashlib.blake2b("\0".join(ids).encode(), digest_size=16).digest()
        if mark not in distinct:
            distinct[mark] = [numbers.setdefault(id_, len(numbers)) for id_ in ids]
    wanted = pyarrow.array(numbers, pyarrow.string())
    documents: list[Candidate] = []
    position = [0] * len(numbers)
    for file in files:
        table = pyarrow.parquet.read_table(file, columns=["id", "rank", "shingle_count"])
        table = table.filter(pyarrow.compute.is_in(table.column("id").cast(pyarrow.string()), value_set=wanted))
        for row in table.to_pylist():
            position[numbers[row["id"]]] = len(documents)
            documents.append(Candidate(row["id"], row["rank"], row["shingle_count"]))
    buckets = ([position[number] for number in bucket] for bucket in distinct.values())
    return Candidates(
        documents, sorted((sorted(bucket) for bucket in buckets), key=lambda bucket: (len(bucket), bucket))
    )
