"""The linear layers that adapters are made of: a frozen 4-bit one, and one with a low-rank change."""

from __future__ import annotations

import math
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from quantatissu.model.adapters.config import AdapterConfig
from quantatissu.model.adapters.nf4 import Packed, dequantise, quantise


class QuantisedLinear(nn.Module):
    """A frozen linear layer with its weight in NF4, dequantised for each product and never kept."""

    codes: Tensor
    scales: Tensor
    magnitudes: Tensor
    offset: Tensor

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        packed = quantise(linear.weight)
        self.shape, self.dtype = packed.shape, linear.weight.dtype
        for name in ("codes", "scales", "magnitudes", "offset"):
            self.register_buffer(name, getattr(packed, name))
        self.bias = linear.bias

    def weight_in(self, dtype: torch.dtype) -> Tensor:
        """The weight [out, in] in ``dtype``."""
        return dequantise(Packed(self.codes, self.scales, self.magnitudes, self.offset, self.shape), dtype)

    @property
    def weight(self) -> Tensor:
        """The weight [out, in] in the dtype it had before."""
        return self.weight_in(self.dtype)

    def forward(self, x: Tensor) -> Tensor:
        x = x.to(_compute_dtype(x))
        out: Tensor = _FrozenLinear.apply(x, self)  # type: ignore[no-untyped-call]
        return out if self.bias is None else out + self.bias.to(out.dtype)


class _FrozenLinear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, layer: QuantisedLinear) -> Tensor:
        ctx.layer = layer
        return x @ layer.weight_in(x.dtype).t()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Any:
        return gradient @ ctx.layer.weight_in(gradient.dtype), None


class AdaptedLinear(nn.Module):
    """A frozen ``base_layer`` with a learned low-rank change; names of parameters as in PEFT."""

    def __init__(self, linear: nn.Linear, config: AdapterConfig) -> None:
        super().__init__()
        weight = linear.weight
        self.scale, self.dropout = config.scale, config.dropout
        # The change is learned in fp32 even where the weights are kept in less: its steps are small.
        kind = {"device": weight.device, "dtype": torch.promote_types(weight.dtype, torch.float32)}
        self.lora_A = nn.Linear(linear.in_features, config.rank, bias=False, **kind)
        self.lora_B = nn.Linear(config.rank, linear.out_features, bias=False, **kind)
        nn.init.kaiming_uniform_(self.lora_A.weight, a=math.sqrt(5))
        nn.init.zeros_(self.lora_B.weight)
        self.base_layer = QuantisedLinear(linear) if config.quantise == "nf4" else linear
        self.base_layer.requires_grad_(False)
        self.lora_magnitude_vector: nn.Parameter | None = None
        if config.dora:
            self.lora_magnitude_vector = nn.Parameter(self._row_lengths(self._changed_weight()))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.base_layer(x)
        drops = self.training and self.dropout > 0
        seen = F.dropout(x, self.dropout) if drops else x
        narrow = seen if torch.is_autocast_enabled(x.device.type) else seen.to(self.lora_A.weight.dtype)
        change: Tensor = self.lora_B(self.lora_A(narrow)) * self.scale
        if self.lora_magnitude_vector is None:
            return out + change.to(out.dtype)
        # Row lengths are constants to the gradient (section 4.3 of the paper).
        ratio: Tensor = (self.lora_magnitude_vector / self._row_lengths(self._changed_weight()).detach()).to(out.dtype)
        base: Tensor = self.base_layer(seen) if drops else out
        if self.base_layer.bias is not None:
            base = base - self.base_layer.bias.to(base.dtype)
        return out + (ratio - 1) * base + ratio * change.to(out.dtype)

    @torch.no_grad()
    def merged(self) -> nn.Linear:
        """A plain linear layer that does the same, in the dtype of the base weight."""
        base = self.base_layer.weight
        weight = self._changed_weight()
        if self.lora_magnitude_vector is not None:
            weight = weight * (self.lora_magnitude_vector / self._row_lengths(weight)).unsqueeze(1)
        out_features, in_features = weight.shape
        linear = nn.Linear(in_features, out_features, bias=False, device="meta")
        linear.weight = nn.Parameter(weight.to(base.dtype))
        linear.bias = self.base_layer.bias
        return linear.requires_grad_(True)

    def _changed_weight(self) -> Tensor:
        with torch.autocast(self.lora_A.weight.device.type, enabled=False):
            change = self.scale * (self.lora_B.weight @ self.lora_A.weight)
            weight: Tensor = self.base_layer.weight
            return weight + change

    @staticmethod
    def _row_lengths(weight: Tensor) -> Tensor:
        lengths: Tensor = torch.linalg.vector_norm(weight, dim=1)
        return lengths


def _compute_dtype(x: Tensor) -> torch.dtype:
    kind = x.device.type
    return torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else x.dtype
