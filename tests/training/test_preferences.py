"""Direct preference optimisation: the formula by hand, packing, the reference, and runs that resume."""

from __future__ import annotations

import math
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import objective_cases as cases
import pytest
import torch
from pydantic import ValidationError

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.training.data import IGNORED, to_torch
from quantatissu.training.objectives import DirectPreference, DpoSettings
from quantatissu.training.parallel import Alone
from quantatissu.training.preferences import (
    PairSamples,
    keep_reference,
    kept_reference,
    preference_figures,
    read_preferences,
    reference_log_probabilities,
)
from quantatissu.training.recipe import TrainRecipe

# Two pairs in one row: chosen (2 scored tokens), rejected (1), chosen (1), rejected (2); then padding.
DOCUMENTS = torch.tensor([[0, 0, 0, 1, 1, 2, 2, 3, 3, 3, -1]], dtype=torch.int32)
POSITIONS = torch.tensor([[0, 1, 2, 0, 1, 0, 1, 0, 1, 2, 0]])
TARGETS = torch.tensor([[1, 2, IGNORED, 3, IGNORED, 1, IGNORED, 2, 0, IGNORED, IGNORED]])
PROBABILITIES = [[0.5, 0.4, 0.7, 0.25, 0.7, 0.1, 0.7, 0.5, 0.5, 0.7, 0.7]]


def batch(reference: dict[int, float] | None = None) -> dict[str, torch.Tensor]:
    told = torch.zeros(1, 11)
    for place, value in (reference or {0: 0.2, 3: 0.5, 5: 0.1, 7: 0.5}).items():
        told[0, place] = math.log(value)
    tokens = torch.zeros_like(TARGETS)
    return {"tokens": tokens, "targets": TARGETS, "documents": DOCUMENTS, "positions": POSITIONS, "reference": told}


def log_sigmoid(x: float) -> float:
    return -math.log1p(math.exp(-x))


@pytest.mark.parametrize(("smoothing", "normalised"), [(0.0, False), (0.1, False), (0.1, True)])
def test_the_loss_is_the_formula(smoothing: float, normalised: bool) -> None:
    settings = DpoSettings(kind="dpo", beta=0.5, label_smoothing=smoothing, length_normalised=normalised)
    objective = DirectPreference(settings)
    terms = objective(cases.given_probabilities(PROBABILITIES, TARGETS), batch())
    assert objective.count(batch()) == 2
    first = (math.log(0.2 / 0.2) / (2 if normalised else 1), math.log(0.25 / 0.5))
    second = (math.log(0.1 / 0.1), math.log(0.25 / 0.5) / (2 if normalised else 1))
    margins = [0.5 * (better - worse) for better, worse in (first, second)]
    losses = [-(1 - smoothing) * log_sigmoid(h) - smoothing * log_sigmoid(-h) for h in margins]
    assert terms.loss.item() == pytest.approx(sum(losses), rel=1e-5)
    found = {name: value.item() for name, value in terms.sums.items()}
    assert found["margin"] == pytest.approx(sum(margins), rel=1e-5)
    assert found["chosen_reward"] == pytest.approx(0.5 * (first[0] + second[0]), abs=1e-6)
    assert found["rejected_reward"] == pytest.approx(0.5 * (first[1] + second[1]), rel=1e-5)
    assert found["accuracy"] == 2
    own = -math.log(0.2) / 2 - math.log(0.1)
    assert found["chosen_loss"] == pytest.approx(own, rel=1e-5)
    with_own = DirectPreference(settings.model_copy(update={"likelihood": 0.5}))
    both = with_own(cases.given_probabilities(PROBABILITIES, TARGETS), batch())
    assert both.loss.item() == pytest.approx(sum(losses) + 0.5 * own, rel=1e-5)
    assert both.sums["loss"].item() == pytest.approx(sum(losses), rel=1e-5)
    # Their own probabilities: 0.2 against 0.25, and 0.1 against 0.25; by token 0.45 against 0.25, 0.1 against 0.5.
    assert found["likelier"] == (1 if normalised else 0)


def test_at_the_reference_the_loss_is_log_two_and_nothing_is_preferred() -> None:
    at = batch({0: 0.2, 3: 0.25, 5: 0.1, 7: 0.25})
    terms = DirectPreference(DpoSettings(kind="dpo"))(cases.given_probabilities(PROBABILITIES, TARGETS), at)
    assert terms.loss.item() == pytest.approx(2 * math.log(2), rel=1e-6)
    assert terms.sums["accuracy"].item() == pytest.approx(1.0), "ties count half"


def test_the_gradient_raises_the_chosen_and_lowers_the_rejected() -> None:
    model = cases.given_probabilities(PROBABILITIES, TARGETS)
    DirectPreference(DpoSettings(kind="dpo"))(model, batch()).loss.backward()
    gradient = model.logits_BTV.grad
    assert gradient is not None
    pushed = gradient.gather(2, TARGETS.clamp(min=0)[..., None])[0, :, 0]
    assert (pushed[[0, 1, 5]] < 0).all(), "chosen tokens become likelier"
    assert (pushed[[3, 7, 8]] > 0).all(), "rejected ones less likely"
    assert (gradient[0, [2, 4, 6, 9, 10]] == 0).all(), "nothing else is touched"


@pytest.mark.parametrize(
    ("record", "told"),
    [
        ({"prompt": "a", "chosen": "b"}, "rejected: Field required"),
        ({"prompt": 1, "chosen": "b", "rejected": "c"}, "prompt"),
        ({"prompt": "a", "chosen": {"role": "assistant", "content": "b"}, "rejected": "c"}, "the prompt is a text"),
        (
            {"prompt": [{"role": "user", "content": "a"}], "chosen": {"role": "user", "content": "b"}, "rejected": "c"},
            "does not begin where",
        ),
    ],
)
def test_a_bad_pair_is_named_by_its_line(tmp_path: Path, record: dict[str, Any], told: str) -> None:
    path = cases.write(tmp_path / "pairs.jsonl", [*cases.pairs(1), record])
    with pytest.raises(QuantaError, match=rf"pairs\.jsonl, line 2: .*{told}"):
        read_preferences([path], cases.chat(), length=64, share=0)


def test_answers_as_texts_messages_and_plain_continuations(tmp_path: Path) -> None:
    user = [{"role": "user", "content": "ab"}, {"role": "assistant", "content": "x"}, {"role": "user", "content": "y"}]
    said = {"role": "assistant", "content": "ba"}
    records = [
        {"prompt": user, "chosen": "ba", "rejected": "b"},
        {"prompt": user, "chosen": said, "rejected": [said, {"role": "tool", "content": "t"}, said]},
        {"prompt": "def f", "chosen": "(x)", "rejected": "[x]"},
    ]
    found = read_preferences([cases.write(tmp_path / "p.jsonl", records)], cases.chat(), length=64, share=0).train
    decoded = [[cases.tokenizer().decode(one.ids[one.mask]) for one in (pair.chosen, pair.rejected)] for pair in found]
    assert decoded == [
        ["ba<|end_of_turn|>", "b<|end_of_turn|>"],
        ["ba<|end_of_turn|>", "ba<|end_of_turn|>ba<|end_of_turn|>"],
        ["(x)<|endoftext|>", "[x]<|endoftext|>"],
    ]


def test_pairs_too_long_are_told_and_left_out(tmp_path: Path) -> None:
    path = cases.write(tmp_path / "p.jsonl", [*cases.pairs(3), {"prompt": "a" * 90, "chosen": "b", "rejected": "c"}])
    assert read_preferences([path], cases.chat(), length=64, share=0).long == 1
    with pytest.raises(QuantaError, match=r"All 4 are longer than data\.length"):
        read_preferences([path], cases.chat(), length=8, share=0)


@pytest.fixture(scope="module")
def model() -> Decoder:
    torch.manual_seed(0)
    config = ModelConfig(vocab_size=cases.tokenizer().vocabulary, max_position_embeddings=64, **cases.SHAPE)
    return Decoder(config)


def samples(tmp_path: Path, count: int = 20) -> PairSamples:
    path = cases.write(tmp_path / "pairs.jsonl", cases.pairs(count))
    found = read_preferences([path], cases.chat(), length=64, share=0)
    return PairSamples(found.train, length=64, seed=1, pad=0)


def test_the_reference_is_what_the_model_says_of_each_answer(model: Decoder, tmp_path: Path) -> None:
    packed = samples(tmp_path)
    values = reference_log_probabilities(model, packed, rows=3, context=nullcontext, group=Alone(torch.device("cpu")))
    assert values.dtype == np.float32 and values.shape == (20, 2)
    for number in (0, 7, 19):
        for side, (ids, mask) in enumerate(packed.pairs[number]):
            tokens = torch.from_numpy(ids.astype(np.int64))[None]
            with torch.no_grad():
                each = model.logits(model(tokens)).log_softmax(-1)[0, :-1].gather(1, tokens[0, 1:, None])[:, 0]
            assert values[number, side] == pytest.approx(each[torch.from_numpy(mask[1:])].sum().item(), rel=1e-4)


def test_the_reference_finds_its_pair_in_every_row(model: Decoder, tmp_path: Path) -> None:
    packed = samples(tmp_path)
    packed.reference = reference_log_probabilities(
        model, packed, rows=2, context=nullcontext, group=Alone(torch.device("cpu"))
    )
    objective = DirectPreference(DpoSettings(kind="dpo"))
    for epoch in range(2):
        rows = packed.per_epoch[0]
        made = to_torch(packed.batch(range(epoch * rows, (epoch + 1) * rows)))
        assert objective.count(made) == 20
        with torch.no_grad():
            terms = objective(model, made)
        assert terms.loss.item() == pytest.approx(20 * math.log(2), rel=1e-4)
    figures = preference_figures(model, packed, objective, rows=2, context=nullcontext, device=torch.device("cpu"))
    assert figures["loss"] == pytest.approx(math.log(2), rel=1e-4)


def test_a_kept_reference_is_used_for_the_same_data_only(tmp_path: Path) -> None:
    path = tmp_path / "run" / "reference.safetensors"
    values = cases.numbers(4, 2).astype(np.float32)
    assert kept_reference(path, "a") is None
    keep_reference(path, "a", values)
    assert (kept_reference(path, "a") == values).all()
    assert kept_reference(path, "b") is None
    path.write_bytes(b"torn")
    assert kept_reference(path, "a") is None


def test_settings_that_make_no_sense_are_refused() -> None:
    for wrong in ({"beta": 0}, {"label_smoothing": 0.5}, {"gamma": 1}):
        with pytest.raises(ValidationError):
            TrainRecipe.model_validate({"objective": {"kind": "dpo", **wrong}, "data": {"preferences": ["x"]}})
    with pytest.raises(ValidationError, match=r"the objective dpo reads data\.preferences, not data\.prompts"):
        TrainRecipe.model_validate({"objective": {"kind": "dpo"}, "data": {"prompts": ["x"]}})
    with pytest.raises(ValidationError, match=r"the objective causal reads data\.corpus or data\.conversations"):
        TrainRecipe.model_validate({"data": {"preferences": ["x"]}})
    with pytest.raises(ValidationError, match="a run reads one kind of data"):
        TrainRecipe.model_validate({"data": {"preferences": ["x"], "conversations": ["y"]}})


def test_a_run_learns_the_preference_and_resumes_without_its_reference(tmp_path: Path) -> None:
    start = cases.learnt(tmp_path, steps=24)
    assert start.checkpoint is not None
    file = cases.write(tmp_path / "pairs.jsonl", cases.pairs())
    given = cases.table(
        tmp_path,
        steps=10,
        objective={"kind": "dpo", "beta": 0.5},
        data={"preferences": [str(file)], "length": 64},
        model={"init": str(start.checkpoint.path)},
        optimizer={"lr": 1e-3},
    )
    cases.resumes(given, tmp_path)
    steps = [one for one in cases.curve(tmp_path / "whole") if one["kind"] == "step"]
    assert steps[0]["loss"] == pytest.approx(math.log(2), rel=1e-3)
    assert steps[-1]["margin"] > 0.1 > abs(steps[0]["margin"])
    assert "perplexity" not in steps[0]
    last = [one for one in cases.curve(tmp_path / "whole") if one["kind"] == "eval"][-1]
    assert last["accuracy"] > 0.8 and last["loss"] < math.log(2)
    card = (tmp_path / "whole/checkpoints/step-00000010/README.md").read_text(encoding="utf-8")
    assert "| objective | dpo |" in card and "held-out pairs" in card
    (tmp_path / "cut/reference.safetensors").unlink()
    given["steps"] = 12
    cases.run(given, tmp_path / "cut", resume=True)
    cases.run(given, tmp_path / "whole", resume=True)
    assert cases.curve(tmp_path / "cut") == cases.curve(tmp_path / "whole"), "computed again from the start's weights"
