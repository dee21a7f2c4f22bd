"""The row ``grpo-gain``: what learning from its own judged answers adds to a fine-tuned model.

Six digits are to be put in order. The start has seen eighty examples, and succeeds about half of the time; then it is
asked other numbers, and told of its answers only whether they are right. Measured on numbers that neither has seen.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

BAR_POINTS = 5.0
_EXAMPLES, _ASKED, _HELD_OUT, _SAMPLES = 80, 4000, 500, 4


@benchmark(
    name="grpo-gain",
    bar="+5 points, interval above 0",
    describe="held-out success after GRPO less that of the fine-tuned start",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Fine-tune, reinforce, and ask both models the same held-out questions with the same random numbers."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks grpo-gain", description=__doc__)
    parser.add_argument("--steps", type=int, default=200, help="steps of GRPO (200), 128 answers each")
    parser.add_argument("--seed", type=int, default=0, help="of the questions and of both runs (0)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="grpo-gain-") as name:
        return _measure(Path(name), chosen.steps, chosen.seed)


def _measure(folder: Path, steps: int, seed: int) -> Outcome:
    import numpy as np

    from benchmarks.training import digits

    everything = digits.questions(_HELD_OUT + _EXAMPLES + _ASKED, seed)
    held, shown, asked = (
        everything[:_HELD_OUT],
        everything[_HELD_OUT : _HELD_OUT + _EXAMPLES],
        everything[_HELD_OUT + _EXAMPLES :],
    )
    vocabulary = digits.tokenizer(folder)
    talks = [{"messages": [*one.messages, {"role": "assistant", "content": one.answer}]} for one in shown]
    prompts = [{"prompt": one.messages, "answer": one.answer} for one in asked]
    start = digits.run(
        folder,
        "start",
        seed=seed,
        steps=200,
        data={"length": 32, "conversations": [digits.write(folder / "talks.jsonl", talks)]},
    )
    end = digits.run(
        folder,
        "reinforced",
        seed=seed,
        steps=steps,
        objective={
            "kind": "grpo",
            "score": "exact_answer",
            "group": 8,
            "max_tokens": digits.ANSWER_TOKENS,
            "held_out_prompts": 0,
        },
        model={"init": str(start)},
        data={"length": 32, "prompts": [digits.write(folder / "prompts.jsonl", prompts)]},
        batch={"samples": 128, "micro": 128},
        optimizer={"lr": 2e-4, "weight_decay": 0.0},
        spikes={"factor": 0},
    )
    drawn, greedy = [], []
    for checkpoint in (start, end):
        for into, samples, temperature in ((drawn, _SAMPLES, 1.0), (greedy, 1, 0.0)):
            given = digits.answers(checkpoint, vocabulary, held, samples=samples, temperature=temperature)
            into.append(
                np.array(
                    [np.mean([text == one.answer for text in many]) for many, one in zip(given, held, strict=True)]
                )
            )
    mean, half = digits.gain(*drawn)
    print(
        f"{_HELD_OUT} held-out questions, {_SAMPLES} answers each at temperature 1: "
        f"{100 * drawn[0].mean():.1f}% -> {100 * drawn[1].mean():.1f}%; "
        f"greedy {100 * greedy[0].mean():.1f}% -> {100 * greedy[1].mean():.1f}%"
    )
    return Outcome(f"+{100 * mean:.1f} ± {100 * half:.1f} points", 100 * mean >= BAR_POINTS and mean > half)
