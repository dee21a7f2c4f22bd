"""Replicas: the same gradients as the loop over micro-batches, from shared weights."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
import torch
from run_cases import SHAPE

from quantatissu.model import ModelConfig
from quantatissu.model.adapters import AdapterConfig, attach
from quantatissu.model.decoder import Decoder
from quantatissu.training.objectives import CausalLM
from quantatissu.training.run.replicas import Replicas
from quantatissu.training.run.step import one_by_one

VOCABULARY = 61


def batches(count: int) -> list[dict[str, torch.Tensor]]:
    generator = torch.Generator().manual_seed(1)
    made = []
    for _ in range(count):
        tokens = torch.randint(0, VOCABULARY, (2, 12), generator=generator)
        made.append(
            {
                "tokens": tokens,
                "targets": tokens.roll(-1, 1),
                "positions": torch.arange(12).expand_as(tokens).contiguous(),
                "documents": torch.zeros_like(tokens, dtype=torch.int32),
            }
        )
    return made


def model(*, tied: bool = True) -> Decoder:
    torch.manual_seed(0)
    config = ModelConfig.of({**SHAPE, "vocab_size": VOCABULARY, "tie_word_embeddings": tied})
    return Decoder(config).double()


def gradients(of: Decoder) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in of.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("pieces", [1, 2, 5])
def test_gradients_and_sums_are_those_of_the_loop(tied: bool, pieces: int) -> None:
    objective, one = CausalLM(), model(tied=tied)
    sums = one_by_one(lambda batch: objective(one, batch), nullcontext, batches(pieces), 7.0)
    wanted = gradients(one)
    for parameter in one.parameters():
        parameter.grad = None
    side_by_side = Replicas(one, objective, nullcontext, 3)
    for _ in range(2):  # and once more: nothing is left of the first time
        found = side_by_side(batches(pieces), 7.0)
        assert found.keys() == sums.keys()
        assert all(torch.allclose(found[name].double(), sums[name].double()) for name in sums)
        assert gradients(one).keys() == wanted.keys()
        assert all(torch.allclose(grad, wanted[name], rtol=1e-10) for name, grad in gradients(one).items())
        for parameter in one.parameters():
            parameter.grad = None


def test_an_update_is_seen_by_all_replicas() -> None:
    objective, one = CausalLM(), model()
    side_by_side = Replicas(one, objective, nullcontext, 2)
    before = side_by_side(batches(2), 1.0)["loss"]
    with torch.no_grad():
        for parameter in one.parameters():
            parameter.mul_(0.5)
    after = side_by_side(batches(2), 1.0)["loss"]
    alone = one_by_one(lambda batch: objective(one, batch), nullcontext, batches(2), 1.0)["loss"]
    assert not torch.isclose(before, after)
    assert torch.allclose(after.double(), alone.double())


def test_what_is_frozen_gets_no_gradient_and_no_copy() -> None:
    one = model()
    attach(one, AdapterConfig(rank=2))
    frozen = {name for name, p in one.named_parameters() if not p.requires_grad}
    assert frozen
    Replicas(one, CausalLM(), nullcontext, 2)(batches(4), 1.0)
    assert not frozen & set(gradients(one))
    assert gradients(one)


def test_an_error_in_a_replica_is_an_error_of_the_step_and_threads_stay_as_they_were() -> None:
    def broken(model: Decoder, batch: object) -> object:
        raise RuntimeError("out of memory")

    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="out of memory"):
        Replicas(model(), broken, nullcontext, 2)(batches(2), 1.0)  # type: ignore[arg-type]
    assert torch.get_num_threads() == threads
