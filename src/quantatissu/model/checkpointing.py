"""Activation checkpointing: what a block's forward pass keeps for its backward pass, and what it computes again.

``none`` keeps everything. ``selective`` keeps the results of matrix products and attention, which cost the time, and
computes norms, RoPE and SwiGLU again, which hold the memory. ``full`` keeps only a block's input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils.checkpoint import CheckpointPolicy, checkpoint, create_selective_checkpoint_contexts

Recompute = Literal["none", "selective", "full"]

_aten = torch.ops.aten
# Attention on a CPU (`blockwise`) is many small products and keeps its own; there it is computed again.
_KEPT = {
    _aten.mm.default,
    _aten.addmm.default,
    _aten._scaled_dot_product_flash_attention.default,
    _aten._scaled_dot_product_efficient_attention.default,
    _aten._scaled_dot_product_cudnn_attention.default,
    _aten._scaled_dot_product_flash_attention_for_cpu.default,
    torch.ops.higher_order.flex_attention,
}


def recomputed(function: Callable[..., Tensor], mode: Recompute, *arguments: Any) -> Tensor:
    """``function(*arguments)``, keeping for its backward pass what ``mode`` says. All modes have the same gradients."""
    if mode == "none" or not torch.is_grad_enabled():
        return function(*arguments)
    out: Tensor
    if mode == "full":
        out = checkpoint(function, *arguments, use_reentrant=False)
    else:
        out = checkpoint(function, *arguments, use_reentrant=False, context_fn=_selective)
    return out


def _selective() -> Any:
    return create_selective_checkpoint_contexts(_policy)  # type: ignore[no-untyped-call]


def _policy(context: Any, operation: Any, *arguments: Any, **options: Any) -> CheckpointPolicy:
    return CheckpointPolicy.MUST_SAVE if operation in _KEPT else CheckpointPolicy.PREFER_RECOMPUTE
