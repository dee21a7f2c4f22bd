"""Rounded weights are as close as their bits allow, and products with them are those of what they stand for."""

from __future__ import annotations

import engine_cases as cases
import pytest
import torch

from quantatissu.inference.local import LocalEngine
from quantatissu.inference.quantization import quantised, round_groups, round_rows
from quantatissu.inference.torch_runner import TorchRunner


def weight(out: int = 24, inside: int = 64) -> torch.Tensor:
    return torch.randn(out, inside, generator=torch.Generator().manual_seed(0)) * 0.1


def test_rows_are_off_by_half_a_step_at_most() -> None:
    steps, scales = round_rows(weight())
    assert ((steps.float() * scales.unsqueeze(1) - weight()).abs() <= 0.5001 * scales.unsqueeze(1)).all()
    assert steps.abs().amax(dim=1).eq(127).all()


def test_groups_are_better_than_their_plain_range() -> None:
    exact = weight(64, 256)
    found = round_groups(exact, 32)
    assert found.steps.max() <= 15
    low, high = exact.view(64, -1, 32).amin(-1, keepdim=True), exact.view(64, -1, 32).amax(-1, keepdim=True)
    plain = ((exact.view(64, -1, 32) - low) / (high - low) * 15).round() / 15 * (high - low) + low
    assert (found.restored() - exact).square().sum() < 0.9 * (plain.view(64, 256) - exact).square().sum()


@pytest.mark.parametrize("value", [0.0, 1.0, -3.5])
def test_groups_of_one_value_come_back(value: float) -> None:
    assert torch.allclose(
        round_groups(torch.full((2, 64), value), 32).restored(), torch.full((2, 64), value), atol=0.02
    )


@pytest.mark.parametrize("kind", ["int8", "int4"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("rows", [1, 5, 130])
@pytest.mark.parametrize(("biased", "out"), [(False, 32), (True, 32), (True, 24)])
def test_products_are_those_of_the_restored_weight(
    kind: str, dtype: torch.dtype, rows: int, biased: bool, out: int
) -> None:
    exact = weight(out).to(dtype)
    bias = torch.randn(out, generator=torch.Generator().manual_seed(2)).to(dtype) if biased else None
    x = torch.randn(rows, 64, generator=torch.Generator().manual_seed(1)).to(dtype)
    if kind == "int8":
        steps, scales = round_rows(exact)
        restored = steps.float() * scales.to(dtype).float().unsqueeze(1)
    else:
        restored = round_groups(exact, 32).restored()
    wanted = x.float() @ restored.t() + (0 if bias is None else bias.float())
    found = quantised(kind)("down", [exact], bias)(x)  # type: ignore[arg-type]
    assert found.dtype == dtype
    assert (found.float() - wanted).norm() < (0.02 if dtype == torch.bfloat16 else 1e-5) * wanted.norm()


@pytest.mark.parametrize("kind", ["int8", "int4"])
def test_a_quantised_engine_answers_almost_the_same(kind: str) -> None:
    prefix, rest = cases.prompt(1, 20), cases.prompt(2, 30)
    scores = []
    for options in ({}, {"make_linear": quantised(kind)}):
        runner = TorchRunner(cases.model(), **options)
        with LocalEngine(runner, cases.tokenizer(), pages=16) as engine:
            scores.append(engine.score(prefix, [rest])[0])
    assert scores[0] != scores[1]
    assert scores[1] == pytest.approx(scores[0], rel=0.01 if kind == "int8" else 0.15)


def test_what_loses_most_at_four_bits_has_eight() -> None:
    q, k, v = weight(32), weight(16), weight(16)
    x, bias = torch.randn(3, 64, generator=torch.Generator().manual_seed(1)), torch.arange(64.0)
    make = quantised("int4")
    found = make("qkv", [q, k, v], bias)(x)
    assert torch.equal(found[:, :48], make("gate_up", [q, k], bias[:48])(x))
    for which in ("out", "head"):
        assert torch.equal(found[:, 48:], make(which, [v], bias[48:])(x))  # type: ignore[arg-type]
