"""What tokens are drawn from: logits changed as the settings say, as probabilities.

Shapes: R rows, V vocabulary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.sampling.settings import Sampling

Floats = NDArray[np.floating[Any]]
Mask = NDArray[np.uint32]
"""Which tokens are admitted, a bit each, the lowest first [ceil(V / 32)]."""


class Seen:
    """The tokens of a prompt and the answer so far, for penalties."""

    def __init__(self, prompt: Iterable[int] = (), answer: Iterable[int] = ()) -> None:
        self._prompt = set(prompt)
        self._answer = Counter(answer)

    def add(self, token: int) -> None:
        """The answer goes on with ``token``."""
        self._answer[token] += 1

    def penalise(self, logits_V: Floats, sampling: Sampling) -> None:
        """Change the logits of these tokens in place."""
        if sampling.repetition_penalty != 1 and (self._prompt or self._answer):
            every = np.fromiter(self._prompt | self._answer.keys(), dtype=np.int64)
            found = logits_V[every]
            by = sampling.repetition_penalty
            logits_V[every] = np.where(found > 0, found / by, found * by)
        if self._answer and (sampling.presence_penalty or sampling.frequency_penalty):
            tokens = np.fromiter(self._answer.keys(), dtype=np.int64)
            counts = np.fromiter(self._answer.values(), dtype=np.float64)
            logits_V[tokens] -= sampling.presence_penalty + sampling.frequency_penalty * counts


def log_normalisers(logits_RV: Floats) -> Floats:
    """log of the sum of exponentials of each row [R]: what to subtract from logits to have log-probabilities."""
    largest_R1 = logits_RV.max(axis=1, keepdims=True)
    sums: Floats = np.log(np.exp(logits_RV - largest_R1).sum(axis=1)) + largest_R1[:, 0]
    return sums


def adjusted(logits_V: Floats, sampling: Sampling, seen: Seen | None, mask: Mask | None) -> Floats:
    """A row with penalties, bias and constraint applied: a copy, if anything is to be changed."""
    if not (sampling.bias or mask is not None or (seen is not None and sampling.penalises)):
        return logits_V
    changed = logits_V.copy()
    if seen is not None and sampling.penalises:
        seen.penalise(changed, sampling)
    for token, bias in sampling.bias.items():
        if 0 <= token < len(changed):
            changed[token] += bias
    if mask is not None:
        changed[~admitted(mask, len(changed))] = -np.inf
    return changed


def admitted(mask: Mask, vocabulary: int) -> NDArray[np.bool_]:
    """``mask`` as a truth value for each token [V]."""
    bits = np.unpackbits(mask.view(np.uint8), bitorder="little", count=min(vocabulary, 32 * len(mask)))
    if len(bits) < vocabulary:
        bits = np.concatenate([bits, np.zeros(vocabulary - len(bits), dtype=np.uint8)])
    return bits.view(np.bool_)


def probabilities(logits_RV: Floats, sampling: Sampling) -> Floats:
    """Probabilities [R, V], float64, of adjusted logits after temperature, top-k, top-p, min-p; greedy: all on one."""
    if sampling.temperature == 0:
        chosen = np.zeros(logits_RV.shape, dtype=np.float64)
        chosen[np.arange(len(logits_RV)), logits_RV.argmax(axis=1)] = 1.0
        return chosen
    scaled = logits_RV.astype(np.float64) / sampling.temperature
    scaled -= scaled.max(axis=1, keepdims=True)
    if 0 < sampling.top_k < scaled.shape[1]:
        least = np.partition(scaled, -sampling.top_k, axis=1)[:, -sampling.top_k, None]
        scaled[scaled < least] = -np.inf
    chances = np.exp(scaled)
    chances /= chances.sum(axis=1, keepdims=True)
    if sampling.top_p < 1:
        _keep_nucleus(chances, sampling.top_p)
    if sampling.min_p > 0:
        chances[chances < sampling.min_p * chances.max(axis=1, keepdims=True)] = 0
    if sampling.top_p < 1 or sampling.min_p > 0:
        chances /= chances.sum(axis=1, keepdims=True)
    return chances


def _keep_nucleus(chances_RV: Floats, share: float) -> None:
    """Set all but the likeliest tokens that together have at least ``share`` to zero."""
    for row in chances_RV:
        # Tokens below this cannot be needed: all of them together would not change which ones reach the share.
        candidates = np.flatnonzero(row > (1 - share) / len(row))
        order = candidates[np.argsort(-row[candidates], kind="stable")]
        kept = order[: int(np.searchsorted(np.cumsum(row[order]), share)) + 1]
        values = row[kept]
        row[:] = 0
        row[kept] = values


def distribution(
    logits_V: Floats, sampling: Sampling, seen: Seen | None = None, mask: Mask | None = None
) -> NDArray[np.float64]:
    """What one token is drawn from [V]: everything `Sampling` says applied."""
    found: NDArray[np.float64] = probabilities(adjusted(logits_V, sampling, seen, mask)[None], sampling)[0]
    return found
