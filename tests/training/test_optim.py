"""Schedules, optimizers, spikes and averages, each against what it promises."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from torch import nn

from quantatissu.training.optim import (
    AverageSettings,
    Muon,
    Optimizers,
    OptimizerSettings,
    ScheduleSettings,
    SpikeGuard,
    SpikeSettings,
    WeightAverage,
    decay_begins,
    lr_factor,
)
from quantatissu.training.optim.muon import orthogonal

schedules = st.builds(
    ScheduleSettings,
    kind=st.sampled_from(["wsd", "cosine", "constant"]),
    warmup=st.one_of(st.floats(0, 0.5), st.integers(1, 50)),
    decay=st.one_of(st.floats(0, 0.9), st.integers(1, 50)),
    shape=st.sampled_from(["linear", "sqrt"]),
    final=st.floats(0, 1),
)


@given(schedules, st.integers(1, 400))
def test_a_schedule_rises_then_falls_and_stays_between_zero_and_one(settings: ScheduleSettings, steps: int) -> None:
    factors = [lr_factor(settings, step, steps) for step in range(steps)]
    assert all(0 < factor <= 1 for factor in factors)
    peak = factors.index(max(factors))
    assert factors[: peak + 1] == sorted(factors[: peak + 1])
    assert factors[peak:] == sorted(factors[peak:], reverse=True)
    plateau = factors[peak : decay_begins(settings, steps)]
    assert factors[peak] < 1 or all(factor == 1 for factor in plateau)


def test_a_longer_run_shares_the_plateau() -> None:
    settings = ScheduleSettings(warmup=10, decay=20)
    assert [lr_factor(settings, s, 100) for s in range(80)] == [lr_factor(settings, s, 200) for s in range(80)]
    assert lr_factor(settings, 99, 100) < 0.02


@pytest.mark.parametrize("shape", [(48, 16), (16, 48), (32, 32)])
def test_orthogonal_keeps_the_directions_and_evens_the_singular_values(shape: tuple[int, int]) -> None:
    matrix = torch.randn(3, *shape, generator=torch.Generator().manual_seed(0))
    made = orthogonal(matrix).float()
    values = torch.linalg.svdvals(made)
    assert values.min() > 0.4 and values.max() < 1.4
    left, _, right = torch.linalg.svd(matrix, full_matrices=False)
    assert nn.functional.cosine_similarity(made.flatten(1), (left @ right).flatten(1)).min() > 0.9


def test_muon_is_torchs_muon_on_many_matrices_at_once() -> None:
    generator = torch.Generator().manual_seed(1)
    start = [torch.randn(24, 16, generator=generator), torch.randn(24, 16, generator=generator)]
    gradients = [[torch.randn(24, 16, generator=generator) for _ in start] for _ in range(3)]
    ours, theirs = ([nn.Parameter(tensor.clone()) for tensor in start] for _ in range(2))
    optimizers = [
        Muon(ours, lr=0.02, momentum=0.95, weight_decay=0.1),
        torch.optim.Muon(theirs, lr=0.02, momentum=0.95, weight_decay=0.1, adjust_lr_fn="original"),
    ]
    for step in gradients:
        for parameters, optimizer in zip((ours, theirs), optimizers, strict=True):
            for parameter, gradient in zip(parameters, step, strict=True):
                parameter.grad = gradient.clone()
            optimizer.step()
    for one, other in zip(ours, theirs, strict=True):
        # Both work in bfloat16, in another order.
        assert (one - other).abs().max() < 0.02 * 0.1


def test_muon_refuses_what_is_no_matrix() -> None:
    with pytest.raises(ValueError, match="matrices"):
        Muon([nn.Parameter(torch.zeros(3))], lr=0.1)


class _Model(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(7, 4)
        self.layers = nn.ModuleList([nn.Linear(4, 4)])
        self.norm = nn.LayerNorm(4)


def test_every_parameter_has_one_optimizer_and_only_matrices_decay() -> None:
    model = _Model()
    optimizers = Optimizers(model, OptimizerSettings(kind="muon", weight_decay=0.5))
    groups = [group for part in optimizers.parts for group in part.param_groups]
    assert sorted(id(p) for group in groups for p in group["params"]) == sorted(id(p) for p in model.parameters())
    muon = next(part for part in optimizers.parts if isinstance(part, Muon))
    assert [tuple(p.shape) for group in muon.param_groups for p in group["params"]] == [(4, 4)]
    plain = Optimizers(model, OptimizerSettings(weight_decay=0.5))
    decayed = [p for group in plain.parts[0].param_groups if group["weight_decay"] for p in group["params"]]
    assert [id(p) for p in decayed] == [id(model.layers[0].weight)]


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_preparing_a_state_touches_no_weight(kind: str) -> None:
    model = _Model()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizers = Optimizers(model, OptimizerSettings(kind=kind, weight_decay=0.5))
    assert optimizers.state() == {}
    assert len(optimizers.prepare()) >= len(list(model.parameters()))
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]), name
    assert optimizers.set_lr(0.5) == pytest.approx(0.5e-3)
    assert all(group["weight_decay"] in {0, 0.5, 0.01} for part in optimizers.parts for group in part.param_groups)


def test_a_model_without_anything_to_train_is_refused() -> None:
    model = nn.Linear(2, 2).requires_grad_(requires_grad=False)
    with pytest.raises(ValueError, match="no parameter"):
        Optimizers(model, OptimizerSettings())


def test_a_spike_is_refused_and_forgotten() -> None:
    guard = SpikeGuard(SpikeSettings(factor=5, window=16, give_up=3))
    assert all(guard.accepts(1.0 + 0.01 * number) for number in range(20))
    assert not guard.accepts(6.0)
    assert guard.accepts(4.9)
    assert not guard.accepts(math.nan) and not guard.accepts(math.inf)
    assert not guard.hopeless
    assert not guard.accepts(100.0)
    assert guard.hopeless


def test_before_enough_is_known_only_what_is_not_finite_is_refused() -> None:
    guard = SpikeGuard(SpikeSettings(factor=2))
    assert guard.accepts(1.0) and guard.accepts(1e6) and not guard.accepts(math.inf)
    off = SpikeGuard(SpikeSettings(factor=0))
    assert all(off.accepts(float(10**number)) for number in range(20))


def test_a_guard_goes_on_from_its_state() -> None:
    one, other = (SpikeGuard(SpikeSettings(factor=3, window=8)) for _ in range(2))
    for number in range(30):
        one.accepts(1.0 + number % 3)
    other.restore(one.state)
    assert other.limit == one.limit and not math.isinf(other.limit)


def test_the_average_lies_between_and_gives_the_weights_back() -> None:
    model = nn.Linear(3, 3, bias=False)
    nn.init.zeros_(model.weight)
    average = WeightAverage(model, AverageSettings(kind="ema", decay=0.9))
    for _ in range(50):
        with torch.no_grad():
            model.weight += 1.0
        average.update()
    with average.in_place():
        inside = model.weight.clone()
    assert torch.equal(model.weight, torch.full((3, 3), 50.0))
    assert (inside > 30).all() and (inside < 49).all()


def test_a_decay_that_nothing_uses_is_said_so() -> None:
    with pytest.raises(ValidationError, match="kind"):
        AverageSettings(decay=0.9)
