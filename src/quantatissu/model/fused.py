"""RMSNorm and RoPE with gradients written by hand, for a CPU without torch.compile.

Eager torch runs their derivatives as long chains of small operations: on a CPU they took longer than the projections
beside them. Each is one autograd function here, with as few passes over memory as eager torch allows. On other
devices, under torch.compile, which fuses on its own, and for distributed tensors the plain formulas run.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.autograd.function import once_differentiable


def by_hand(x: Tensor) -> bool:
    """Whether the functions written for eager CPUs serve this tensor."""
    return x.device.type == "cpu" and type(x) is Tensor and not torch.compiler.is_compiling()


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``x / sqrt(mean(x^2) + eps) * weight`` over the last dimension, in fp32 or better, returned as ``x`` came."""
    if by_hand(x) and torch.is_grad_enabled():
        out: Tensor = _RMSNorm.apply(x, weight, eps)  # type: ignore[no-untyped-call]
        return out
    # One dtype for both, or the fused kernels are not taken and the result is promoted.
    return F.rms_norm(x, weight.shape, weight.to(x.dtype), eps)


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """``x`` [..., N] turned by angles that broadcast with it; pairs are (n, n + N/2). Computed in fp32 or better."""
    if by_hand(x):
        out: Tensor = _Rotate.apply(x, cos, sin)  # type: ignore[no-untyped-call]
        return out
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    first, second = wide.chunk(2, dim=-1)
    return (wide * cos + torch.cat((-second, first), dim=-1) * sin).to(x.dtype)


class _RMSNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        # A pass over fp32 is cheaper than one over bf16, which is converted there and back each time.
        wide = x.to(torch.promote_types(x.dtype, torch.float32), copy=True)
        norm = torch.linalg.vector_norm(wide, dim=-1, keepdim=True)
        inverse = norm.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
        ctx.save_for_backward(x, inverse, weight)
        return wide.mul_(inverse).mul_(weight).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, inverse, weight = ctx.saved_tensors
        wide = gradient.to(inverse.dtype, copy=True)
        normal = x.to(inverse.dtype, copy=True).mul_(inverse)
        product = wide * normal
        weight_gradient = None
        if ctx.needs_input_grad[1]:
            weight_gradient = product.sum(tuple(range(product.dim() - 1))).to(weight.dtype)
        # d x = (h - n * mean(h * n)) / rms, where n is x / rms and h = g * weight its gradient
        mean = product.matmul(weight.to(product.dtype)).div_(-x.shape[-1]).unsqueeze(-1)
        wide.mul_(weight).addcmul_(normal, mean).mul_(inverse)
        return wide.to(x.dtype), weight_gradient, None


class _Rotate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
        ctx.save_for_backward(cos, sin)
        return _turn(x, cos, sin)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        cos, sin = ctx.saved_tensors
        return _turn(gradient, cos, -sin), None, None


def _turn(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    half = x.shape[-1] // 2
    wide = x.to(torch.promote_types(x.dtype, torch.float32))
    turned = wide * cos
    turned[..., :half].addcmul_(wide[..., half:], sin[..., :half], value=-1)
    turned[..., half:].addcmul_(wide[..., :half], sin[..., half:])
    return turned.to(x.dtype)
