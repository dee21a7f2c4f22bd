"""Causal attention on a CPU, one block of queries at a time, as batched matrix products.

torch's own attention for CPUs reaches about a tenth of the speed of a matrix product in bf16. Here a block of queries
meets all keys up to its own end in one batched product per step, so nearly all work is matrix products at full speed,
and what lies beyond the diagonal block is never computed. Query heads that share a key head are rows of one product.

Scores are rounded to the dtype of the inputs before softmax, as in transformers' eager attention; softmax is fp32.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

QUERIES = 128
"""Queries in a block: 64 and 256 were slower, at 64 dimensions a head."""
KEPT_BYTES = 64 * 2**20
"""Attention weights of a layer up to this size are kept for the backward pass, larger ones computed again."""


class Span(NamedTuple):
    """Tokens ``start`` to ``stop`` of the rows ``first`` to ``last`` (exclusive), which attend to each other only."""

    first: int
    last: int
    start: int
    stop: int


def attend_blockwise(q_BHTN: Tensor, k_BKTN: Tensor, v_BKTN: Tensor, spans: tuple[Span, ...]) -> Tensor:
    """Softmax attention, scaled by N^-0.5, causal within each of ``spans``, which cover every token once [B, H, T, N].

    K key heads serve H query heads in order. Memory grows with T, or with T^2 below `KEPT_BYTES`. Differentiable once.
    """
    out: Tensor = _Attention.apply(q_BHTN, k_BKTN, v_BKTN, spans)  # type: ignore[no-untyped-call]
    return out


class _Block(NamedTuple):
    """A step: ``rows`` of the batch, queries ``start`` to ``stop`` of them against keys ``base`` to ``stop``."""

    rows: slice
    base: int
    start: int
    stop: int


def _blocks(spans: tuple[Span, ...]) -> Iterator[_Block]:
    for span in spans:
        for start in range(span.start, span.stop, QUERIES):
            yield _Block(slice(span.first, span.last), span.start, start, min(start + QUERIES, span.stop))


class _Operands:
    """The inputs laid out for batched products: queries scaled, grouped by the key head they share."""

    def __init__(self, q_BHTN: Tensor, k_BKTN: Tensor, v_BKTN: Tensor) -> None:
        B, H, T, N = q_BHTN.shape
        K = k_BKTN.shape[1]
        self.groups = H // K
        self.scale = N**-0.5
        self.q_BKGTN = torch.mul(q_BHTN, self.scale).view(B, K, self.groups, T, N)
        self.k_BKTN, self.v_BKTN = k_BKTN.contiguous(), v_BKTN.contiguous()

    def queries(self, x_BKGTN: Tensor, block: _Block) -> Tensor:
        """The block's share of something laid out like queries, [rows * K, G * queries, N]."""
        part = x_BKGTN[block.rows, :, :, block.start : block.stop]
        return part.reshape(part.shape[0] * part.shape[1], -1, part.shape[4])

    def keys(self, x_BKTN: Tensor, block: _Block) -> Tensor:
        """The block's share of something laid out like keys, [rows * K, keys, N], a view."""
        return x_BKTN[block.rows, :, block.base : block.stop].flatten(0, 1)

    def weights(self, block: _Block) -> Tensor:
        """Softmax over the keys, [rows * K, G * queries, keys]."""
        scores = torch.bmm(self.queries(self.q_BKGTN, block), self.keys(self.k_BKTN, block).transpose(1, 2))
        length = block.stop - block.start
        diagonal = scores.view(scores.shape[0], self.groups, length, -1)[..., block.start - block.base :]
        diagonal += _triangle(length, scores.dtype)
        return scores.softmax(-1)


class _Attention(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q_BHTN: Tensor, k_BKTN: Tensor, v_BKTN: Tensor, spans: tuple[Span, ...]) -> Tensor:
        operands = _Operands(q_BHTN, k_BKTN, v_BKTN)
        out_BTHN = q_BHTN.new_empty(q_BHTN.transpose(1, 2).shape)
        out_BKGTN = out_BTHN.transpose(1, 2).view(operands.q_BKGTN.shape)
        entries = sum((s.last - s.first) * (s.stop - s.start) ** 2 for s in spans) * q_BHTN.shape[1] // 2
        keep = any(ctx.needs_input_grad) and entries * q_BHTN.element_size() <= KEPT_BYTES
        kept: list[Tensor] = []
        for block in _blocks(spans):
            weights = operands.weights(block)
            target = out_BKGTN[block.rows, :, :, block.start : block.stop]
            target.copy_(torch.bmm(weights, operands.keys(operands.v_BKTN, block)).view(target.shape))
            if keep:
                kept.append(weights)
        ctx.save_for_backward(q_BHTN, k_BKTN, v_BKTN, *kept)
        ctx.spans = spans
        return out_BTHN.transpose(1, 2)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient_BHTN: Tensor) -> Any:
        q_BHTN, k_BKTN, v_BKTN, *kept = ctx.saved_tensors
        operands = _Operands(q_BHTN, k_BKTN, v_BKTN)
        gradient = gradient_BHTN.reshape(operands.q_BKGTN.shape)
        dq = torch.empty_like(operands.q_BKGTN)
        # Every block adds to the keys before it: the sums are kept in fp32.
        wide = torch.promote_types(k_BKTN.dtype, torch.float32)
        dk = torch.zeros(k_BKTN.shape, dtype=wide)
        dv = torch.zeros(v_BKTN.shape, dtype=wide)
        for index, block in enumerate(_blocks(ctx.spans)):
            weights = kept[index] if kept else operands.weights(block)
            incoming = operands.queries(gradient, block)
            operands.keys(dv, block).add_(torch.bmm(weights.transpose(1, 2), incoming))
            dweights = torch.bmm(incoming, operands.keys(operands.v_BKTN, block).transpose(1, 2))
            dscores = torch.ops.aten._softmax_backward_data(dweights, weights, -1, weights.dtype)
            operands.keys(dk, block).add_(torch.bmm(dscores.transpose(1, 2), operands.queries(operands.q_BKGTN, block)))
            target = dq[block.rows, :, :, block.start : block.stop]
            torch.mul(
                torch.bmm(dscores, operands.keys(operands.k_BKTN, block)).view(target.shape), operands.scale, out=target
            )
        return dq.view(q_BHTN.shape), dk.to(k_BKTN.dtype), dv.to(v_BKTN.dtype), None


@functools.cache
def _largest_triangle(dtype: torch.dtype) -> Tensor:
    return torch.full((QUERIES, QUERIES), float("-inf"), dtype=dtype).triu_(1)


def _triangle(length: int, dtype: torch.dtype) -> Tensor:
    """Zero on and below the diagonal, minus infinity above [length, length]."""
    return _largest_triangle(dtype)[:length, :length]
