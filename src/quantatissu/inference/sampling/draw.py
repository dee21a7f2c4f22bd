"""One token for each row of logits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.sampling.distribution import (
    Floats,
    Mask,
    Seen,
    adjusted,
    log_normalisers,
    probabilities,
)
from quantatissu.inference.sampling.randomness import uniforms
from quantatissu.inference.sampling.settings import Sampling


@dataclass(frozen=True, slots=True)
class Row:
    """Whom a row of logits belongs to. ``key`` and ``position`` decide the draw; ``seen`` is for penalties only."""

    sampling: Sampling
    key: int
    position: int
    seen: Seen | None = None
    mask: Mask | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """The tokens [R], their log-probabilities under the model as it is [R], and the alternatives asked for, by row."""

    tokens: NDArray[np.int64]
    logprobs: NDArray[np.float64]
    top: list[tuple[tuple[int, float], ...]]


def draw(logits_RV: Floats, rows: Sequence[Row]) -> Drawn:
    """A token for each row. Rows with equal settings are worked on together."""
    tokens = np.empty(len(rows), dtype=np.int64)
    groups: dict[int, list[int]] = {}
    for number, row in enumerate(rows):
        groups.setdefault(id(row.sampling), []).append(number)
    for numbers in groups.values():
        sampling = rows[numbers[0]].sampling
        part = logits_RV if len(numbers) == len(rows) else logits_RV[numbers]
        tokens[numbers] = _draw_alike(part, sampling, [rows[number] for number in numbers])
    normalisers = log_normalisers(logits_RV)
    logprobs = logits_RV[np.arange(len(rows)), tokens].astype(np.float64) - normalisers
    top = [
        alternatives(logits_RV[number], float(normalisers[number]), row.sampling.logprobs or 0)
        for number, row in enumerate(rows)
    ]
    return Drawn(tokens, logprobs, top)


def alternatives(logits_V: Floats, normaliser: float, count: int) -> tuple[tuple[int, float], ...]:
    """The ``count`` likeliest tokens with their log-probabilities, likeliest first."""
    if not count:
        return ()
    count = min(count, len(logits_V))
    likeliest = np.argpartition(-logits_V, count - 1)[:count]
    likeliest = likeliest[np.argsort(-logits_V[likeliest], kind="stable")]
    return tuple((int(token), float(logits_V[token]) - normaliser) for token in likeliest)


def _draw_alike(logits_RV: Floats, sampling: Sampling, rows: list[Row]) -> NDArray[Any]:
    if sampling.bias or any(row.mask is not None or (row.seen is not None and sampling.penalises) for row in rows):
        logits_RV = np.stack(
            [adjusted(logits, sampling, row.seen, row.mask) for logits, row in zip(logits_RV, rows, strict=True)]
        )
    if sampling.temperature == 0:
        likeliest: NDArray[Any] = logits_RV.argmax(axis=1)
        return likeliest
    sums_RV = probabilities(logits_RV, sampling).cumsum(axis=1)
    keys = np.array([row.key for row in rows], dtype=np.uint64)
    positions = np.array([row.position for row in rows], dtype=np.uint64)
    # Beyond the last sum nothing has a chance: rounding must not lead there.
    where = uniforms(keys, positions) * sums_RV[:, -1]
    return np.array([np.searchsorted(sums, at, side="right") for sums, at in zip(sums_RV, where, strict=True)])
