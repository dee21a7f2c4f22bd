"""NF4: weights in 4 bits, in the format of bitsandbytes (QLoRA: Dettmers et al., 2023, https://arxiv.org/abs/2305.14314).

Blocks of 64 weights are divided by their largest magnitude and rounded to the 16 levels of `LEVELS`, two to a byte, the
first in the high half. The magnitudes are quantised too (double quantisation): less their mean, in blocks of 256, to
the 256 levels of `dynamic_levels`. That makes 4.127 bits a weight. The plain-torch code here is always there and
defines the format; bitsandbytes, where it can be imported, does the same with compiled kernels.
"""

from __future__ import annotations

import functools
import importlib.util
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

Backend = Literal["torch", "bitsandbytes"]

BLOCK, SCALE_BLOCK = 64, 256
# Quantiles of the normal distribution, scaled to [-1, 1], with an exact zero (appendix E of the paper).
LEVELS = (
    -1.0, -0.6961928009986877, -0.5250730514526367, -0.39491748809814453, -0.28444138169288635, -0.18477343022823334,
    -0.09105003625154495, 0.0, 0.07958029955625534, 0.16093020141124725, 0.24611230194568634, 0.33791524171829224,
    0.44070982933044434, 0.5626170039176941, 0.7229568362236023, 1.0,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Packed:
    """A quantised tensor of ``shape``: ``codes`` uint8 [ceil(n/2)], ``scales`` uint8 [ceil(n/64)] into
    `dynamic_levels`, their ``magnitudes`` fp32 [ceil(n/64/256)] and ``offset`` fp32 [].
    """

    codes: Tensor
    scales: Tensor
    magnitudes: Tensor
    offset: Tensor
    shape: torch.Size


def best_backend() -> Backend:
    """``bitsandbytes`` where it is installed."""
    return "bitsandbytes" if importlib.util.find_spec("bitsandbytes") else "torch"


def quantise(weight: Tensor, *, backend: Backend | None = None) -> Packed:
    """``weight``, of any shape and floating dtype, in NF4 on its device."""
    weight = weight.detach().float().contiguous()
    if (backend or best_backend()) == "bitsandbytes":
        codes, state = _bitsandbytes().quantize_4bit(
            weight, blocksize=BLOCK, compress_statistics=True, quant_type="nf4"
        )
        return Packed(codes.reshape(-1), state.absmax, state.state2.absmax, state.offset, weight.shape)
    indices, largest = _round(weight.flatten(), BLOCK, _levels(weight.device))
    pairs = torch.nn.functional.pad(indices, (0, indices.numel() % 2)).view(-1, 2)
    offset = largest.mean()
    scales, magnitudes = _round(largest - offset, SCALE_BLOCK, dynamic_levels(weight.device))
    return Packed((pairs[:, 0] << 4) | pairs[:, 1], scales, magnitudes, offset, weight.shape)


def dequantise(packed: Packed, dtype: torch.dtype, *, backend: Backend | None = None) -> Tensor:
    """The weights that ``packed`` stands for, in ``dtype``."""
    device = packed.codes.device
    if (backend or best_backend()) == "bitsandbytes":
        functional = _bitsandbytes()
        inner = functional.QuantState(
            absmax=packed.magnitudes, blocksize=SCALE_BLOCK, code=dynamic_levels(device), dtype=torch.float32
        )
        state = functional.QuantState(
            absmax=packed.scales,
            shape=packed.shape,
            dtype=dtype,
            blocksize=BLOCK,
            quant_type="nf4",
            code=_levels(device),
            offset=packed.offset,
            state2=inner,
        )
        unpacked: Tensor = functional.dequantize_4bit(packed.codes.unsqueeze(1), state)
        return unpacked
    count = packed.shape.numel()
    indices = torch.stack((packed.codes >> 4, packed.codes & 15), dim=1).view(-1)[:count]
    largest = _scale(dynamic_levels(device)[packed.scales.long()], packed.magnitudes, SCALE_BLOCK) + packed.offset
    return _scale(_levels(device)[indices.long()], largest, BLOCK).view(packed.shape).to(dtype)


def _round(values: Tensor, block: int, levels: Tensor) -> tuple[Tensor, Tensor]:
    """Index uint8 [n] of the level nearest to each value, over the largest magnitude of its block, and those."""
    count = values.numel()
    blocks = torch.nn.functional.pad(values, (0, -count % block)).view(-1, block)
    largest = blocks.abs().amax(1)
    scaled = (blocks * (1.0 / largest.clamp(min=1e-38)).unsqueeze(1)).clamp(-1, 1)
    middles = (levels[1:] + levels[:-1]) / 2
    return torch.bucketize(scaled.view(-1)[:count], middles).to(torch.uint8), largest


def _scale(values: Tensor, factors: Tensor, block: int) -> Tensor:
    return values * factors.repeat_interleave(block)[: values.numel()]


def _levels(device: torch.device) -> Tensor:
    return torch.tensor(LEVELS, device=device)


def dynamic_levels(device: torch.device) -> Tensor:
    """The 256 levels of the signed dynamic 8-bit type, ascending (Dettmers, 2015, https://arxiv.org/abs/1511.04561).

    Seven decades down to 1e-6, each with twice as many levels as the one below: the middles of equal steps.
    """
    return _dynamic_levels().to(device)


@functools.cache
def _dynamic_levels() -> Tensor:
    values = [0.0, 1.0]
    for exponent in range(7):
        edges = torch.linspace(0.1, 1, 2**exponent + 1)
        middles = 10.0 ** (exponent - 6) * (edges[1:] + edges[:-1]) / 2
        values += middles.tolist() + (-middles).tolist()
    return torch.tensor(sorted(values))


@functools.cache
def _bitsandbytes() -> Any:
    import bitsandbytes.functional

    return bitsandbytes.functional
