"""Plans that fit and plans that do not: said before anything starts."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig
from quantatissu.training.parallel import Plan, make_plan, restarted, told_once
from quantatissu.training.parallel.plan import layers_of_stage, require_fit
from quantatissu.training.recipe import ParallelSettings, TrainRecipe
from quantatissu.training.run.setup import micro_samples, replicas

CONFIG = ModelConfig(
    vocab_size=300,
    hidden_size=32,
    intermediate_size=64,
    num_hidden_layers=3,
    num_attention_heads=8,
    num_key_value_heads=4,
    head_dim=4,
)


def settings(**sizes: int) -> ParallelSettings:
    return ParallelSettings.model_validate(sizes)


def test_sharding_takes_the_processes_that_are_left() -> None:
    assert make_plan(settings(), 6) == Plan(1, 1, 6, 1)
    assert make_plan(settings(tensor=2, pipeline=2), 8) == Plan(2, 1, 2, 2)
    assert make_plan(settings(replicate=2), 8) == Plan(1, 2, 4, 1)
    assert make_plan(settings(), 1).processes == 1


@pytest.mark.parametrize(
    ("sizes", "processes", "said"),
    [
        ({"tensor": 2}, 1, "tensor 2 needs a multiple of 2 processes, and there is 1"),
        ({"tensor": 2, "pipeline": 2}, 6, "pipeline 2 x tensor 2 needs a multiple of 4 processes, and there are 6"),
        ({"shard": 4}, 2, "shard 4 needs 4 processes, and there are 2"),
        ({"shard": 1}, 2, "shard 1 needs 1 processes, and there are 2"),
    ],
)
def test_another_number_of_processes_is_refused(sizes: dict[str, int], processes: int, said: str) -> None:
    with pytest.raises(QuantaError, match=said):
        make_plan(settings(**sizes), processes)


@pytest.mark.parametrize(
    ("plan", "config", "said"),
    [
        (Plan(1, 1, 1, 8), CONFIG, "must divide the model's num_key_value_heads, 4"),
        (Plan(1, 1, 1, 3), CONFIG, "must divide the model's num_attention_heads, 8"),
        (Plan(4, 1, 1, 1), CONFIG, "the model has only 3 layers"),
        (Plan(2, 1, 1, 1), replace(CONFIG, tie_word_embeddings=True), "output head is its embedding"),
    ],
)
def test_a_model_that_cannot_be_divided_is_refused(plan: Plan, config: ModelConfig, said: str) -> None:
    with pytest.raises(QuantaError, match=said):
        require_fit(plan, config)
    require_fit(Plan(3, 2, 2, 4), CONFIG)


@given(layers=st.integers(1, 100), data=st.data())
def test_every_layer_is_on_one_stage_and_stages_are_even(layers: int, data: st.DataObject) -> None:
    stages = data.draw(st.integers(1, layers))
    parts = [layers_of_stage(layers, stages, stage) for stage in range(stages)]
    assert [layer for part in parts for layer in part] == list(range(layers))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def recipe(**tables: object) -> TrainRecipe:
    return TrainRecipe.model_validate({"data": {"length": 64}, **tables})


@pytest.mark.parametrize(
    ("batch", "parallel", "world", "rows"),
    [
        ({"samples": 64}, {}, 1, 32),  # 2,048 tokens
        ({"samples": 64, "replicas": 4}, {}, 1, 16),
        ({"samples": 6, "replicas": 4}, {}, 1, 1),  # a replica without a piece is better than a piece without company
        ({"samples": 72, "replicas": 4}, {}, 1, 18),
        ({"samples": 64, "replicas": 4}, {}, 2, 32),  # of two processes, each keeps to itself
        ({"samples": 64}, {"pipeline": 4}, 1, 8),  # twice as many pieces as stages
        ({"samples": 64}, {"pipeline": 4}, 2, 4),
        ({"samples": 64}, {"pipeline": 4, "microbatches": 4}, 2, 8),
        ({"samples": 64, "micro": 16}, {"pipeline": 4}, 1, 16),
        ({"samples": 64, "micro": 32}, {"pipeline": 4}, 1, 16),  # or a stage would have nothing to do
        ({"samples": 64, "micro": 32}, {}, 4, 16),  # more processes than the recipe was written for
        ({"samples": 6}, {"pipeline": 4}, 1, 1),
    ],
)
def test_a_step_is_cut_into_pieces(batch: dict[str, int], parallel: dict[str, int], world: int, rows: int) -> None:
    assert micro_samples(recipe(batch=batch, parallel=parallel), torch.device("cpu"), world) == rows


@pytest.mark.parametrize(
    ("batch", "parallel", "world", "said"),
    [
        ({"samples": 8}, {}, 3, "batch.samples is 8, which 3 processes cannot share"),
        ({"samples": 8}, {"pipeline": 4}, 4, "a process has only 2 of the 8 samples"),
        ({"samples": 8}, {"pipeline": 4, "microbatches": 2}, 1, "parallel.microbatches is 2"),
        ({"samples": 8}, {"pipeline": 2, "microbatches": 3}, 1, "parallel.microbatches is 3"),
        ({"samples": 8, "micro": 3}, {}, 1, "batch.micro is 3"),
    ],
)
def test_a_step_that_cannot_be_shared_is_refused(
    batch: dict[str, int], parallel: dict[str, int], world: int, said: str
) -> None:
    with pytest.raises(QuantaError, match=said):
        micro_samples(recipe(batch=batch, parallel=parallel), torch.device("cpu"), world)


def test_what_all_processes_meet_is_told_by_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    with pytest.raises(QuantaError), told_once():
        raise QuantaError("a wrong recipe")

    def stopped(seconds: float) -> None:
        raise KeyboardInterrupt  # what torchrun's signal becomes

    monkeypatch.setenv("RANK", "1")
    monkeypatch.setattr("time.sleep", stopped)
    with pytest.raises(SystemExit) as ended, told_once():
        raise QuantaError("a wrong recipe")
    assert ended.value.code == 2
    # Nobody else failed: then it must be told after all.
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    with pytest.raises(QuantaError), told_once():
        raise QuantaError("a wrong recipe")


def test_processes_that_torchrun_started_anew_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not restarted()
    monkeypatch.setenv("TORCHELASTIC_RESTART_COUNT", "1")
    assert restarted()


def test_replicas_and_dropout_are_not_had_together() -> None:
    adapter = {"rank": 4, "dropout": 0.1}
    assert replicas(recipe(adapter=adapter), torch.device("cpu"), 1, 8) == 1
    with pytest.raises(QuantaError, match="could not be repeated"):
        replicas(recipe(adapter=adapter, batch={"replicas": 2}), torch.device("cpu"), 1, 8)
