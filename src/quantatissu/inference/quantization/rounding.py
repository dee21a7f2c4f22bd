"""Weights rounded to few bits with as little error as a scale can buy."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_SHRINKS = (1.0, 0.96, 0.92, 0.88, 0.84, 0.8, 0.75, 0.7)
_TURNS = 6
_LEVELS = 15  # steps between the least and the most of four bits


@dataclass(frozen=True, slots=True)
class Groups:
    """``weight ~ steps * scales + least`` in groups along each row.

    ``steps`` uint8 [out, in], 0 to 15; ``scales`` and ``least`` float32 [out, in / group].
    """

    steps: Tensor
    scales: Tensor
    least: Tensor
    group: int

    def restored(self) -> Tensor:
        """The weight that these numbers stand for, float32 [out, in]."""
        out, inside = self.steps.shape
        steps = self.steps.view(out, -1, self.group).float()
        return (steps * self.scales.unsqueeze(-1) + self.least.unsqueeze(-1)).view(out, inside)


def round_rows(weight: Tensor) -> tuple[Tensor, Tensor]:
    """``weight ~ steps * scales``: int8 [out, in] and float32 [out], symmetric, the largest of a row at 127."""
    weight = weight.float()
    scales = (weight.abs().amax(dim=1) / 127).clamp_min(torch.finfo(torch.float32).tiny)
    return (weight / scales.unsqueeze(1)).round_().clamp_(-127, 127).to(torch.int8), scales


def round_groups(weight: Tensor, group: int) -> Groups:
    """Four bits with a scale and an offset for each ``group`` weights of a row.

    Of several ranges, shrunk from the whole one towards the middle, each group takes the one whose squared error is
    least: few large weights are cut off where the many small ones gain by it. Then rounding and the least-squares scale
    and offset of what was rounded take turns, as long as the error falls.
    """
    out, inside = weight.shape
    groups = weight.float().view(out, inside // group, group)
    lowest, highest = groups.amin(dim=-1), groups.amax(dim=-1)
    middle, half = (highest + lowest) / 2, (highest - lowest) / 2
    best = _Best(groups)
    for shrink in _SHRINKS:
        best.offer(2 * half * shrink / _LEVELS, middle - half * shrink)
    for _ in range(_TURNS):
        best.offer(*best.refit())
    return Groups(best.steps.to(torch.uint8).view(out, inside), best.scales, best.least, group)


class _Best:
    """The best rounding of each of ``groups`` [out, groups, group] so far."""

    def __init__(self, groups: Tensor) -> None:
        self._groups = groups
        self._error = groups.new_full(groups.shape[:2], torch.inf)
        self.steps, self.scales, self.least = torch.zeros_like(groups), *groups.new_zeros(2, *groups.shape[:2])

    def offer(self, scales: Tensor, least: Tensor) -> None:
        """Round by these [out, groups], and keep what is better."""
        # What is stored are bfloat16 numbers: the error is measured with them.
        scales = scales.bfloat16().float().clamp_min(torch.finfo(torch.float32).tiny)
        least = least.bfloat16().float()
        steps = ((self._groups - least.unsqueeze(-1)) / scales.unsqueeze(-1)).round_().clamp_(0, _LEVELS)
        error = (steps * scales.unsqueeze(-1) + least.unsqueeze(-1) - self._groups).square_().sum(dim=-1)
        better = error < self._error
        self._error = torch.where(better, error, self._error)
        self.scales, self.least = torch.where(better, scales, self.scales), torch.where(better, least, self.least)
        self.steps = torch.where(better.unsqueeze(-1), steps, self.steps)

    def refit(self) -> tuple[Tensor, Tensor]:
        """The scales and offsets with the least squared error for the steps as they are."""
        steps = self.steps - self.steps.mean(dim=-1, keepdim=True)
        spread = steps.square().sum(dim=-1)
        scales = torch.where(spread > 0, (steps * self._groups).sum(dim=-1) / spread.clamp_min(1e-12), self.scales)
        return scales, self._groups.mean(dim=-1) - scales * self.steps.mean(dim=-1)
