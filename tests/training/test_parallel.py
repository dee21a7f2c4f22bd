"""Several processes compute what one computes, to the last digits of float64, whatever the plan."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import parallel_cases
import pytest
import run_cases as cases
import torch

from quantatissu.training.checkpoints import Checkpoints

MUON = {"optimizer": {"kind": "muon"}, "average": {"kind": "ema", "decay": 0.9}}
PLANS: dict[str, dict[str, Any]] = {
    "shard": {"parallel": {"shard": 2}, "checkpoint": {"background": False}},
    "tensor": {"parallel": {"tensor": 2}, "model": {"recompute": "selective"}, **MUON},
    "pipeline": {"parallel": {"pipeline": 2, "microbatches": 4}},
    "replicate": {"parallel": {"replicate": 2}, "batch": {"micro": 1}, **MUON},
}


def recipe(corpus: Path, *changes: dict[str, Any]) -> dict[str, Any]:
    """In float64, a checkpoint at step 2 of 4, untied: the head and the embedding may be on different stages."""
    made = cases.table(
        corpus,
        steps=4,
        model={"override": {**cases.SHAPE, "tie_word_embeddings": False}},
        precision={"compute": "fp64"},
        checkpoint={"every": 2, "keep": 9},
        evaluation={"every": 0, "infill": 1, "tokens": 200, "sample_tokens": 3},
    )
    for one in changes:
        for name, value in one.items():
            made[name] = {**made.get(name, {}), **value}
    return made


def alone(given: dict[str, Any], folder: Path, *, resume: bool = False) -> Path:
    cases.run({**given, "parallel": {}}, folder, resume=resume)
    return folder


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return cases.build(tmp_path_factory.mktemp("corpus"))


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        parallel_cases.quick_peak(patch.setattr)
        yield


@pytest.fixture(scope="module")
def single(corpus: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """What one process makes of it, with each optimizer."""
    runs = tmp_path_factory.mktemp("single")
    return {"adamw": alone(recipe(corpus), runs / "adamw"), "muon": alone(recipe(corpus, MUON), runs / "muon")}


@pytest.fixture(scope="module")
def spread(corpus: Path, single: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of two processes for each plan, and ``resumed``: one that a single process began, through a pipeline."""
    runs = tmp_path_factory.mktemp("spread")
    jobs = [parallel_cases.job(recipe(corpus, plan), runs / name) for name, plan in PLANS.items()]
    _forget_the_end(single["adamw"], runs / "resumed")
    jobs.append(parallel_cases.job(recipe(corpus, PLANS["pipeline"]), runs / "resumed", resume=True))
    parallel_cases.together(jobs)
    return runs


@pytest.mark.parametrize("plan", [*PLANS, "resumed"])
def test_two_processes_are_like_one(plan: str, spread: Path, single: dict[str, Path]) -> None:
    _assert_alike(spread / plan, single["muon" if "optimizer" in PLANS.get(plan, {}) else "adamw"])


@pytest.mark.parametrize("plan", ["tensor", "pipeline"])
def test_one_process_goes_on_where_two_stopped(
    plan: str, corpus: Path, spread: Path, single: dict[str, Path], tmp_path: Path
) -> None:
    _forget_the_end(spread / plan, tmp_path / "run")
    alone(recipe(corpus, PLANS[plan]), tmp_path / "run", resume=True)
    _assert_alike(tmp_path / "run", single["muon" if plan == "tensor" else "adamw"])


def test_a_checkpoint_of_two_processes_is_a_hugging_face_folder(spread: Path) -> None:
    from transformers import AutoModelForCausalLM

    last = Checkpoints(spread / "tensor/checkpoints").last()
    assert last is not None and (last.path / "README.md").is_file()
    model = AutoModelForCausalLM.from_pretrained(last.path, dtype=torch.float64)
    held = next(one for one in cases.curve(spread / "tensor") if one["kind"] == "eval")
    assert sum(p.numel() for p in model.parameters()) == cases.training_state(last.path)["model"]["parameters"]
    assert held["loss"] > 0


def test_processes_that_fail_go_on_and_those_that_are_told_to_stop_save(corpus: Path, tmp_path: Path) -> None:
    given = recipe(corpus, {"checkpoint": {"every": 3}, "precision": {"compute": "fp32"}}) | {"steps": 4000}
    run = tmp_path / "run"
    started = parallel_cases.torchrun("train", cases.recipe_file(tmp_path / "r", given), "--out", run, restarts=1)
    parallel_cases.wait_for_step(run, 5)
    os.kill(parallel_cases.workers(started)[-1], signal.SIGKILL)
    # No process of the first attempt comes this far: the other one waits for what the killed one would have sent.
    parallel_cases.wait_for_step(run, max(one["step"] for one in cases.curve(run)) + 4)
    started.send_signal(signal.SIGTERM)  # torchrun hands it on
    out, err = started.communicate(timeout=60)
    assert out.count("stopped and saved") == 1, err
    last = Checkpoints(run / "checkpoints").last()
    assert last is not None and last.step > 5
    assert len(list(last.path.glob("state/*.safetensors"))) == 2


def test_a_plan_that_does_not_fit_is_told_once(corpus: Path, tmp_path: Path) -> None:
    given = recipe(corpus, {"parallel": {"tensor": 2}, "model": {"override": {**cases.SHAPE, "intermediate_size": 63}}})
    started = parallel_cases.torchrun("train", cases.recipe_file(tmp_path / "r.toml", given), "--out", tmp_path / "run")
    _, err = started.communicate(timeout=60)
    assert err.count("error: parallel.tensor is 2: it must divide the model's intermediate_size, 63") == 1, err
    assert "interrupted" not in err and "internal error" not in err


def _forget_the_end(run: Path, copy: Path) -> None:
    """`run` as it was behind its first checkpoint."""
    shutil.copytree(run, copy)
    for one in Checkpoints(copy / "checkpoints").all()[1:]:
        shutil.rmtree(one.path)


def _assert_alike(run: Path, single: Path) -> None:
    records, expected = cases.curve(run), cases.curve(single)
    assert [one["step"] for one in records] == [one["step"] for one in expected]
    for one, other in zip(records, expected, strict=True):
        assert one.keys() == other.keys()
        for name, value in one.items():
            assert value == (pytest.approx(other[name], rel=1e-11) if isinstance(value, float) else other[name]), name
    weights, others = (_weights(folder / "checkpoints/step-00000004") for folder in (run, single))
    assert weights.keys() == others.keys() and len(weights) == 25
    for name, tensor in weights.items():
        torch.testing.assert_close(tensor, others[name], rtol=0, atol=1e-11, msg=name)


def _weights(checkpoint: Path) -> dict[str, torch.Tensor]:
    from safetensors.torch import load_file

    return load_file(checkpoint / "model.safetensors")
