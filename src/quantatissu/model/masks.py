"""Which tokens attend to which: a `Mask`, built once for a batch and shared by all layers, and `attend`.

Three kinds cover every case. No documents: plain causal attention. Documents on a GPU: a FlexAttention block mask,
which skips blocks that no token of a document needs. Documents on a CPU: the spans of the documents, each attended on
its own. Where those do not serve (while torch.compile traces, or by request) the same rule is a dense boolean mask for
scaled-dot-product attention (SDPA).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention

from quantatissu.model.blockwise import Span, attend_blockwise
from quantatissu.model.fused import by_hand


@dataclass(frozen=True, slots=True)
class Causal:
    """Every token attends to itself and to all earlier ones."""


@dataclass(frozen=True, slots=True)
class Everything:
    """Every token attends to all keys: a single query at the end of a cache."""


@dataclass(frozen=True, slots=True)
class Dense:
    """``allowed`` bool [B or 1, 1, queries, keys]: where attention may look."""

    allowed: Tensor


@dataclass(frozen=True, slots=True)
class Packed:
    """Documents as ``spans``, for `attend_blockwise`."""

    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Blocks:
    """FlexAttention's block mask."""

    blocks: BlockMask


Mask = Causal | Everything | Dense | Packed | Blocks


def build_mask(documents_BT: Tensor | None, *, flex: bool | None = None) -> Mask:
    """The mask of a batch: a token attends to itself and to earlier tokens of the same document.

    ``documents_BT`` int [B, T] numbers the documents of each row, each in one piece; padding, -1, is a document like
    any other. None means one document a row. ``flex``: True for FlexAttention, False for SDPA with a dense mask, None
    for what is best on the device. Inside torch.compile that is the dense mask on a CPU: spans differ from batch to
    batch, so only a mask built outside has them, and attention then runs outside the compiled graph.
    """
    if documents_BT is None:
        return Causal()
    if flex or (flex is None and documents_BT.is_cuda):
        return Blocks(_block_mask(documents_BT))
    if flex is None and documents_BT.device.type == "cpu" and not torch.compiler.is_compiling():
        return _packed(documents_BT)
    return Dense(_dense(documents_BT))


def attend(q_BHTN: Tensor, k_BKSN: Tensor, v_BKSN: Tensor, mask: Mask) -> Tensor:
    """Softmax attention, scaled by N^-0.5 [B, H, T, N]; K key heads serve H query heads in order. S keys, T queries."""
    if isinstance(mask, Packed):
        packed: Tensor = _attend_packed(q_BHTN, k_BKSN, v_BKSN, mask)
        return packed
    if isinstance(mask, Causal) and by_hand(q_BHTN):
        rows, length = q_BHTN.shape[0], q_BHTN.shape[2]
        return attend_blockwise(q_BHTN, k_BKSN, v_BKSN, (Span(0, rows, 0, length),))
    grouped = q_BHTN.shape[1] != k_BKSN.shape[1]
    if isinstance(mask, Blocks):
        flex = flex_attention if torch.compiler.is_compiling() else _compiled("flex_attention")
        out: Tensor = flex(q_BHTN, k_BKSN, v_BKSN, block_mask=mask.blocks, enable_gqa=grouped)
        return out
    allowed = mask.allowed if isinstance(mask, Dense) else None
    return F.scaled_dot_product_attention(
        q_BHTN, k_BKSN, v_BKSN, attn_mask=allowed, is_causal=isinstance(mask, Causal), enable_gqa=grouped
    )


@torch.compiler.disable  # type: ignore[untyped-decorator]
def _attend_packed(q_BHTN: Tensor, k_BKTN: Tensor, v_BKTN: Tensor, mask: Packed) -> Tensor:
    """Kept out of compiled graphs, which would be compiled again for the spans of every batch."""
    return attend_blockwise(q_BHTN, k_BKTN, v_BKTN, mask.spans)


def _packed(documents_BT: Tensor) -> Mask:
    rows, length = documents_BT.shape
    starts = (documents_BT[:, 1:] != documents_BT[:, :-1]).nonzero().tolist()
    if not starts:
        return Causal()
    edges: list[list[int]] = [[0] for _ in range(rows)]
    for row, before in starts:
        edges[row].append(before + 1)
    return Packed(
        tuple(
            Span(row, row + 1, start, stop)
            for row, cuts in enumerate(edges)
            for start, stop in pairwise([*cuts, length])
        )
    )


def _dense(documents_BT: Tensor) -> Tensor:
    length = documents_BT.shape[1]
    same = documents_BT[:, None, :, None] == documents_BT[:, None, None, :]
    return same & torch.ones(length, length, dtype=torch.bool, device=documents_BT.device).tril()


def _block_mask(documents_BT: Tensor) -> BlockMask:
    def allowed(row: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (query >= key) & (documents_BT[row, query] == documents_BT[row, key])

    rows, length = documents_BT.shape
    traced = torch.compiler.is_compiling() or not documents_BT.is_cuda
    create = create_block_mask if traced else _compiled("create_block_mask")
    mask: BlockMask = create(allowed, rows, None, length, length, device=documents_BT.device)
    return mask


_COMPILED: dict[str, Any] = {}


def _compiled(name: str) -> Any:
    """FlexAttention's functions, compiled at first use: uncompiled they would build the full score matrix."""
    if name not in _COMPILED:
        function: Any = {"flex_attention": flex_attention, "create_block_mask": create_block_mask}[name]
        _COMPILED[name] = torch.compile(function)
    return _COMPILED[name]
