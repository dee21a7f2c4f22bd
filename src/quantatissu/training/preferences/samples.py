"""Preferences as samples: both answers of a pair side by side in a row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import Encoded
from quantatissu.training.conversations import (
    Chat,
    Packing,
    Preferred,
    Rows,
    check,
    fingerprint,
    held_out,
    read_records,
)
from quantatissu.training.data import Batch


class Pair(NamedTuple):
    """Two answers, each behind the prompt; the masks are the answers'."""

    chosen: Encoded
    rejected: Encoded

    @property
    def size(self) -> int:
        """Tokens of both."""
        return len(self.chosen.ids) + len(self.rejected.ids)


@dataclass(frozen=True, slots=True)
class PairBatch(Batch):
    """Rows in which an even document is a chosen answer and the next one the rejected. ``reference`` fp32
    [rows, length]: the reference's log-probability of an answer, at the first token of its document.
    """

    reference: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Preferences:
    """What files hold; ``long`` pairs do not fit into a sample and were left out."""

    train: list[Pair]
    held: list[Pair]
    long: int


def read_preferences(paths: Sequence[Path], chat: Chat, *, length: int, share: float) -> Preferences:
    """Read ``{"prompt": text or messages, "chosen": ..., "rejected": ...}`` records; ``share`` of them is held out, by
    prompt (or by ``group``, for records that have one). Raises QuantaError that names the place of a bad record.
    """
    found = Preferences([], [], 0)
    long = 0
    for record in read_records(paths):
        preferred = check(record, Preferred)
        pair = Pair(
            chat.answered(record, preferred, preferred.chosen), chat.answered(record, preferred, preferred.rejected)
        )
        if pair.size > length:
            long += 1
        elif held_out(record.group(record.fields["prompt"]), share):
            found.held.append(pair)
        else:
            found.train.append(pair)
    if not found.train:
        advice = f" All {long} are longer than data.length, both answers together." if long else ""
        raise QuantaError(f"there is no pair to train on in {', '.join(map(str, paths))}.{advice}")
    return Preferences(found.train, found.held, long)


class PairSamples:
    """Samples of a run from pairs: row `index` is always the same for a seed. Before the first batch ``reference`` must
    be set, fp32 [pairs, 2]: the log-probabilities in nats of chosen and rejected answers under the reference.
    """

    def __init__(self, pairs: Sequence[Pair], *, length: int, seed: int, pad: int) -> None:
        self.pairs, self.length, self._seed, self._pad = pairs, length, seed, pad
        sizes = np.array([pair.size for pair in pairs], np.int64)
        self._packing = Packing(sizes, length=length, seed=seed)
        self.tokens = int(sizes.sum())
        """In one pass."""
        self.reference: NDArray[np.float32] | None = None

    @property
    def fingerprint(self) -> str:
        """Of everything that decides what sample i is, the reference aside."""
        documents = [document for pair in self.pairs for document in pair]
        return fingerprint(documents, "preferences", self.length, self._seed)

    @property
    def per_epoch(self) -> Mapping[int, int]:
        """Samples in one pass over the pairs."""
        return {0: self._packing.rows}

    def items(self, index: int) -> list[int]:
        """The pairs in sample `index`, in order."""
        return self._packing.items(index)

    def batch(self, indices: Sequence[int], *, index: int | None = None) -> PairBatch:
        """The samples `indices` as rows. ``index`` of the batch is by default one more than the highest."""
        assert self.reference is not None, "the reference is computed before the first batch"
        return self.bare(indices, self.reference, index=index)

    def bare(self, indices: Sequence[int], reference: NDArray[np.float32], *, index: int | None = None) -> PairBatch:
        """`batch`, with another ``reference``."""
        rows = Rows(len(indices), self.length, self._pad)
        told = np.zeros(rows.tokens.shape, np.float32)
        for row, number in enumerate(indices):
            for item in self.items(number):
                for side, document in enumerate(self.pairs[item]):
                    told[row, rows.add(row, document).start] = reference[item, side]
        batch = rows.batch(max(indices) + 1 if index is None else index)
        return PairBatch(batch.tokens, batch.targets, batch.documents, batch.positions, batch.index, told)
