"""A decoder's matrices laid out for inference: projections that read the same input are one matrix.

Every matrix ends up behind a `Linear`, so that other representations (quantised, packed for a CPU) can take its place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from quantatissu.model.decoder import Attention, Block, Decoder, FeedForward, RMSNorm


class Linear(Protocol):
    """``x @ weight.T + bias`` for x [rows, in], whatever the weight is kept as."""

    def __call__(self, x: Tensor) -> Tensor: ...


MakeLinear = Callable[[Tensor, Tensor | None], Linear]
"""From a weight [out, in] and a bias [out] or None."""


class PlainLinear:
    """The weight as it is."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight, self._bias = weight, bias

    def __call__(self, x: Tensor) -> Tensor:
        return F.linear(x, self._weight, self._bias)


class PackedLinear:
    """The weight in the blocks that oneDNN multiplies, so that no product has to lay it out: bfloat16 on a CPU."""

    def __init__(self, weight: Tensor, bias: Tensor | None) -> None:
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, None)
        self._bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        out: Tensor = torch.ops.mkldnn._linear_pointwise(x, self._weight, self._bias, "none", [], "")
        return out


def best_linear(dtype: torch.dtype, device: torch.device) -> MakeLinear:
    """What multiplies fastest by unquantised weights."""
    packs = device.type == "cpu" and dtype == torch.bfloat16 and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return PackedLinear if packs and hasattr(torch.ops.mkldnn, "_linear_pointwise") else PlainLinear


@dataclass(frozen=True, slots=True)
class Layer:
    """One block. ``heads_norm`` [heads + key heads, N] are the weights of the norms of queries and keys, or None."""

    attention_norm: Tensor
    qkv: Linear
    heads_norm: Tensor | None
    out: Linear
    feed_forward_norm: Tensor
    gate_up: Linear
    down: Linear


@dataclass(frozen=True, slots=True)
class Weights:
    """All of a model. ``embedding`` [V, D] is looked up, ``head`` multiplied."""

    embedding: Tensor
    layers: tuple[Layer, ...]
    norm: Tensor
    head: Linear


@torch.no_grad()
def lay_out(
    model: Decoder, *, dtype: torch.dtype, device: torch.device, make: MakeLinear, make_head: MakeLinear
) -> Weights:
    """The weights of ``model`` in ``dtype`` on ``device``, the matrices of its layers as ``make`` keeps them, and its
    output head as ``make_head`` does.
    """

    def placed(tensor: Tensor) -> Tensor:
        return tensor.detach().to(device=device, dtype=dtype)

    def fused(*layers: nn.Module) -> Linear:
        linears = [layer for layer in layers if isinstance(layer, nn.Linear)]
        assert len(linears) == len(layers)
        biases = [layer.bias for layer in linears if layer.bias is not None]
        weight = torch.cat([placed(layer.weight) for layer in linears])
        return make(weight, torch.cat([placed(bias) for bias in biases]) if biases else None)

    def norm(layer: RMSNorm | None) -> Tensor:
        assert layer is not None
        return placed(layer.weight)

    layers = []
    for block in model.model.layers.values():
        assert isinstance(block, Block)
        attention, inner = block.self_attn, block.mlp
        assert isinstance(attention, Attention) and isinstance(inner, FeedForward)
        layers.append(
            Layer(
                norm(block.input_layernorm),
                fused(attention.q_proj, attention.k_proj, attention.v_proj),
                _heads_norm(attention, model, placed),
                fused(attention.o_proj),
                norm(block.post_attention_layernorm),
                fused(inner.gate_proj, inner.up_proj),
                fused(inner.down_proj),
            )
        )
    assert model.model.embed_tokens is not None
    embedding = placed(model.model.embed_tokens.weight)
    head = embedding if model.lm_head is None else placed(model.lm_head.weight)
    return Weights(embedding, tuple(layers), norm(model.model.norm), make_head(head, None))


def _heads_norm(attention: Attention, model: Decoder, placed: Callable[[Tensor], Tensor]) -> Tensor | None:
    if attention.q_norm is None or attention.k_norm is None:
        return None
    config = model.config
    return torch.cat(
        [
            placed(attention.q_norm.weight).expand(config.num_attention_heads, -1),
            placed(attention.k_norm.weight).expand(config.num_key_value_heads, -1),
        ]
    )
