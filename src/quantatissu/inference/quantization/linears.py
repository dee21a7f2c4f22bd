"""Products with rounded weights, each a `Linear` of the torch runner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from quantatissu.inference.quantization.rounding import round_groups, round_rows
from quantatissu.inference.torch_runner.weights import Linear, MakeLinear, Projection, together

Quantisation = Literal["int8", "int4"]
_GROUP = 32
_KERNEL_ROWS = 16  # the CPU kernel takes so many rows of a weight at a time
_MANY_ROWS = 128  # from here on products take the time, not weights: they are restored once for all rows


class Int8Linear:
    """A scale for each row of the weight."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._steps, scales = round_rows(weight)
        self._scales, self._bias = scales.to(weight.dtype), bias

    def __call__(self, x: Tensor) -> Tensor:
        if x.device.type != "cpu" or x.dtype != torch.bfloat16 or x.shape[0] >= _MANY_ROWS:
            return F.linear(x, self._steps.to(x.dtype) * self._scales.unsqueeze(1), self._bias)
        out: Tensor = torch.ops.aten._weight_int8pack_mm(x, self._steps, self._scales)
        return out if self._bias is None else out + self._bias


class Int4Linear:
    """A scale and an offset for every 32 weights of a row."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._groups, self._bias = round_groups(weight, _GROUP), bias
        self._packed = self._scales = None
        if weight.device.type == "cpu" and weight.dtype == torch.bfloat16 and weight.shape[0] % _KERNEL_ROWS == 0:
            groups = self._groups
            self._packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(groups.steps.int(), 1)
            # The kernel's formula is (steps - 8) * scale + offset.
            offsets = groups.least + 8 * groups.scales
            self._scales = torch.stack((groups.scales, offsets), dim=-1).transpose(0, 1).contiguous().to(weight.dtype)

    def __call__(self, x: Tensor) -> Tensor:
        if self._packed is None or x.shape[0] >= _MANY_ROWS:
            return F.linear(x, self._groups.restored().to(x.dtype), self._bias)
        out: Tensor = torch.ops.aten._weight_int4pack_mm_for_cpu(x, self._packed, _GROUP, self._scales)
        return out if self._bias is None else out + self._bias


class Beside:
    """Matrices that read the same input and are kept in different ways."""

    def __init__(self, *linears: Linear) -> None:
        self._linears = linears

    def __call__(self, x: Tensor) -> Tensor:
        return torch.cat([linear(x) for linear in self._linears], dim=-1)


def quantised(kind: Quantisation) -> MakeLinear:
    """What keeps the matrices of a model in eight bits, or in four.

    At four bits the output head and what leads into and out of the attended values (v, o) have eight: an eighth of the
    layers' weights, and more than half of what four bits lose. So have matrices whose rows no group fits.
    """

    def make(which: Projection | Literal["head"], weights: Sequence[Tensor], bias: Tensor | None) -> Linear:
        inside = weights[0].shape[1]
        if kind == "int8" or which in ("head", "out") or inside % _GROUP:
            return Int8Linear(together(weights), bias)
        if which != "qkv":
            return Int4Linear(together(weights), bias)
        *scored, values = weights
        biases = (None, None) if bias is None else (bias[: -len(values)], bias[-len(values) :])
        return Beside(Int4Linear(together(scored), biases[0]), Int8Linear(values, biases[1]))

    return make
