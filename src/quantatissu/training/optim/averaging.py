"""A running average of the weights: smoother than the last step's, at the price of one copy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from quantatissu.training.optim.settings import AverageSettings


class WeightAverage:
    """Exponential moving average of a module's parameters, kept in float32.

    The decay is ``min(decay, (1 + n) / (10 + n))`` at update n, so that the first weights are forgotten quickly.
    """

    def __init__(self, module: nn.Module, settings: AverageSettings) -> None:
        self._parameters = dict(module.named_parameters())
        self._decay = settings.decay
        self.updates = 0
        self.weights: dict[str, Tensor] = {
            name: parameter.detach().float().clone() for name, parameter in self._parameters.items()
        }

    @torch.no_grad()
    def update(self) -> None:
        """Take in the weights as they are now."""
        self.updates += 1
        decay = min(self._decay, (1 + self.updates) / (10 + self.updates))
        averages = list(self.weights.values())
        torch._foreach_lerp_(averages, [p.detach().float() for p in self._parameters.values()], 1.0 - decay)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """While it lasts the module holds the averaged weights."""
        kept = {name: parameter.detach().clone() for name, parameter in self._parameters.items()}
        _copy(self._parameters, self.weights)
        try:
            yield
        finally:
            _copy(self._parameters, kept)


@torch.no_grad()
def _copy(parameters: Mapping[str, Tensor], values: Mapping[str, Tensor]) -> None:
    for name, parameter in parameters.items():
        parameter.copy_(values[name])
