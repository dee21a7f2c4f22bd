"""Packing: every token of every document exactly once in an epoch, in samples of the right length."""

from __future__ import annotations

from collections import defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.training.data.packing import BestFit, Concatenate, Piece

PROPERTY = settings(deadline=None, max_examples=80, derandomize=True)
LENGTHS = st.lists(st.integers(1, 90), min_size=1, max_size=60)
PACKINGS = pytest.mark.parametrize("packing", [BestFit, Concatenate])


def pieces_of(plan: BestFit | Concatenate, epoch: int) -> list[list[Piece]]:
    passing = plan.epoch(7, epoch)
    return [passing.pieces(sample) for sample in range(plan.samples)]


@PACKINGS
@PROPERTY
@given(lengths=LENGTHS, capacity=st.integers(1, 40), epoch=st.integers(0, 3))
def test_every_token_exactly_once(
    packing: type[BestFit | Concatenate], lengths: list[int], capacity: int, epoch: int
) -> None:
    seen: dict[int, list[int]] = defaultdict(list)
    for pieces in pieces_of(packing(np.array(lengths), capacity), epoch):
        assert 0 < sum(piece.stop - piece.start for piece in pieces) <= capacity
        for piece in pieces:
            seen[piece.document].extend(range(piece.start, piece.stop))
    assert {document: sorted(tokens) for document, tokens in seen.items()} == {
        document: list(range(length)) for document, length in enumerate(lengths)
    }


@PROPERTY
@given(lengths=LENGTHS, capacity=st.integers(1, 40))
def test_best_fit_cuts_only_what_is_longer_than_a_sample(lengths: list[int], capacity: int) -> None:
    for pieces in pieces_of(BestFit(np.array(lengths), capacity), 0):
        for piece in pieces:
            if lengths[piece.document] <= capacity:
                assert (piece.start, piece.stop) == (0, lengths[piece.document])
            else:
                assert piece.start % capacity == 0


@PROPERTY
@given(lengths=LENGTHS, capacity=st.integers(1, 40))
def test_best_fit_is_best_fit_decreasing(lengths: list[int], capacity: int) -> None:
    """As many samples as the textbook's algorithm, written naively."""
    sizes = [size for length in lengths for size in [capacity] * (length // capacity) + [length % capacity] if size]
    rooms: list[int] = []
    for size in sorted(sizes, reverse=True):
        fitting = [room for room in rooms if room >= size]
        if fitting:
            rooms.remove(min(fitting))
        rooms.append((min(fitting) if fitting else capacity) - size)
    assert BestFit(np.array(lengths), capacity).samples == len(rooms)


@PROPERTY
@given(lengths=LENGTHS, capacity=st.integers(1, 40))
def test_concatenation_fills_every_sample_but_one(lengths: list[int], capacity: int) -> None:
    sizes = sorted(
        sum(piece.stop - piece.start for piece in pieces)
        for pieces in pieces_of(Concatenate(np.array(lengths), capacity), 0)
    )
    assert all(size == capacity for size in sizes[1:])


@PACKINGS
class TestEpochs:
    lengths = np.array([5 + number % 13 for number in range(300)])

    def test_are_the_same_when_asked_again(self, packing: type[BestFit | Concatenate]) -> None:
        plan = packing(self.lengths, 32)
        assert pieces_of(plan, 4) == pieces_of(packing(self.lengths, 32), 4)

    def test_have_orders_and_neighbours_of_their_own(self, packing: type[BestFit | Concatenate]) -> None:
        plan = packing(self.lengths, 32)
        first, second = pieces_of(plan, 0), pieces_of(plan, 1)
        assert first != second
        together = [{frozenset(piece.document for piece in pieces) for pieces in epoch} for epoch in (first, second)]
        assert len(together[0] & together[1]) < len(first) / 4

    def test_other_seeds_give_other_orders(self, packing: type[BestFit | Concatenate]) -> None:
        plan = packing(self.lengths, 32)
        assert plan.epoch(1, 0).pieces(0) != plan.epoch(2, 0).pieces(0)


def test_best_fit_wastes_little_of_real_lengths() -> None:
    lengths = np.random.default_rng(0).lognormal(6, 1, 4000).astype(np.int64) + 1
    plan = BestFit(lengths, 2048)
    assert lengths.sum() / (plan.samples * 2048) > 0.99
