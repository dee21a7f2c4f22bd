"""Evaluation as the trainer wants it: the figures of the last weights, of the averaged ones, and texts to look at."""

from __future__ import annotations

from collections.abc import Callable

import torch

from quantatissu.training.optim import WeightAverage
from quantatissu.training.parallel import Group

Evaluate = Callable[[], tuple[dict[str, float], list[str]]]
"""Figures by name, and texts generated."""


def evaluation(
    figures: Callable[[], dict[str, float]],
    texts: Callable[[], list[str]],
    average: WeightAverage | None,
    group: Group,
) -> Evaluate:
    """``figures`` are taken a second time with the average in place of the weights, under ``averaged/``."""

    def evaluate() -> tuple[dict[str, float], list[str]]:
        found = figures()
        if average is not None:
            with average.in_place():
                found |= {f"averaged/{name}": value for name, value in figures().items()}
        # All processes have measured the same; that they decide alike must not hang on the last digit.
        values = group.same(torch.tensor(list(found.values()), dtype=torch.float64, device=group.device))
        return dict(zip(found, values.tolist(), strict=True)), texts()

    return evaluate


def shown(prompt: str, wanted: str | None, given: str) -> str:
    """A generated text beside what was asked and, where there is one, the right answer."""
    right = "" if wanted is None else f"\n--- wanted:\n{wanted}"
    return f"{prompt}{right}\n--- given:\n{given}"
