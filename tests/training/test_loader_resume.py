"""The loader: the same samples in the same order, at any world size, from any place."""

from __future__ import annotations

import itertools
import threading
from pathlib import Path

import numpy as np
import pytest
from loader_cases import corpus, texts, tokenizer

from quantatissu.corpus.shards import ShardError, open_shards
from quantatissu.training.data import Batch, DataSettings, Loader, Samples

GLOBAL_ROWS = 8


@pytest.fixture
def drawn(tmp_path: Path) -> Samples:
    made = [corpus(tmp_path / str(number), texts(30 + number)) for number in range(2)]
    return Samples(made, tokenizer(), DataSettings(length=64, seed=3))


def steps(drawn: Samples, world: int, start: int, count: int) -> list[list[list[int]]]:
    """The samples of each step over all ranks, in the order of their global index."""
    ranks = [
        itertools.islice(Loader(drawn, rows=GLOBAL_ROWS // world, rank=rank, world=world, start=start), count)
        for rank in range(world)
    ]
    made = []
    for batches in zip(*ranks, strict=True):
        rows: list[list[int]] = [[]] * GLOBAL_ROWS
        for rank, batch in enumerate(batches):
            rows[(rank - start) % world :: world] = batch.tokens.tolist()
        made.append(rows)
    return made


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("start", [0, 8, 40])
def test_the_order_is_that_of_one_process_at_any_world_size(drawn: Samples, world: int, start: int) -> None:
    wanted = [
        drawn.batch(range(first, first + GLOBAL_ROWS)).tokens.tolist()
        for first in range(start, start + 10 * GLOBAL_ROWS, GLOBAL_ROWS)
    ]
    assert steps(drawn, world, start, 10) == wanted


def test_ranks_take_the_indices_that_are_theirs(drawn: Samples) -> None:
    batch = next(iter(Loader(drawn, rows=2, rank=1, world=4, start=16)))
    assert batch.tokens.tolist() == drawn.batch([17, 21]).tokens.tolist()
    assert batch.index == 24


def test_twice_interrupted_across_an_epoch_and_at_other_world_sizes_it_is_the_same_run(drawn: Samples) -> None:
    epoch = sum(drawn.per_epoch.values())
    count = epoch // GLOBAL_ROWS + 4  # past the first epoch
    whole = steps(drawn, 1, 0, count)
    third = count // 3
    resumed = [
        *steps(drawn, 2, 0, third),
        *steps(drawn, 4, third * GLOBAL_ROWS, third),
        *steps(drawn, 1, 2 * third * GLOBAL_ROWS, count - 2 * third),
    ]
    assert resumed == whole


def test_the_index_of_a_batch_is_where_to_resume(drawn: Samples) -> None:
    batches = iter(Loader(drawn, rows=3))
    used = [next(batches) for _ in range(4)]
    following = next(iter(Loader(drawn, rows=3, start=used[-1].index)))
    assert following.tokens.tolist() == next(batches).tokens.tolist()


def test_made_ahead_or_not_batches_are_the_same(drawn: Samples) -> None:
    def some(prefetch: int) -> list[Batch]:
        return list(itertools.islice(Loader(drawn, rows=2, prefetch=prefetch), 12))

    for one, two in zip(some(0), some(5), strict=True):
        assert all(
            np.array_equal(getattr(one, name), getattr(two, name)) for name in ("tokens", "targets", "positions")
        )


def test_the_thread_ends_with_the_iterator(drawn: Samples) -> None:
    batches = iter(Loader(drawn, rows=2))
    next(batches)
    assert [thread for thread in threading.enumerate() if thread.name == "quanta-loader"]
    batches.close()  # type: ignore[attr-defined]
    assert not [thread for thread in threading.enumerate() if thread.name == "quanta-loader"]


def test_an_error_in_the_background_arrives(tmp_path: Path) -> None:
    corpus(tmp_path, texts())
    path = tmp_path / "train-00000.bin"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    drawn = Samples([open_shards(tmp_path, full=False)], tokenizer(), DataSettings(length=64))
    with pytest.raises(ShardError):
        for _ in itertools.islice(Loader(drawn, rows=4), 500):
            pass


@pytest.mark.parametrize(
    ("rows", "rank", "world", "start", "prefetch"),
    [(0, 0, 1, 0, 1), (1, 1, 1, 0, 1), (1, -1, 1, 0, 1), (1, 0, 1, -1, 1), (1, 0, 1, 0, -1)],
)
def test_numbers_that_make_no_sense(
    drawn: Samples, rows: int, rank: int, world: int, start: int, prefetch: int
) -> None:
    with pytest.raises(ValueError, match="rank below world"):
        Loader(drawn, rows=rows, rank=rank, world=world, start=start, prefetch=prefetch)
