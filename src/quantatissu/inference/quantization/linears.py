"""Products with rounded weights, each a `Linear` of the torch runner."""

from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from quantatissu.inference.quantization.rounding import round_groups, round_rows
from quantatissu.inference.torch_runner.weights import Linear, MakeLinear

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


def quantised(kind: Quantisation) -> tuple[MakeLinear, MakeLinear]:
    """What keeps the matrices of the layers, and the output head: at four bits the head has eight, as it is a small
    part of a model and loses the most. Matrices whose rows no group fits keep eight bits, too.
    """

    def int4(weight: Tensor, bias: Tensor | None) -> Linear:
        if weight.shape[1] % _GROUP:
            return Int8Linear(weight, bias)
        return Int4Linear(weight, bias)

    return (Int8Linear if kind == "int8" else int4), Int8Linear
