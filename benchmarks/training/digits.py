"""A task with a checkable answer for the rows ``grpo-gain`` and ``dpo-gain``: the digits of a number in order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DIGITS = 6
ANSWER_TOKENS = 12
_SHAPE = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 4,
    "head_dim": 16,
}


@dataclass(frozen=True, slots=True)
class Question:
    """``text`` are digits, ``answer`` the same in rising order."""

    text: str
    answer: str

    @property
    def messages(self) -> list[dict[str, str]]:
        return [{"role": "user", "content": self.text}]


def questions(count: int, seed: int) -> list[Question]:
    """So many different ones, none in order already."""
    draw = random.Random(seed)
    made: dict[str, Question] = {}
    while len(made) < count:
        text = "".join(draw.choice("0123456789") for _ in range(DIGITS))
        question = Question(text, "".join(sorted(text)))
        if question.answer != text:
            made[text] = question
    return list(made.values())


def write(path: Path, records: Iterable[dict[str, Any]]) -> str:
    """A file of records; its path as a recipe has it."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return str(path)


def tokenizer(folder: Path) -> Any:
    """A vocabulary of bytes and a few digits more, saved in `folder`."""
    from quantatissu.tokenizer import TrainSettings, save_tokenizer, train_tokenizer

    made = train_tokenizer(["0 1 2 3 4 5 6 7 8 9"], TrainSettings(vocabulary=290))
    save_tokenizer(made, folder)
    return made


def run(folder: Path, name: str, **tables: Any) -> Path:
    """Train by a recipe that has these `tables` over those that all runs share; the last checkpoint."""
    from quantatissu.foundation.progress import Silent
    from quantatissu.training.recipe import TrainRecipe
    from quantatissu.training.run import train

    table: dict[str, Any] = {
        "name": name,
        "device": "cpu",
        "model": {"shape": "nano", "override": _SHAPE},
        # Nothing is held out here: what is measured on is in none of the files.
        "data": {"length": 64, "held_out": 0.0, "tokenizer": str(folder / "tokenizer.json")},
        "batch": {"samples": 16, "micro": 16},
        "precision": {"compute": "fp32"},
        "optimizer": {"lr": 3e-3},
        "checkpoint": {"every": 0, "minutes": 0, "keep": 1},
        "evaluation": {"every": 0},
        "metrics": {"sinks": []},
    }
    for key, value in tables.items():
        table[key] = {**table[key], **value} if isinstance(table.get(key), dict) else value
    finished = train(TrainRecipe.model_validate(table), folder / name, resume=False, progress=Silent())
    assert finished.checkpoint is not None
    return finished.checkpoint.path


def answers(
    checkpoint: Path, vocabulary: Any, asked: Sequence[Question], *, samples: int, temperature: float
) -> list[list[str]]:
    """What the model answers to each question, ``samples`` times, always with the same random numbers."""
    import numpy as np

    from quantatissu.model.folders import load_model
    from quantatissu.tokenizer import encode_conversation
    from quantatissu.training.rollouts import sample, uniforms

    model = load_model(checkpoint)
    ends = model.config.eos_token_id
    prompts = [encode_conversation(vocabulary, one.messages, add_generation_prompt=True).ids for one in asked]
    numbers = np.array(
        [[uniforms(ANSWER_TOKENS, 1, "measured", n, k) for k in range(samples)] for n in range(len(asked))]
    )
    given = sample(
        model,
        prompts,
        numbers,
        stop={ends} if isinstance(ends, int) else set(ends or ()),
        width=64,
        temperature=temperature,
        context=nullcontext,
    )
    return [[vocabulary.decode(one[:-1]) for one in several] for several in given]


def gain(before: Any, after: Any) -> tuple[float, float]:
    """The mean of the paired differences, and half its 95% interval: 1.96 standard errors over the items."""
    import numpy as np

    differences = np.asarray(after, float) - np.asarray(before, float)
    return float(differences.mean()), float(1.96 * differences.std(ddof=1) / len(differences) ** 0.5)
