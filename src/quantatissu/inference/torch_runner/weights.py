"""A decoder's matrices laid out for inference: projections that read the same input are one matrix.

Every matrix ends up behind a `Linear`, so that other representations (quantised, packed for a CPU) can take its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from quantatissu.model.decoder import Attention, Block, Decoder, RMSNorm

Projection = Literal["qkv", "out", "gate_up", "down"]
PROJECTIONS: Final[dict[Projection, tuple[str, ...]]] = {
    "qkv": ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    "out": ("self_attn.o_proj",),
    "gate_up": ("mlp.gate_proj", "mlp.up_proj"),
    "down": ("mlp.down_proj",),
}
"""Which of a block's matrices are one matrix here."""


class Linear(Protocol):
    """``x @ weight.T + bias`` for x [rows, in], whatever the weight is kept as."""

    def __call__(self, x: Tensor) -> Tensor: ...


class MakeLinear(Protocol):
    """Decides how a matrix is kept."""

    def __call__(self, which: Projection | Literal["head"], weights: Sequence[Tensor], bias: Tensor | None) -> Linear:
        """Of ``weights`` [out, in] that read the same input, as one, and a bias for all of their outputs or None."""


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
    kind = PackedLinear if packs and hasattr(torch.ops.mkldnn, "_linear_pointwise") else PlainLinear
    return lambda which, weights, bias: kind(together(weights), bias)


def together(weights: Sequence[Tensor]) -> Tensor:
    """Matrices that read the same input as one."""
    return torch.cat(list(weights)) if len(weights) > 1 else weights[0].contiguous()


@dataclass(frozen=True, slots=True)
class Share:
    """Part ``rank`` of ``count`` of a model whose heads and feed-forward channels are divided among devices (Shoeybi et
    al., 2019): of what comes out of the first matrix of a pair, and of what goes into the second.
    """

    rank: int = 0
    count: int = 1

    def outputs(self, tensor: Tensor, which: Projection | Literal["head"]) -> Tensor:
        """Of a tensor whose first dimension are the outputs of ``which``."""
        return tensor if which in ("out", "down") else self.part(tensor, 0)

    def inputs(self, tensor: Tensor, which: Projection) -> Tensor:
        """Of a tensor whose second dimension are the inputs of ``which``."""
        return self.part(tensor, 1) if which in ("out", "down") else tensor

    def bias(self, bias: Tensor, which: Projection) -> Tensor:
        """Of the bias of ``which``: where the parts are summed up, one has it, and the others zeros."""
        if which in ("out", "down"):
            return bias if self.rank == 0 else torch.zeros_like(bias)
        return self.part(bias, 0)

    def part(self, tensor: Tensor, dimension: int) -> Tensor:
        """The part along ``dimension``; sizes differ by one at most."""
        return tensor if self.count == 1 else torch.tensor_split(tensor, self.count, dimension)[self.rank]


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
    model: Decoder,
    *,
    dtype: torch.dtype,
    device: torch.device,
    make: MakeLinear,
    share: Share,
) -> Weights:
    """A ``share`` of the weights of ``model`` in ``dtype`` on ``device``, its matrices as ``make`` keeps them.
    Embedding and norms are whole in every share.
    """

    def placed(tensor: Tensor) -> Tensor:
        return tensor.detach().to(device=device, dtype=dtype)

    def fused(block: Block, which: Projection) -> Linear:
        weights, biases = [], []
        for name in PROJECTIONS[which]:
            linear = block.get_submodule(name)
            assert isinstance(linear, nn.Linear)
            weights.append(placed(share.inputs(share.outputs(linear.weight, which), which)))
            if linear.bias is not None:
                biases.append(placed(share.bias(linear.bias, which)))
        return make(which, weights, torch.cat(biases) if biases else None)

    def norm(layer: RMSNorm | None) -> Tensor:
        assert layer is not None
        return placed(layer.weight)

    layers = []
    for block in model.model.layers.values():
        assert isinstance(block, Block)
        attention = block.self_attn
        assert isinstance(attention, Attention)
        layers.append(
            Layer(
                norm(block.input_layernorm),
                fused(block, "qkv"),
                _heads_norm(attention, model, share, placed),
                fused(block, "out"),
                norm(block.post_attention_layernorm),
                fused(block, "gate_up"),
                fused(block, "down"),
            )
        )
    assert model.model.embed_tokens is not None
    embedding = placed(model.model.embed_tokens.weight)
    head = embedding if model.lm_head is None else placed(model.lm_head.weight)
    return Weights(embedding, tuple(layers), norm(model.model.norm), make("head", [share.outputs(head, "head")], None))


def _heads_norm(
    attention: Attention, model: Decoder, share: Share, placed: Callable[[Tensor], Tensor]
) -> Tensor | None:
    if attention.q_norm is None or attention.k_norm is None:
        return None
    config = model.config
    return torch.cat(
        [
            placed(attention.q_norm.weight).expand(config.num_attention_heads // share.count, -1),
            placed(attention.k_norm.weight).expand(config.num_key_value_heads // share.count, -1),
        ]
    )
