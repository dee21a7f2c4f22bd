"""Matrix products in eight bits, on GPUs that have them: twice the rate of bf16 for what it is worth at a shape.

Weights, their gradients and the optimizer stay as they are; inputs, weights and gradients are rounded to float8 with a
scale of their own right before each product, by torchao. The output head and products whose sizes the hardware does not
take stay in bf16.
"""

from __future__ import annotations

import torch
from torch import nn

from quantatissu.foundation import QuantaError
from quantatissu.model.decoder import Decoder

_FIRST_CAPABILITY = (8, 9)
_MULTIPLE = 16  # of both sides of a matrix, for the hardware's tiles


def require_float8(device: torch.device) -> None:
    """Raises QuantaError unless ``device`` multiplies float8."""
    if device.type != "cuda" or torch.cuda.get_device_capability(device) < _FIRST_CAPABILITY:
        raise QuantaError(
            "precision.compute is fp8, which this device does not multiply",
            hint="It takes an NVIDIA GPU of compute capability 8.9 (Ada, Hopper) or later; leave it out for bf16.",
        )


def use_float8(model: Decoder, *, emulate: bool = False) -> list[str]:
    """Let the projections of ``model`` multiply in float8, in place; their parameters stay the same objects.

    ``emulate``: round as float8 does, but multiply in float32, on any device. Returns the names of the layers. Raises
    QuantaError when torchao is not installed.
    """
    try:
        from torchao.float8 import Float8LinearConfig, convert_to_float8_training
    except ImportError:
        raise QuantaError(
            "precision.compute is fp8: this needs torchao", hint="pip install 'quantatissu[fp8]'"
        ) from None
    changed: list[str] = []

    def fits(layer: nn.Module, name: str) -> bool:
        wanted = isinstance(layer, nn.Linear) and name.startswith("model.layers.")
        wanted = wanted and not any(size % _MULTIPLE for size in layer.weight.shape)  # type: ignore[union-attr]
        if wanted:
            changed.append(name)
        return wanted

    convert_to_float8_training(model, module_filter_fn=fits, config=Float8LinearConfig(emulate=emulate))
    return changed
