"""What the tests of objectives share: a model made of given logits, and tiny tasks with a tiny vocabulary."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import torch
from run_cases import SHAPE, curve, weights
from run_cases import run as measured_run
from torch import Tensor, nn

from quantatissu.model.decoder import Decoder
from quantatissu.tokenizer import Tokenizer, TrainSettings, our_template, save_tokenizer, train_tokenizer
from quantatissu.training.checkpoints import Checkpoints
from quantatissu.training.conversations import Chat
from quantatissu.training.metrics import Peak
from quantatissu.training.run import Finished

WORDS = ("ab", "ba", "aab", "abb", "bab", "aba", "bba", "baa")


class Given(Decoder):
    """Says of every position what it was told to: ``logits`` [B, T, V] are its only weights."""

    def __init__(self, logits: Tensor) -> None:
        nn.Module.__init__(self)
        self.logits_BTV = nn.Parameter(logits)

    @property
    def head_weight(self) -> Tensor:
        return torch.eye(self.logits_BTV.shape[-1])

    def forward(self, tokens: Tensor, **options: Any) -> Tensor:
        assert tokens.shape == self.logits_BTV.shape[:2]
        return self.logits_BTV


def given_probabilities(rows: Iterable[Iterable[float]], targets: Tensor, vocabulary: int = 4) -> Given:
    """A model that gives each target the probability in ``rows``, and shares the rest among the others."""
    wanted = torch.tensor([list(row) for row in rows])
    logits = ((1 - wanted) / (vocabulary - 1)).log()[..., None].repeat(1, 1, vocabulary)
    return Given(logits.scatter(2, targets.clamp(min=0)[..., None], wanted.log()[..., None]))


@functools.cache
def tokenizer() -> Tokenizer:
    """Characters, and little else."""
    return train_tokenizer([" ".join(WORDS)], TrainSettings(vocabulary=290))


def chat() -> Chat:
    return Chat(tokenizer(), our_template())


def write(path: Path, records: Iterable[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in records), encoding="utf-8")
    return path


def talks(count: int = 64) -> list[dict[str, Any]]:
    """The assistant says the word backwards, or (every third time) forwards."""
    made = []
    for number in range(count):
        word = WORDS[number % 8] + WORDS[number // 8 % 8]
        answer = word if number % 3 == 0 else word[::-1]
        made.append({"messages": [{"role": "user", "content": word}, {"role": "assistant", "content": answer}]})
    return made


def pairs(count: int = 64) -> list[dict[str, Any]]:
    """Backwards is better."""
    made = []
    for number in range(count):
        word = WORDS[number % 8] + WORDS[number // 8 % 8]
        made.append({"prompt": [{"role": "user", "content": word}], "chosen": word[::-1], "rejected": word + "b"})
    return made


def prompts(count: int = 64) -> list[dict[str, Any]]:
    made = []
    for number in range(count):
        word = WORDS[number % 8] + WORDS[number // 8 % 8]
        made.append({"prompt": [{"role": "user", "content": word}], "answer": word[::-1]})
    return made


def table(folder: Path, **changes: Any) -> dict[str, Any]:
    """A recipe as TOML would give it, with a model of the tests' size."""
    base: dict[str, Any] = {
        "name": "small",
        "steps": 8,
        "device": "cpu",
        "model": {"shape": "nano", "override": SHAPE},
        "data": {"length": 48, "held_out": 0.2, "tokenizer": str(folder / "tokenizer.json")},
        "batch": {"samples": 8, "micro": 4},
        "precision": {"compute": "fp32"},
        "optimizer": {"lr": 3e-3},
        "spikes": {"factor": 0},
        "checkpoint": {"every": 3, "keep": 9, "minutes": 0},
        "evaluation": {"every": 4, "tokens": 500, "infill": 0, "repair": 0, "samples": 1, "sample_tokens": 8},
        "metrics": {"sinks": []},
    }
    for name, value in changes.items():
        base[name] = {**base[name], **value} if isinstance(value, dict) and isinstance(base.get(name), dict) else value
    return base


def run(given: dict[str, Any], folder: Path, *, resume: bool = False) -> Finished:
    """A run that takes the speed of the machine as given: measuring it takes longer than all of its steps."""
    peak = Peak(1e11, 256, "float32", "not measured")
    with mock.patch("quantatissu.training.run.assembling.measure_peak", return_value=peak):
        return measured_run(given, folder, resume=resume)


def learnt(folder: Path, steps: int = 60) -> Finished:
    """A start for the other objectives: fine-tuned on `talks`."""
    save_tokenizer(tokenizer(), folder)
    file = write(folder / "talks.jsonl", talks())
    given = table(folder, steps=steps, data={"conversations": [str(file)]}, evaluation={"every": 0})
    return run(given, folder / "start")


def numbers(*shape: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(0).random(shape)


def resumes(given: dict[str, Any], folder: Path, *, at: int = 0) -> None:
    """A run that lost all checkpoints behind the one number ``at`` ends as the one that lost none, to the bit."""
    run(given, folder / "whole")
    run(given, folder / "cut")
    for one in Checkpoints(folder / "cut/checkpoints").all()[at + 1 :]:
        one.path.rename(folder / one.path.name)
    run(given, folder / "cut", resume=True)
    assert curve(folder / "cut") == curve(folder / "whole")
    last = Checkpoints(folder / "whole/checkpoints").last()
    assert last is not None
    left, right = weights(last.path), weights(folder / "cut/checkpoints" / last.path.name)
    assert left.keys() == right.keys() and len(left) > 20
    assert all(torch.equal(left[name], right[name]) for name in left)
