"""Group-relative policy optimisation: the formula by hand, and what a run makes of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import objective_cases as cases
import pytest
import torch
from pydantic import ValidationError

from quantatissu.foundation import QuantaError
from quantatissu.training.checkpoints import Checkpoints
from quantatissu.training.data import IGNORED
from quantatissu.training.objectives import GroupPolicy, GrpoSettings
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.rollouts import group_advantages

# Two answers to prompts of one token: two scored tokens, and one; the second row is padded.
TARGETS = torch.tensor([[1, 2, IGNORED], [3, IGNORED, IGNORED]])
DOCUMENTS = torch.tensor([[0, 0, 0], [0, 0, -1]], dtype=torch.int32)
POSITIONS = torch.tensor([[0, 1, 2], [0, 1, 0]])
NOW = [[0.5, 0.4, 0.7], [0.3, 0.7, 0.7]]
BEFORE = [[0.25, 0.5], [0.4]]
REFERENCE = [[0.5, 0.2], [0.6]]
GAINS = (2.0, -1.0)


def batch() -> dict[str, torch.Tensor]:
    def logs(rows: list[list[float]]) -> torch.Tensor:
        return torch.tensor([[math.log(value) for value in row] + [0.0] * (3 - len(row)) for row in rows])

    return {
        "tokens": torch.zeros_like(TARGETS),
        "targets": TARGETS,
        "documents": DOCUMENTS,
        "positions": POSITIONS,
        "advantages": torch.tensor(GAINS)[:, None] * (DOCUMENTS >= 0),
        "old": logs(BEFORE),
        "reference": logs(REFERENCE),
        "rewards": torch.tensor([[1.0, 0, 0], [0.25, 0, 0]]),
    }


def settings(**changes: Any) -> GrpoSettings:
    return GrpoSettings.model_validate({"kind": "grpo", "score": "exact_answer", "max_tokens": 8, **changes})


def evaluated(**changes: Any) -> tuple[float, dict[str, float]]:
    objective = GroupPolicy(settings(**changes))
    assert objective.count(batch()) == 2
    terms = objective(cases.given_probabilities(NOW, TARGETS), batch())
    return terms.loss.item(), {name: value.item() for name, value in terms.sums.items()}


def test_on_their_own_answers_the_ratio_is_one() -> None:
    loss, sums = evaluated()
    assert loss == pytest.approx(-2.0 + 1.0)
    assert sums == pytest.approx({"loss": -1.0, "reward": 1.25, "solved": 1, "answer_tokens": 3, "clipped": 0})


def test_reused_answers_are_clipped_where_they_would_gain() -> None:
    # Ratios 2 and 0.8 at advantage 2: the first is held at 1.2. Ratio 0.75 at advantage -1: held at 0.8.
    loss, sums = evaluated(reuse=2)
    assert loss == pytest.approx(-(2 * 1.2 + 2 * 0.8) / 2 + 0.8, rel=1e-5)
    assert sums["clipped"] == pytest.approx(0.5 + 1)
    wide, sums = evaluated(reuse=2, clip=0.3, clip_high=2.0)
    assert wide == pytest.approx(-(2 * 2 + 2 * 0.8) / 2 + 0.75, rel=1e-5)
    assert sums["clipped"] == 0


def test_a_constant_length_gives_every_token_the_same_weight() -> None:
    assert evaluated(length="constant")[0] == pytest.approx((-2 - 2 + 1) / 8)


def test_the_divergence_is_schulmans_estimate() -> None:
    def estimate(now: float, reference: float) -> float:
        return reference / now - math.log(reference / now) - 1

    expected = (estimate(0.5, 0.5) + estimate(0.4, 0.2)) / 2 + estimate(0.3, 0.6)
    loss, sums = evaluated(kl=0.5)
    assert loss == pytest.approx(-1 + 0.5 * expected, rel=1e-5)
    assert sums["divergence"] == pytest.approx(expected, rel=1e-5)


def test_answers_are_judged_as_they_were_drawn() -> None:
    # At temperature 2 the probabilities of the ratio are those of the tempered model.
    old = batch()["old"].clone()
    model = cases.given_probabilities(NOW, TARGETS)
    tempered = (model.logits_BTV / 2).log_softmax(-1).gather(2, TARGETS.clamp(min=0)[..., None])[..., 0].detach()
    at = batch() | {"old": torch.where(TARGETS == IGNORED, old, tempered)}
    terms = GroupPolicy(settings(reuse=2, temperature=2.0))(model, at)
    assert terms.loss.item() == pytest.approx(-1.0, rel=1e-5)


def gradients(**changes: Any) -> torch.Tensor:
    model = cases.given_probabilities(NOW, TARGETS)
    GroupPolicy(settings(**changes))(model, batch()).loss.backward()
    gradient = model.logits_BTV.grad
    assert gradient is not None
    assert (gradient[TARGETS == IGNORED] == 0).all()
    return gradient.gather(2, TARGETS.clamp(min=0)[..., None])[..., 0]


def test_the_gradient_makes_better_answers_likelier_and_worse_ones_less() -> None:
    pushed = gradients()
    assert (pushed[0, :2] < 0).all() and pushed[1, 0] > 0
    # d -A log p / d logit of the token = -A (1 - p), over the answer's two tokens.
    assert pushed[0, 0].item() == pytest.approx(-2 * (1 - 0.5) / 2, rel=1e-5)
    clipped = gradients(reuse=2)
    assert clipped[0, 0] == 0 and clipped[1, 0] == 0 and clipped[0, 1] < 0


def test_a_group_is_compared_with_itself() -> None:
    rewards = np.array([[1.0, 0.0, 0.0, 1.0], [3.0, 3.0, 3.0, 3.0], [0.0, 0.0, 0.0, 4.0]])
    assert group_advantages(rewards, scale=True) == pytest.approx(
        np.array([[1, -1, -1, 1], [0, 0, 0, 0], [-(3**-0.5)] * 3 + [3**0.5]])
    )
    assert group_advantages(rewards, scale=False) == pytest.approx(
        np.array([[0.5, -0.5, -0.5, 0.5], [0, 0, 0, 0], [-1, -1, -1, 3]])
    )


def test_settings_that_make_no_sense_are_refused() -> None:
    good: dict[str, Any] = {
        "objective": {"kind": "grpo", "score": "exact_answer"},
        "data": {"prompts": ["x"]},
        "batch": {"samples": 16},
    }
    recipe = TrainRecipe.model_validate(good)
    assert (recipe.checkpoint.best, recipe.checkpoint.best_is) == ("success", "highest")
    kept = TrainRecipe.model_validate({**good, "checkpoint": {"best": "reward", "best_is": "highest", "every": 1}})
    assert (kept.checkpoint.best, kept.checkpoint.every) == ("reward", 1)
    for changes, told in (
        ({"batch": {"samples": 12}}, "no multiple of objective.group"),
        ({"data": {"prompts": ["x"], "length": 128}}, "no room for a prompt"),
        ({"data": {}}, r"needs data\.prompts"),
        ({"objective": {"kind": "grpo", "score": "a b"}}, "pattern"),
        ({"objective": {"kind": "grpo"}}, "Field required"),
        ({"objective": {"kind": "ppo"}}, "ppo"),
    ):
        with pytest.raises(ValidationError, match=told):
            TrainRecipe.model_validate({**good, **changes})


def given(folder: Path, start: Path, **objective: Any) -> dict[str, Any]:
    file = cases.write(folder / "prompts.jsonl", cases.prompts())
    chosen = {"kind": "grpo", "score": "scorers:backwards", "group": 4, "max_tokens": 12, "held_out_prompts": 6}
    return cases.table(
        folder,
        steps=6,
        objective={**chosen, "held_out_samples": 2, **objective},
        data={"prompts": [str(file)], "length": 32},
        batch={"samples": 16, "micro": 8},
        model={"init": str(start)},
        optimizer={"lr": 1e-3},
    )


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    finished = cases.learnt(tmp_path_factory.mktemp("start"), steps=40)
    assert finished.checkpoint is not None
    return finished.checkpoint.path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    cases.save_tokenizer(cases.tokenizer(), tmp_path)
    return tmp_path


def test_a_run_asks_learns_and_resumes_to_the_bit(start: Path, folder: Path) -> None:
    cases.resumes(given(folder, start, kl=0.05), folder)
    curve = cases.curve(folder / "whole")
    steps = [one for one in curve if one["kind"] == "step"]
    assert all(0 <= one["reward"] <= 1 and one["divergence"] >= 0 for one in steps)
    assert steps[0]["divergence"] == pytest.approx(0, abs=1e-6) and steps[-1]["divergence"] > 0
    assert len({one["reward"] for one in steps}) > 2, "every step asks anew"
    last = [one for one in curve if one["kind"] == "eval"][-1]
    assert {"success", "reward", "answer_tokens", "unfinished"} <= set(last)
    assert any(one["kind"] == "sample" and "--- given:" in one["text"] for one in curve)


def test_resumed_in_the_middle_of_a_phase_it_learns_from_the_same_answers(start: Path, folder: Path) -> None:
    reused = given(folder, start, reuse=3) | {"checkpoint": {"every": 2, "keep": 9, "minutes": 0}}
    cases.resumes(reused, folder, at=1)
    kept = sorted(path.name for path in (folder / "whole/answers").iterdir())
    assert kept == ["phase-00000000-0.safetensors", "phase-00000001-0.safetensors"]
    steps = [one for one in cases.curve(folder / "whole") if one["kind"] == "step"]
    assert [one["reward"] for one in steps[:3]] == [steps[0]["reward"]] * 3 and steps[3]["reward"] != steps[0]["reward"]
    assert steps[0]["clipped"] == 0 and steps[0]["loss"] == pytest.approx(0, abs=1e-5)
    for path in (folder / "cut/answers").iterdir():
        path.unlink()
    Checkpoints(folder / "cut/checkpoints").all()[-1].path.rename(folder / "gone")
    with pytest.raises(QuantaError, match="cannot be read"):
        cases.run(reused, folder / "cut", resume=True)


@pytest.mark.parametrize(
    ("score", "told"),
    [
        ("scorers:broken", r"scorer failed on an answer to .*prompts\.jsonl, line \d+: ZeroDivisionError"),
        ("scorers:endless", "the scorer gave nan"),
        ("scorers:nothing", "scorers:nothing cannot be imported"),
        ("no_such_module:f", "cannot be imported"),
        ("scorers:names", "is no function"),
        ("unknown", "there is no scorer unknown"),
    ],
)
def test_a_scorer_that_fails_is_named(start: Path, folder: Path, score: str, told: str) -> None:
    with pytest.raises(QuantaError, match=told):
        cases.run(given(folder, start, score=score), folder / "run")
