"""The row ``dpo-gain``: what direct preference optimisation adds to a fine-tuned model's held-out preferences.

Digits are to be put in order, and both orders are right to a start that was shown both at random. Preferred is the
rising one where the first digit is below five, else the falling one. An answer counts as preferred when the model finds
it likelier than the other; measured on numbers that neither run has seen.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, benchmark
from benchmarks.training.digits import Question

BAR_POINTS = 5.0
_EXAMPLES, _PAIRS, _HELD_OUT = 2000, 2000, 500


@benchmark(
    name="dpo-gain",
    bar="+5 points, interval above 0",
    describe="held-out preference accuracy after DPO less that of the fine-tuned start",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Fine-tune, learn preferences, and compare what both models find likelier in the same held-out pairs."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks dpo-gain", description=__doc__)
    parser.add_argument("--steps", type=int, default=200, help="steps of DPO (200)")
    parser.add_argument("--seed", type=int, default=0, help="of the questions and of both runs (0)")
    chosen = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="dpo-gain-") as name:
        return _measure(Path(name), chosen.steps, chosen.seed)


def _measure(folder: Path, steps: int, seed: int) -> Outcome:
    from benchmarks.training import digits

    everything = digits.questions(_HELD_OUT + _EXAMPLES + _PAIRS, seed)
    held, shown, compared = (
        everything[:_HELD_OUT],
        everything[_HELD_OUT : _HELD_OUT + _EXAMPLES],
        everything[_HELD_OUT + _EXAMPLES :],
    )
    vocabulary = digits.tokenizer(folder)
    draw = random.Random(seed)
    talks = [
        {"messages": [*one.messages, {"role": "assistant", "content": draw.choice([one.answer, one.answer[::-1]])}]}
        for one in shown
    ]
    start = digits.run(
        folder,
        "start",
        seed=seed,
        steps=400,
        data={"length": 32, "conversations": [digits.write(folder / "talks.jsonl", talks)]},
    )
    end = digits.run(
        folder,
        "preferring",
        seed=seed,
        steps=steps,
        objective={"kind": "dpo", "beta": 0.5, "likelihood": 1.0},
        model={"init": str(start)},
        data={"preferences": [digits.write(folder / "pairs.jsonl", map(_pair, compared))]},
        optimizer={"lr": 1e-4, "weight_decay": 0.0},
    )
    path = Path(digits.write(folder / "held.jsonl", map(_pair, held)))
    before, after = (_likelier(checkpoint, vocabulary, path) for checkpoint in (start, end))
    mean, half = digits.gain(before, after)
    print(
        f"{_HELD_OUT} held-out pairs: the preferred answer is the likelier one in {100 * before.mean():.1f}% -> "
        f"{100 * after.mean():.1f}%; drawn at temperature 1, {_share(start, vocabulary, held)} -> "
        f"{_share(end, vocabulary, held)} of the answers"
    )
    return Outcome(f"+{100 * mean:.1f} ± {100 * half:.1f} points", 100 * mean >= BAR_POINTS and mean > half)


def _preferred(question: Question) -> str:
    return question.answer if question.text[0] < "5" else question.answer[::-1]


def _pair(question: Question) -> dict[str, Any]:
    better = _preferred(question)
    return {"prompt": question.messages, "chosen": better, "rejected": better[::-1]}


def _likelier(checkpoint: Path, vocabulary: Any, pairs: Path) -> Any:
    """For each pair whether the model finds the preferred answer likelier."""
    import torch

    from quantatissu.model.folders import load_model
    from quantatissu.tokenizer import our_template
    from quantatissu.training.conversations import Chat
    from quantatissu.training.parallel import Alone
    from quantatissu.training.preferences import PairSamples, read_preferences, reference_log_probabilities

    read = read_preferences([pairs], Chat(vocabulary, our_template()), length=64, share=0.0)
    samples = PairSamples(read.train, length=64, seed=0, pad=0)
    found = reference_log_probabilities(
        load_model(checkpoint), samples, rows=32, context=nullcontext, group=Alone(torch.device("cpu"))
    )
    return found[:, 0] > found[:, 1]


def _share(checkpoint: Path, vocabulary: Any, asked: Sequence[Question]) -> str:
    """How often the model answers with the preferred order, to the letter."""
    from benchmarks.training import digits

    given = digits.answers(checkpoint, vocabulary, asked, samples=2, temperature=1.0)
    right = [text == _preferred(one) for many, one in zip(given, asked, strict=True) for text in many]
    return f"{100 * sum(right) / len(right):.1f}%"
