"""Questions about single documents of a build: what one is, and what became of files with some path."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from quantatissu.corpus.engine.layout import Layout
from quantatissu.corpus.engine.schema import DROPPED
from quantatissu.foundation import QuantaError

_SHOWN = ["id", "language", "licences", "source", "repository", "revision", "path", "date", "size", "redactions"]


def find_document(folder: Path, doc: str) -> dict[str, Any]:
    """Everything known about the document whose id is, or begins with, ``doc``; with ``text`` when it was kept by the
    stages. Raises QuantaError when there is none, or more than one.
    """
    layout = Layout(folder)
    condition = pc.starts_with(pc.field("id"), doc)
    found = [(row, True) for row in _rows(layout, "kept", condition, [*_SHOWN, "text"])]
    found += [(row, False) for row in _rows(layout, "dropped", condition, DROPPED.names)]
    if not found:
        raise QuantaError(
            f"no document of {folder} has the id {doc}", hint="`quanta corpus why-dropped` finds ids by path."
        )
    if len({row["id"] for row, _ in found}) > 1:
        names = ", ".join(sorted(row["id"] for row, _ in found)[:3])
        raise QuantaError(f"{len(found)} documents have ids that begin with {doc}: {names} …", hint="Give more digits.")
    row, passed = found[0]
    if not passed:
        return _dropped(row)
    text = row.pop("text")
    return {**_kept(layout, [row])[0], "text": text}


def fates(folder: Path, part: str, *, limit: int) -> tuple[list[dict[str, Any]], int]:
    """What became of files whose path holds ``part``: up to ``limit``, left-out ones first, and their number."""
    layout = Layout(folder)
    condition = pc.match_substring(pc.field("path"), part)
    dropped = list(_rows(layout, "dropped", condition, DROPPED.names))
    kept = _kept(layout, list(_rows(layout, "kept", condition, _SHOWN)))
    every = [_dropped(row) for row in dropped] + sorted(kept, key=lambda fate: fate["fate"].startswith("in the corpus"))
    return every[:limit], len(every)


def _rows(layout: Layout, what: str, condition: pc.Expression, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """The rows of all group files of a kind that fulfil a condition, in the order of the files."""
    for path in sorted(layout.groups.glob(f"*/*.{what}.parquet")):
        yield from pq.read_table(path, columns=list(columns), filters=condition).to_pylist()


def _dropped(row: dict[str, Any]) -> dict[str, Any]:
    fate = f"left out by the stage {row.pop('stage')}: {row.pop('reason')}"
    detail, excerpt = row.pop("detail"), row.pop("excerpt")
    if detail:
        fate += f" ({detail})"
    return {"id": row.pop("id"), "fate": fate, **row, **({"excerpt": excerpt} if excerpt else {})}


def _kept(layout: Layout, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Documents that passed the stages, each with its fate: a duplicate, or where it is in the shards."""
    ids = pa.array([row["id"] for row in rows], pa.string())
    duplicates = _by_id(layout.duplicates, ids)
    places = _by_id(layout.provenance, ids)
    found = []
    for row in rows:
        copy, place = duplicates.get(row["id"]), places.get(row["id"])
        if copy:
            fate = f"left out as {'an exact' if copy['kind'] == 'exact' else 'a near'} duplicate of {copy['kept']}"
            fate += f" (Jaccard index {copy['jaccard']:.3f})"
        elif place:
            fate = f"in the corpus: {place['tokens']:,} tokens from {place['offset']:,} of shards/{place['shard']}.bin"
        else:
            fate = "passed the stages; the build is not finished"
        redactions = json.loads(row["redactions"])
        row["redactions"] = [f"{count} {kind}" for kind, count in redactions.items()] or ["none"]
        found.append({"id": row.pop("id"), "fate": fate, **row})
    return found


def _by_id(path: Path, ids: pa.Array) -> dict[str, dict[str, Any]]:
    if not path.is_file() or not len(ids):
        return {}
    return {row["id"]: row for row in pq.read_table(path, filters=pc.field("id").isin(ids)).to_pylist()}
