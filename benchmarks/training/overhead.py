"""The row ``train-overhead``: what loader, records and display cost of a step."""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

BAR = 0.03
_STEPS = 40


@benchmark(name="train-overhead", bar="3%", describe="loader, records and TensorBoard as a share of a step (nano)")
def measure(arguments: Sequence[str]) -> Outcome:
    """Of a whole run of the trainer: the time outside forward, backward and update, evaluation and saving left out.

    The smallest shape has the shortest steps, so that it is the hardest case.
    """
    argparse.ArgumentParser(prog="python -m benchmarks train-overhead", description=__doc__).parse_args(arguments)
    from benchmarks.training.runs import library_corpus
    from quantatissu.foundation.progress import Silent
    from quantatissu.training.recipe import TrainRecipe
    from quantatissu.training.run import train
    from quantatissu.training.run.step import Step

    starts: list[float] = []
    inside: list[float] = []
    original = Step.__call__

    def timed(self: Step, batches: object) -> object:
        starts.append(time.perf_counter())
        result = original(self, batches)  # type: ignore[arg-type]
        inside.append(time.perf_counter() - starts[-1])
        return result

    with tempfile.TemporaryDirectory() as name:
        corpus = library_corpus(Path(name) / "corpus", files=60)
        recipe = TrainRecipe.model_validate(
            {
                "steps": _STEPS,
                "model": {"shape": "nano"},
                "data": {"length": 512, "corpus": [{"path": corpus}]},
                "batch": {"samples": 8},
                "evaluation": {"every": 0, "tokens": 0, "infill": 0, "repair": 0, "samples": 0},
                "checkpoint": {"every": 0, "minutes": 0},
            }
        )
        Step.__call__ = timed  # type: ignore[assignment,method-assign]
        try:
            train(recipe, Path(name) / "run", resume=False, progress=Silent())
        finally:
            Step.__call__ = original  # type: ignore[method-assign]
    # From the start of one step to that of the next lies all that a step costs, records and display included.
    warm = 4
    whole = starts[-1] - starts[warm]
    share = 1 - sum(inside[warm:-1]) / whole
    each = whole / (len(starts) - 1 - warm)
    print(f"steps of {each:.3f} s, of which {100 * share:.2f}% outside forward, backward and update")
    return Outcome(f"{100 * share:.2f}%", share < BAR)
