"""What a run minimises: the interface between the step and the many kinds of training."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from torch import Tensor

from quantatissu.model.decoder import Decoder

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True)
class Terms:
    """What one micro-batch contributes. Sums, never means: the step divides by what *all* micro-batches hold.

    ``loss`` is differentiable; ``sums`` are detached scalars by name that are added up over micro-batches and
    processes and divided by the step's count for the record.
    """

    loss: Tensor
    sums: dict[str, Tensor] = field(default_factory=dict)


class Objective(Protocol):
    """Turns a model and a micro-batch into a loss."""

    def count(self, batch: Tensors) -> int:
        """What the losses of a step are divided by: scored tokens, or pairs, in this micro-batch."""

    def __call__(self, model: Decoder, batch: Tensors) -> Terms:
        """The summed loss of the micro-batch."""
