"""Summaries in pieces: the pieces' order and number do not show, and what is bounded stays near the truth."""

from __future__ import annotations

from collections import Counter, defaultdict

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.corpus.report.lengths import empty, histogram, lengths, quantile
from quantatissu.corpus.report.tables import heaviest, lowest, records, totals

NAMES = st.sampled_from("abcdefghijklm")
WEIGHTED = st.lists(st.tuples(NAMES, st.integers(1, 100)), max_size=80)


def weights(rows: list[tuple[str, int]]) -> pa.Table:
    return pa.table(
        {
            "name": pa.array([name for name, _ in rows], pa.string()),
            "bytes": pa.array([weight for _, weight in rows], pa.int64()),
        }
    )


@settings(deadline=None)
@given(st.lists(WEIGHTED, min_size=1, max_size=8))
def test_totals_of_pieces_are_the_totals_of_the_whole(pieces: list[list[tuple[str, int]]]) -> None:
    running = None
    truth: Counter[str] = Counter()
    for piece in pieces:
        running = totals([running, weights(piece)], ["name"], ["bytes"])
        for name, weight in piece:
            truth[name] += weight
    assert {row["name"]: row["bytes"] for row in records(running)} == truth


@settings(deadline=None)
@given(st.lists(WEIGHTED, min_size=1, max_size=8), st.integers(1, 5))
def test_the_heaviest_are_low_by_at_most_their_share_of_the_whole(
    pieces: list[list[tuple[str, int]]], limit: int
) -> None:
    running = None
    truth: Counter[str] = Counter()
    for piece in pieces:
        running = heaviest(totals([running, weights(piece)], ["name"], ["bytes"]), "bytes", limit)
        assert running.num_rows <= 2 * limit
        for name, weight in piece:
            truth[name] += weight
    found = {row["name"]: row["bytes"] for row in records(running)}
    for name, weight in truth.items():
        assert weight - truth.total() / limit <= found.get(name, 0) <= weight


@settings(deadline=None)
@given(st.lists(st.lists(st.tuples(NAMES, NAMES, st.integers(0, 999))), min_size=1, max_size=5), st.integers(1, 3))
def test_the_lowest_ids_of_each_group(pieces: list[list[tuple[str, str, int]]], limit: int) -> None:
    running = None
    truth: dict[tuple[str, str], list[str]] = defaultdict(list)
    for piece in pieces:
        columns = list(zip(*piece, strict=True)) or [(), (), ()]
        ids = [f"{number:03d}" for number in columns[2]]
        table = pa.table(
            {
                "one": pa.array(columns[0], pa.string()),
                "other": pa.array(columns[1], pa.string()),
                "id": pa.array(ids, pa.string()),
            }
        )
        running = lowest([running, table], ["one", "other"], limit)
        for one, other, number in piece:
            truth[one, other].append(f"{number:03d}")
    expected = [(*key, name) for key, names in sorted(truth.items()) for name in sorted(names)[:limit]]
    assert [(row["one"], row["other"], row["id"]) for row in records(running)] == expected


@settings(deadline=None)
@given(st.lists(st.integers(0, 1 << 40), min_size=1, max_size=200), st.floats(0.01, 1))
def test_quantiles_are_within_a_few_percent(values: list[int], part: float) -> None:
    array = pa.array(values, pa.int64()).to_numpy()
    exact = sorted(values)[max(0, -int(-part * len(values) // 1) - 1)]
    assert quantile(histogram(array), part) == pytest.approx(max(exact, 1), rel=0.1, abs=0.5)


def test_distributions_in_octaves() -> None:
    counts = histogram(pa.array([0, 1, 4, 5, 7, 64]).to_numpy())
    assert lengths(counts).bins == ((1, 2), (2, 0), (4, 3), (8, 0), (16, 0), (32, 0), (64, 1))
    assert lengths(empty()).bins == ()
    assert lengths(empty()).median == 0
