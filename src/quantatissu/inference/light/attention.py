"""Attention over pages in numpy, as the plan says. Suffixes: R rows, K key heads, G query heads of a key head, N head
dimension, S segments, Q rows of a segment, L keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.pages.plan import Plan, Slots

Floats = NDArray[np.float32]
_ROWS = 128  # of a prompt at once: the scores of all would take much memory
_RUNS = 8  # pages in more runs than that are copied together instead


class Attention:
    """A step's reads, prepared once for all layers."""

    def __init__(self, plan: Plan, groups: int) -> None:
        """``groups`` query heads share a key head."""
        self._plan, self._groups = plan, groups
        self._single = [_runs(one.slots) for one in plan.single]
        self._shared = [_runs(one.slots) for one in plan.shared]
        self._bias_SGQL: Floats | None = None
        if plan.padded is not None:
            bias = np.where(plan.padded.seen_SQK, np.float32(0), np.float32(-np.inf))
            self._bias_SGQL = np.repeat(bias[:, None], groups, axis=1)

    def __call__(self, q_RKGN: Floats, keys_KLN: Floats, values_KLN: Floats) -> Floats:
        """Attention of all rows over one layer's pool [K, slots, N]; [R, K, G, N]. Queries are scaled already."""
        plan, shape = self._plan, q_RKGN.shape
        out = np.empty(shape, dtype=np.float32)
        logs = np.empty(shape[:3], dtype=np.float32)
        for one, runs in zip(plan.single, self._single, strict=True):
            keys, values = [keys_KLN[:, run] for run in runs], [values_KLN[:, run] for run in runs]
            for first, last in _parts(one.first, one.last):
                rows = slice(first, last)
                out[rows], logs[rows] = _attend(q_RKGN[rows], keys, values, causal=True, later=one.last - last)
        if plan.padded is not None:
            self._padded(q_RKGN, keys_KLN, values_KLN, out, logs)
        for both, runs in zip(plan.shared, self._shared, strict=True):
            keys, values = [keys_KLN[:, run] for run in runs], [values_KLN[:, run] for run in runs]
            part, some = _attend(q_RKGN[both.rows], keys, values)
            # exp(a) / (exp(a) + exp(b)) of the sum belongs to the shared part.
            share = 1 / (1 + np.exp(np.clip(logs[both.rows] - some, -80, 80)))
            own = out[both.rows]
            out[both.rows] = own + share[..., None] * (part - own)
        return out

    def _padded(self, q_RKGN: Floats, keys_KLN: Floats, values_KLN: Floats, out: Floats, logs: Floats) -> None:
        padded, bias = self._plan.padded, self._bias_SGQL
        assert padded is not None and bias is not None
        S, Q = padded.rows_SQ.shape
        K, N = keys_KLN.shape[0], keys_KLN.shape[2]
        q = q_RKGN[padded.rows_SQ].transpose(0, 2, 3, 1, 4).reshape(S, K, self._groups * Q, N)
        keys_SKLN, values_SKLN = (pool[:, padded.slots_SK].transpose(1, 0, 2, 3) for pool in (keys_KLN, values_KLN))
        scores = q @ keys_SKLN.swapaxes(-1, -2)
        scores += bias.reshape(S, 1, self._groups * Q, -1)
        weights, some = _softmax(scores)
        part = (weights @ values_SKLN).reshape(S, K, self._groups, Q, N).transpose(0, 3, 1, 2, 4)
        rows, valid = padded.rows_SQ[padded.valid_SQ], padded.valid_SQ
        out[rows] = part[valid]
        logs[rows] = some.reshape(S, K, self._groups, Q).transpose(0, 3, 1, 2)[valid]


def _runs(slots: Slots) -> Sequence[Slots]:
    """Slots as slices, which are read where they lie, if they are few."""
    if isinstance(slots, slice):
        return [slots]
    ends = (np.flatnonzero(np.diff(slots) != 1) + 1).tolist()
    if len(ends) >= _RUNS:
        return [slots]
    starts = [0, *ends]
    return [
        slice(int(slots[start]), int(slots[end - 1]) + 1)
        for start, end in zip(starts, [*ends, len(slots)], strict=True)
    ]


def _parts(first: int, last: int) -> Iterator[tuple[int, int]]:
    """Rows ``first`` to ``last`` of a prompt in parts."""
    for begin in range(first, last, _ROWS):
        yield begin, min(begin + _ROWS, last)


def _attend(
    q_RKGN: Floats, keys: Sequence[Floats], values: Sequence[Floats], *, causal: bool = False, later: int = 0
) -> tuple[Floats, Floats]:
    """Attention [R, K, G, N] and the logarithm of its sum of exponentials [R, K, G] over runs of keys, each [K, L, N].

    ``causal``: the last row sees all keys but the last ``later``, the one before one fewer, and so on; otherwise all
    rows see all.
    """
    R, K, G, N = q_RKGN.shape
    ends = np.cumsum([run.shape[1] for run in keys]).tolist()
    q = q_RKGN.transpose(1, 2, 0, 3).reshape(K, G * R, N)
    scores = np.empty((K, G * R, ends[-1]), dtype=np.float32)
    spans = [slice(end - run.shape[1], end) for run, end in zip(keys, ends, strict=True)]
    for run, span in zip(keys, spans, strict=True):
        np.matmul(q, run.swapaxes(-1, -2), out=scores[..., span])
    if causal and R + later > 1:
        seen = ends[-1] - later
        unseen = scores.reshape(K, G, R, -1)
        unseen[..., seen:] = -np.inf
        unseen[..., seen - R : seen] += np.triu(np.full((R, R), -np.inf, dtype=np.float32), 1)
    weights, logs = _softmax(scores)
    part = weights[..., spans[0]] @ values[0]
    for run, span in zip(values[1:], spans[1:], strict=True):
        part += weights[..., span] @ run
    return part.reshape(K, G, R, N).transpose(2, 0, 1, 3), logs.reshape(K, G, R).transpose(2, 0, 1)


def _softmax(scores: Floats) -> tuple[Floats, Floats]:
    """Over the last axis, in place, and the logarithms of the sums."""
    top = scores.max(axis=-1, keepdims=True)
    scores -= top
    np.exp(scores, out=scores)
    total = scores.sum(axis=-1, keepdims=True)
    scores /= total
    return scores, (top + np.log(total))[..., 0]
