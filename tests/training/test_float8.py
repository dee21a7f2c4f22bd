"""Float8 products: close to the exact ones, gradients included, and refused where there is no hardware for them."""

from __future__ import annotations

import pytest
import torch
from run_cases import SHAPE
from torch import Tensor

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.training.objectives import CausalLM
from quantatissu.training.run.float8 import require_float8, use_float8


def learned(model: Decoder) -> tuple[float, dict[str, Tensor]]:
    tokens = torch.randint(0, 61, (2, 16), generator=torch.Generator().manual_seed(1))
    batch = {
        "tokens": tokens,
        "targets": tokens.roll(-1, 1),
        "positions": torch.arange(16).expand_as(tokens).contiguous(),
        "documents": torch.zeros_like(tokens, dtype=torch.int32),
    }
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = CausalLM()(model, batch).loss
    loss.backward()  # type: ignore[no-untyped-call]
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def test_products_are_rounded_and_little_else_changes() -> None:
    torch.manual_seed(0)
    model = Decoder(ModelConfig.of({**SHAPE, "vocab_size": 61, "initializer_range": 0.1}))
    before = dict(model.named_parameters())
    exact, gradients = learned(model)
    for parameter in model.parameters():
        parameter.grad = None
    layers = use_float8(model, emulate=True)
    assert len(layers) == 7 * SHAPE["num_hidden_layers"]
    assert {name: id(p) for name, p in model.named_parameters()} == {name: id(p) for name, p in before.items()}
    rounded, found = learned(model)
    assert rounded != exact
    assert rounded == pytest.approx(exact, rel=0.02)
    assert found.keys() == gradients.keys()
    for name, gradient in gradients.items():
        assert torch.nn.functional.cosine_similarity(gradient.flatten(), found[name].flatten(), dim=0) > 0.95, name


def test_sizes_the_hardware_does_not_take_stay_as_they_are() -> None:
    odd = {**SHAPE, "intermediate_size": 72, "vocab_size": 61}
    layers = use_float8(Decoder(ModelConfig.of(odd)), emulate=True)
    assert layers and not any("mlp" in name for name in layers)


def test_a_cpu_is_refused() -> None:
    with pytest.raises(QuantaError, match="does not multiply"):
        require_float8(torch.device("cpu"))
