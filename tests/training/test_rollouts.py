"""Answers drawn in the middle of training: the right distribution, the same whatever is beside them; and judged."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import objective_cases as cases
import pytest
import torch

from quantatissu.foundation import QuantaError
from quantatissu.model import ModelConfig
from quantatissu.model.decoder import Decoder
from quantatissu.training.rollouts import (
    Answers,
    KeptAnswers,
    Prompt,
    PromptOrder,
    choose,
    open_scorer,
    read_prompts,
    sample,
    score_all,
    uniforms,
)

STOP = frozenset({1, 2})


@pytest.fixture(scope="module")
def model() -> Decoder:
    torch.manual_seed(1)
    made = Decoder(ModelConfig(vocab_size=24, max_position_embeddings=64, **cases.SHAPE))
    for parameter in made.parameters():  # far from uniform
        parameter.data.mul_(3)
    return made


def asked(*lengths: int) -> list[Any]:
    return [np.random.default_rng(length).integers(3, 24, length).astype(np.uint16) for length in lengths]


def drawn(model: Decoder, prompts: list[Any], numbers: Any, **changes: Any) -> list[list[list[int]]]:
    chosen: dict[str, Any] = {"stop": STOP, "width": 40, "context": nullcontext, **changes}
    return [[one.tolist() for one in several] for several in sample(model, prompts, numbers, **chosen)]


def alone(model: Decoder, prompt: Any, numbers: Any, temperature: float, top_p: float) -> list[int]:
    """The same, the slow way: the whole text through the model for every token."""
    ids = prompt.astype(np.int64).tolist()
    made: list[int] = []
    for number in numbers:
        with torch.no_grad():
            logits = model.logits(model(torch.tensor([ids + made])))[0, -1:].float()
        made.append(int(choose(logits, torch.tensor([number]), temperature, top_p)))
        if made[-1] in STOP:
            break
    return made


@pytest.mark.parametrize(("temperature", "top_p"), [(1.0, 1.0), (0.7, 0.9), (0.0, 1.0)])
def test_many_at_once_are_what_each_would_be_alone(model: Decoder, temperature: float, top_p: float) -> None:
    prompts, numbers = asked(5, 1, 9), cases.numbers(3, 4, 12)
    found = drawn(model, prompts, numbers, temperature=temperature, top_p=top_p)
    expected = [
        [alone(model, prompt, row, temperature, top_p) for row in rows]
        for prompt, rows in zip(prompts, numbers, strict=True)
    ]
    assert found == expected
    ends = {one[-1] for several in found for one in several if len(one) < 12}
    assert ends <= STOP
    if temperature == 1.0:
        assert ends and len({len(one) for several in found for one in several}) > 2, "they end at different lengths"


def test_answers_do_not_depend_on_what_is_asked_beside_them(model: Decoder, monkeypatch: pytest.MonkeyPatch) -> None:
    prompts, numbers = asked(5, 2, 9, 4), cases.numbers(4, 3, 10)
    whole = drawn(model, prompts, numbers)
    assert whole[2:] == drawn(model, prompts[2:], numbers[2:])
    assert [several[:1] for several in whole] == drawn(model, prompts, numbers[:, :1])
    monkeypatch.setattr("quantatissu.training.rollouts.sampling._TOKENS_AT_ONCE", 1)
    assert whole == drawn(model, prompts, numbers), "nor on how many at a time"
    assert model.training


def test_tokens_come_as_often_as_they_are_likely() -> None:
    shares = torch.tensor([0.5, 0.125, 0.25, 0.125])
    numbers = torch.arange(0.5, 64, dtype=torch.float64) / 64
    logits = shares.log().expand(64, 4)
    assert torch.bincount(choose(logits, numbers, 1.0, 1.0), minlength=4).tolist() == [32, 8, 16, 8]
    flat = torch.bincount(choose(logits * 2, numbers, 2.0, 1.0), minlength=4)
    assert flat.tolist() == [32, 8, 16, 8], "temperature divides the logits"
    nucleus = torch.bincount(choose(logits, numbers, 1.0, 0.7), minlength=4).tolist()
    assert nucleus[1] == nucleus[3] == 0 and nucleus[0] in (42, 43) and sum(nucleus) == 64
    assert choose(logits, numbers, 1.0, 0.1).unique().tolist() == [0], "the likeliest one is always in"
    assert choose(logits, numbers, 0.0, 1.0).unique().tolist() == [0]
    certain = torch.tensor([[0.0, -200.0, -200.0]]).expand(2, 3)
    assert choose(certain, torch.tensor([0.0, 1 - 2**-53]), 1.0, 1.0).tolist() == [0, 0]


def test_numbers_are_a_function_of_their_place() -> None:
    numbers = uniforms(4000, 7, "rollout", 3, 0)
    assert (numbers == uniforms(4000, 7, "rollout", 3, 0)).all()
    assert (numbers[:5] == uniforms(5, 7, "rollout", 3, 0)).all()
    assert numbers.min() >= 0 and numbers.max() < 1 and abs(numbers.mean() - 0.5) < 0.02
    assert (numbers != uniforms(4000, 7, "rollout", 3, 1)).all()


def read(path: Path, **changes: Any) -> Any:
    return read_prompts([path], cases.chat(), **{"longest": 64, "share": 0.0, **changes})


def test_prompts_are_read_checked_and_split(tmp_path: Path) -> None:
    path = cases.write(tmp_path / "p.jsonl", [*cases.prompts(), {"prompt": "plain text", "answer": "x"}])
    found = read(path)
    assert cases.tokenizer().decode(found.train[0].ids) == "<|user|>abab<|end_of_turn|><|assistant|>"
    assert cases.tokenizer().decode(found.train[-1].ids) == found.train[-1].prompt == "plain text"
    assert found.train[-1].record["answer"] == "x"
    split = read(path, share=0.3)
    sides = [{str(one.prompt) for one in part} for part in (split.train, split.held)]
    assert not sides[0] & sides[1] and len(sides[1]) > 5
    assert read(path, longest=8).long > 0
    with pytest.raises(QuantaError, match="leave no room"):
        read(path, longest=1)
    for wrong, told in (({"prompt": ""}, "the prompt is empty"), ({"question": "x"}, "prompt: Field required")):
        with pytest.raises(QuantaError, match=rf"p\.jsonl, line 2: {told}"):
            read(cases.write(tmp_path / "p.jsonl", [{"prompt": "a"}, wrong]))


def test_every_pass_asks_each_prompt_once_in_another_order(tmp_path: Path) -> None:
    prompts = read(cases.write(tmp_path / "p.jsonl", cases.prompts())).train
    order = PromptOrder(prompts, seed=0)
    passes = [[order[64 * epoch + number].where for number in range(64)] for epoch in range(3)]
    assert sorted(passes[0]) == sorted(passes[2]) == sorted(one.where for one in prompts)
    assert passes[0] != passes[1]
    assert PromptOrder(prompts, seed=0)[130].where == order[130].where
    assert (
        len({order.fingerprint, PromptOrder(prompts, seed=1).fingerprint, PromptOrder(prompts[1:], seed=0).fingerprint})
        == 3
    )


def test_judged_answers_become_rows_that_score_the_answer_only() -> None:
    prompts, answers = asked(3, 2), [[np.array([5, 6]), np.array([7])], [np.array([8, 9, 1]), np.array([2])]]
    rewards = np.array([[1.0, 0.5], [0.0, 2.0]])
    made = Answers.judged(prompts, answers, rewards, rewards - 1)
    batches = [batch for batch, _ in made.batches(2, pad=0, longest=40, index=9)]
    assert [batch.tokens.shape for batch in batches] == [(2, 32), (2, 32)], "rounded up"
    assert [batch.tokens.shape[1] for batch, _ in made.batches(4, pad=0, longest=5, index=9)] == [5]
    seen = []
    for batch in batches:
        assert batch.index == 9
        for row in range(2):
            scored = batch.targets[row] >= 0
            first = int(scored.argmax())
            seen.append((batch.targets[row, scored].tolist(), batch.rewards[row, 0], batch.advantages[row, first]))
    assert sorted(seen) == [([2], 2.0, 1.0), ([5, 6], 1.0, 0.0), ([7], 0.5, -0.5), ([8, 9, 1], 0.0, -1.0)]


def test_answers_are_kept_for_the_phases_that_need_them(tmp_path: Path) -> None:
    kept = KeptAnswers(tmp_path / "answers", rank=0)
    made = Answers.judged(asked(3), [[np.array([5, 6]), np.array([7])]], np.ones((1, 2)), np.ones((1, 2)))
    for phase in range(3):
        kept.write(phase, made)
    KeptAnswers(tmp_path / "answers", rank=1).write(0, made)

    def names() -> list[str]:
        return sorted(path.name for path in (tmp_path / "answers").iterdir())

    kept.prune([])
    assert len(names()) == 4
    kept.prune([1])
    assert names() == [
        "phase-00000000-1.safetensors",
        "phase-00000001-0.safetensors",
        "phase-00000002-0.safetensors",  # a checkpoint of it may be being written
    ]
    again = kept.read(1)
    assert again.tokens.tolist() == made.tokens.tolist() and again.tokens.dtype == made.tokens.dtype
    with pytest.raises(QuantaError, match="cannot be read"):
        kept.read(0)


def question(**record: Any) -> Prompt:
    return Prompt("q", record, "prompts.jsonl, line 1", np.array([3]))


def test_scores_come_in_order_from_several_threads() -> None:
    scorer = open_scorer("scorers:named")
    asked = [(question(), str(number)) for number in range(20)]
    assert score_all(scorer, asked, workers=4) == score_all(scorer, asked) == list(map(float, range(20)))


def test_exact_answers() -> None:
    scorer = open_scorer("exact_answer")
    assert [scorer(question(answer="ab"), text) for text in ("ab", " ab\n", "abc")] == [1.0, 1.0, 0.0]
    with pytest.raises(QuantaError, match="no text in its field answer"):
        score_all(scorer, [(question(), "x")])


@pytest.mark.parametrize(
    ("completion", "score"),
    [
        ("def add(a, b):\n    return a + b\n", 1.0),
        ("Like this:\n```python\ndef add(a, b):\n    return a + b\n```\nDone.", 1.0),
        ("def add(a, b):\n    return a - b\n", 0.0),
        ("def add(a, b) return", 0.0),
        ("raise SystemExit(0)", 0.0),
        ("import os\nos._exit(0)", 0.0),
        ("print(input())\nraise SystemExit(0)", 0.0),
        ("def add(a, b):\n    open('/tmp/out', 'w')\n    open('answer.py', 'w')\n    return a + b\n", 0.0),
    ],
)
def test_code_is_judged_by_its_tests_in_the_sandbox(completion: str, score: float) -> None:
    record = {"tests": "assert add(1, 2) == 3\nassert add(-1, 1) == 0\n"}
    assert open_scorer("tests_in_sandbox")(question(**record), completion) == score


def test_code_to_be_continued_has_a_head() -> None:
    record = {"tests": "assert add(1, 2) == 3", "setup": "def add(a, b):\n"}
    assert open_scorer("tests_in_sandbox")(question(**record), "    return a + b") == 1.0
    with pytest.raises(QuantaError, match="no text in its field tests"):
        score_all(open_scorer("tests_in_sandbox"), [(question(), "x")])
