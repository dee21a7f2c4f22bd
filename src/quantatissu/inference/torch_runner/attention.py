"""Attention over pages, as the plan says. Suffixes: R rows, K key heads, G query heads of a key head, N head dimension,
S segments, Q rows of a segment, L keys.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from quantatissu.inference.pages.plan import Plan, Slots


@dataclass(frozen=True, slots=True)
class Reads:
    """A plan's reads of keys and values as tensors on the device."""

    shared: tuple[tuple[Tensor, slice | Tensor], ...]
    padded: tuple[Tensor, Tensor, Tensor, Tensor, Tensor] | None
    single: tuple[tuple[int, int, slice | Tensor, Tensor | None], ...]
    twice: Tensor | None
    """Rows that are in a shared part and in another one; None: none."""


def make_reads(plan: Plan, groups: int, dtype: torch.dtype, device: torch.device) -> Reads:
    """``groups`` query heads share a key head."""

    def moved(slots: Slots) -> slice | Tensor:
        return slots if isinstance(slots, slice) else torch.from_numpy(slots).to(device)

    padded = None
    if plan.padded is not None:
        part = plan.padded
        seen = torch.from_numpy(part.seen_SQK).repeat_interleave(groups, dim=1)[:, None].to(device)
        segments, rows = part.valid_SQ.nonzero()
        padded = (
            torch.from_numpy(part.rows_SQ).to(device),
            torch.from_numpy(part.slots_SK).to(device),
            torch.zeros(seen.shape, dtype=dtype, device=device).masked_fill_(~seen, float("-inf")),
            torch.from_numpy(segments * part.rows_SQ.shape[1] + rows).to(device),
            torch.from_numpy(part.rows_SQ[part.valid_SQ]).to(device),
        )
    single = []
    for one in plan.single:
        rows_count, keys = one.last - one.first, _count(one.slots)
        mask = None
        if rows_count > 1:
            seen = torch.ones(rows_count, keys, dtype=torch.bool, device=device).tril(keys - rows_count)
            mask = torch.zeros(rows_count, keys, dtype=dtype, device=device).masked_fill_(~seen, float("-inf"))
            mask = mask.repeat_interleave(groups, dim=0)[None, None]
        single.append((one.first, one.last, moved(one.slots), mask))
    shared = tuple((torch.from_numpy(part.rows).to(device), moved(part.slots)) for part in plan.shared)
    twice = torch.cat([rows for rows, _ in shared]) if shared else None
    return Reads(shared, padded, tuple(single), twice)


def attend(reads: Reads, q_RKGN: Tensor, keys_KLN: Tensor, values_KLN: Tensor) -> Tensor:
    """Attention of all rows over the keys and values of one layer's pool; [R, K, G, N]."""
    R, K, G, N = q_RKGN.shape
    out = torch.empty_like(q_RKGN)
    sums = q_RKGN.new_empty((R, K, G), dtype=torch.float32) if reads.twice is not None else None

    def put(rows: Tensor | slice, part: Tensor, logs: Tensor) -> None:
        out[rows] = part
        if sums is not None:
            sums[rows] = logs

    for first, last, slots, mask in reads.single:
        q = q_RKGN[first:last].permute(1, 0, 2, 3).reshape(1, K, -1, N)
        part, logs = _attention(q, _at(keys_KLN, slots)[None], _at(values_KLN, slots)[None], mask)
        put(
            slice(first, last),
            part.view(K, last - first, G, N).permute(1, 0, 2, 3),
            logs.view(K, last - first, G).permute(1, 0, 2),
        )
    if reads.padded is not None:
        rows_SQ, slots_SK, mask, picked, valid = reads.padded
        S, Q = rows_SQ.shape
        q = q_RKGN[rows_SQ].permute(0, 2, 1, 3, 4).reshape(S, K, Q * G, N)
        flat = slots_SK.flatten()
        k, v = (pool.index_select(1, flat).view(K, S, -1, N).transpose(0, 1) for pool in (keys_KLN, values_KLN))
        part, logs = _attention(q, k, v, mask)
        put(
            valid,
            part.view(S, K, Q, G, N).permute(0, 2, 1, 3, 4).reshape(S * Q, K, G, N)[picked],
            logs.view(S, K, Q, G).permute(0, 2, 1, 3).reshape(S * Q, K, G)[picked],
        )
    for rows, slots in reads.shared:
        assert sums is not None
        q = q_RKGN[rows].permute(1, 0, 2, 3).reshape(1, K, -1, N)
        part, logs = _attention(q, _at(keys_KLN, slots)[None], _at(values_KLN, slots)[None], None)
        part, logs = part.view(K, -1, G, N).permute(1, 0, 2, 3), logs.view(K, -1, G).permute(1, 0, 2)
        # exp(a) / (exp(a) + exp(b)) of the sum belongs to the shared part.
        share = torch.sigmoid(logs - sums[rows]).to(out.dtype).unsqueeze(-1)
        out[rows] = torch.lerp(out[rows], part.to(out.dtype), share)
    return out


def _attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None) -> tuple[Tensor, Tensor]:
    """Attention [B, K, rows, N] and the logarithm of its sum of exponentials, float32 [B, K, rows]."""
    if q.device.type == "cpu" and q.dtype != torch.float64:
        out, logs = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, False, attn_mask=mask)
        return out, logs
    scores = (q @ k.transpose(-1, -2)).float() * q.shape[-1] ** -0.5
    if mask is not None:
        scores = scores + mask
    logs = scores.logsumexp(-1)
    return (scores - logs.unsqueeze(-1)).exp().to(v.dtype) @ v, logs


def _at(pool_KLN: Tensor, slots: slice | Tensor) -> Tensor:
    return pool_KLN[:, slots] if isinstance(slots, slice) else pool_KLN.index_select(1, slots)


def _count(slots: Slots) -> int:
    return slots.stop - slots.start if isinstance(slots, slice) else len(slots)
