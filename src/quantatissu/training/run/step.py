"""One training step: gradients over all micro-batches, then one update, or none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from quantatissu.training.objectives import Objective, Tensors, Terms
from quantatissu.training.optim import Optimizers, SpikeGuard, WeightAverage
from quantatissu.training.parallel import Group, local

Forward = Callable[[Tensors], Terms]
Context = Callable[[], AbstractContextManager[object]]
Accumulate = Callable[[Sequence[Tensors], float], dict[str, Tensor]]
"""Adds the gradients of a step's micro-batches, their losses divided by a count; returns the objective's sums."""


def one_by_one(forward: Forward, context: Context, batches: Sequence[Tensors], count: float) -> dict[str, Tensor]:
    """The loop over micro-batches: see `Accumulate`."""
    found = []
    for batch in batches:
        with context():
            terms = forward(batch)
        (terms.loss / count).backward()  # type: ignore[no-untyped-call]
        found.append(terms.sums)
    return added(found)


def added(found: Sequence[dict[str, Tensor]]) -> dict[str, Tensor]:
    """Sums by name over all of ``found``."""
    sums: dict[str, Tensor] = {}
    for one in found:
        for name, value in one.items():
            sums[name] = sums[name] + value if name in sums else value
    return sums


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a step came to. ``means`` are the objective's sums by its count; ``taken`` is False for a skipped step."""

    means: dict[str, float]
    count: int
    norm: float
    taken: bool


class Step:
    """Everything a step needs; call it with the step's micro-batches."""

    def __init__(
        self,
        forward: Forward,
        objective: Objective,
        optimizers: Optimizers,
        guard: SpikeGuard,
        group: Group,
        *,
        clip: float,
        average: WeightAverage | None,
        context: Context,
        accumulate: Accumulate | None = None,
    ) -> None:
        """``accumulate`` replaces the loop over micro-batches, where they are interleaved or run side by side."""
        self._objective, self._optimizers, self._guard = objective, optimizers, guard
        self._accumulate = accumulate or partial(one_by_one, forward, context)
        self._group, self._clip, self._average = group, clip, average

    def __call__(self, batches: Sequence[Tensors]) -> Outcome:
        """Take one step. The losses of all micro-batches of all processes are divided by their common count, so that
        how the samples were dealt out changes nothing but rounding.
        """
        counted = torch.tensor([self._objective.count(batch) for batch in batches], dtype=torch.float64)
        count = self._group.total(counted.sum().to(self._group.device)).item()
        sums = self._accumulate(batches, max(count, 1.0))
        gradients = [p.grad for p in self._optimizers.parameters if p.grad is not None]
        norm = self._group.norm(gradients)
        # One wait for the device in the whole step: everything that is decided or recorded comes over together.
        told = self._group.total(torch.stack([value.double() for value in sums.values()]))
        *values, length = torch.cat([told, norm.double().reshape(1).to(told.device)]).tolist()
        taken = self._guard.accepts(length)
        if taken:
            if self._clip and length > self._clip:
                torch._foreach_mul_([local(gradient) for gradient in gradients], self._clip / (length + 1e-6))
            self._optimizers.step()
            if self._average is not None:
                self._average.update()
        self._optimizers.zero_grad()
        means = {name: value / max(count, 1.0) for name, value in zip(sums, values, strict=True)}
        return Outcome(means, int(count), length, taken)

    @property
    def hopeless(self) -> bool:
        """Whether so many steps on end were skipped that going on makes no sense."""
        return self._guard.hopeless
