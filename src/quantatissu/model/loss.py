"""Cross-entropy from hidden states, a chunk of tokens at a time: the logits of a batch are never all in memory.

The gradients with respect to hidden states and head are computed in the forward pass, chunk by chunk, while the chunk's
logits are there; backward only scales them. So nothing is computed twice, and the memory is one chunk of logits
(the idea is Liger Kernel's, https://arxiv.org/abs/2410.10989).
"""

from __future__ import annotations

from itertools import repeat
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.utils.checkpoint import checkpoint

IGNORED = -100
DEFAULT_CHUNK = 512


class LossSums(NamedTuple):
    """Sums over the tokens whose target is not `IGNORED`, scalars on the device of the hidden states.

    ``objective`` fp32 carries the gradient: ``loss + z_loss * z``. ``loss`` fp32: cross-entropy in nats. ``z`` fp32:
    squared log-partition (the z-loss of PaLM, before its coefficient). ``correct`` int64: the target is more
    probable than every other token (a tie is not correct). ``tokens`` int64.
    """

    objective: Tensor
    loss: Tensor
    z: Tensor
    correct: Tensor
    tokens: Tensor


def cross_entropy(
    hidden: Tensor,
    head_weight: Tensor,
    targets: Tensor,
    *,
    weights: Tensor | None = None,
    z_loss: float = 0.0,
    chunk: int = DEFAULT_CHUNK,
) -> LossSums:
    """Next-token loss of ``hidden`` [..., D] against ``targets`` int64 [...] through the head [V, D].

    ``weights`` [...] says how much each target counts in ``objective``; the other sums are without them.
    ``chunk`` tokens are taken at a time, which needs about ``chunk * V * 6`` bytes under bf16. The product runs in
    autocast's dtype under autocast, softmax and sums always in fp32 or better. Divide ``objective`` by the
    tokens of the whole step before backward.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)
    weighed = None if weights is None else weights.reshape(-1)
    return LossSums(*_ChunkedCrossEntropy.apply(flat, head_weight, wanted, weighed, z_loss, chunk))  # type: ignore[no-untyped-call]


def token_log_probabilities(
    hidden: Tensor, head_weight: Tensor, targets: Tensor, *, chunk: int = DEFAULT_CHUNK
) -> Tensor:
    """Log-probability in nats of each target, fp32 or better, shaped like ``targets``; 0 where the target is `IGNORED`.

    Differentiable for any weighting of the tokens: each chunk's logits are computed again in the backward pass.
    """
    flat, wanted = hidden.reshape(-1, hidden.shape[-1]), targets.reshape(-1)

    def part(rows: Tensor, ids: Tensor) -> Tensor:
        logits = F.linear(rows, head_weight)
        logits = logits.to(torch.promote_types(logits.dtype, torch.float32))
        return -F.cross_entropy(logits, ids, ignore_index=IGNORED, reduction="none")

    parts = [
        checkpoint(part, rows, ids, use_reentrant=False)
        for rows, ids in zip(torch.split(flat, chunk), torch.split(wanted, chunk), strict=True)
    ]
    return torch.cat(parts).view(targets.shape)


class _ChunkedCrossEntropy(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        targets: Tensor,
        weights: Tensor | None,
        z_loss: float,
        chunk: int,
    ) -> Any:
        kind = hidden.device.type
        compute = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
        wide = torch.promote_types(compute, torch.float32)
        with torch.autocast(kind, enabled=False):
            head = weight.to(compute)
            wants_hidden, wants_head = ctx.needs_input_grad[:2]
            head_gradient = torch.zeros_like(head, dtype=wide) if wants_head else None
            hidden_gradients: list[Tensor] = []
            loss, z, objective = (hidden.new_zeros((), dtype=wide) for _ in range(3))
            shares = repeat(None) if weights is None else torch.split(weights, chunk)
            correct = torch.zeros((), dtype=torch.int64, device=hidden.device)
            for part, ids, share in zip(torch.split(hidden, chunk), torch.split(targets, chunk), shares, strict=False):
                rows, counted = part.to(compute), ids != IGNORED
                index = ids.where(counted, 0).unsqueeze(1)
                logits = (rows @ head.t()).to(wide)
                target = logits.gather(1, index)
                # The best of the others: the target is set to minus infinity and back, cheaper than an argmax.
                others = logits.scatter_(1, index, float("-inf")).amax(1, keepdim=True)
                highest = torch.maximum(target, others)
                raised = logits.scatter_(1, index, target).sub_(highest).exp_()
                total = raised.sum(1, keepdim=True)
                partition = highest + total.log()
                nats, squared = (partition - target).squeeze(1), partition.square().squeeze(1)
                shown = counted.to(wide)
                loss, z = loss + (nats * shown).sum(), z + (squared * shown).sum()
                if share is not None:
                    shown = shown * share
                    objective = objective + ((nats + z_loss * squared) * shown).sum()
                correct = correct + ((target > others).squeeze(1) & counted).sum()
                if not (wants_hidden or wants_head):
                    continue
                # d objective / d logits = softmax * (1 + 2 z_loss partition) - one_hot
                shown = shown.unsqueeze(1)
                gradient = raised.mul_((1 + 2 * z_loss * partition) * shown / total)
                gradient = gradient.scatter_add_(1, index, -shown).to(compute)
                if wants_hidden:
                    hidden_gradients.append((gradient @ head).to(hidden.dtype))
                if head_gradient is not None:
                    head_gradient += gradient.t() @ rows
        hidden_gradient = torch.cat(hidden_gradients) if hidden_gradients else None
        ctx.save_for_backward(hidden_gradient, head_gradient)
        ctx.weight_dtype = weight.dtype
        tokens = (targets != IGNORED).sum()
        if weights is None:
            objective = loss + z_loss * z
        ctx.mark_non_differentiable(loss, z, correct, tokens)
        return objective, loss, z, correct, tokens

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Any:
        scale = gradients[0]
        hidden_gradient, head_gradient = ctx.saved_tensors
        return (
            None if hidden_gradient is None else hidden_gradient * scale.to(hidden_gradient.dtype),
            None if head_gradient is None else (head_gradient * scale).to(ctx.weight_dtype),
            None,
            None,
            None,
            None,
        )
