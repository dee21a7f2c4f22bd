"""Batches for one process of a run, made in the background."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator, Sequence
from dataclasses import fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantatissu.training.data.samples import Batch

_WAIT_SECONDS = 0.1


class Source(Protocol):
    """What samples come from: number i is always the same."""

    def batch(self, indices: Sequence[int], *, index: int | None = None) -> Batch:
        """The samples `indices` as rows, for `Batch.index` = `index`."""
        ...


class Loader:
    """Endless batches of `rows` samples for process `rank` of `world`, from global sample index `start` on.

    Step s takes indices [start + s * rows * world, start + (s + 1) * rows * world); of those, this process gets the
    ones with ``index % world == rank``. So whatever the world size, the same samples are used up by the same index,
    and `Batch.index` with the seed is the whole state. ``prefetch`` batches wait in memory (0: made when asked for).
    """

    def __init__(
        self, samples: Source, *, rows: int, rank: int = 0, world: int = 1, start: int = 0, prefetch: int = 2
    ) -> None:
        if rows < 1 or start < 0 or prefetch < 0 or not 0 <= rank < world:
            raise ValueError("rows must be at least 1, start and prefetch 0, and rank below world")
        self._samples, self._rows, self._rank, self._world = samples, rows, rank, world
        self._start, self._prefetch = start, prefetch

    def __iter__(self) -> Iterator[Batch]:
        return _ahead(self._batches(), self._prefetch) if self._prefetch else self._batches()

    def _batches(self) -> Iterator[Batch]:
        first = self._start
        while True:
            after = first + self._rows * self._world
            mine = range(first + (self._rank - first) % self._world, after, self._world)
            yield self._samples.batch(mine, index=after)
            first = after


def attention_mask(documents: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Who may attend to whom, bool [rows, 1, length, length] as scaled dot-product attention takes it.

    A token attends to itself and to what came before in the same document (`Batch.documents`). Padding attends to
    earlier padding, so that no row of the mask is empty.
    """
    same: NDArray[np.bool_] = documents[:, None, :, None] == documents[:, None, None, :]
    same &= np.tri(documents.shape[1], dtype=np.bool_)
    return same


def to_torch(batch: Batch, device: Any = None) -> dict[str, Any]:
    """All arrays of a batch as tensors, by name; without a copy on the CPU. Imports torch."""
    import torch

    arrays = {one.name: getattr(batch, one.name) for one in fields(batch) if one.name != "index"}
    on_cpu = {name: torch.from_numpy(array) for name, array in arrays.items()}
    if device is None or torch.device(device).type == "cpu":
        return on_cpu
    # Pinned, so that the copy runs beside the computation.
    return {name: tensor.pin_memory().to(device, non_blocking=True) for name, tensor in on_cpu.items()}


def _ahead(batches: Iterator[Batch], count: int) -> Iterator[Batch]:
    """The same batches, up to `count` of them made beforehand in a thread that ends with this iterator."""
    ready: queue.Queue[Batch | BaseException] = queue.Queue(count)
    stopped = threading.Event()

    def hand_over(item: Batch | BaseException) -> None:
        while not stopped.is_set():
            try:
                ready.put(item, timeout=_WAIT_SECONDS)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for batch in batches:
                hand_over(batch)
                if stopped.is_set():
                    return
        except BaseException as error:  # raised where the batch is asked for
            hand_over(error)

    thread = threading.Thread(target=work, name="quanta-loader", daemon=True)
    thread.start()
    try:
        while True:
            item = ready.get()
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        stopped.set()
        thread.join()
