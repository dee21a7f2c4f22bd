"""Muon (Jordan et al., 2024): momentum whose matrix is made orthogonal before it is applied.

Torch has a Muon of its own that works on one matrix after another. A transformer has many matrices of few shapes, so
here all of one shape are orthogonalised in one batched product: the same arithmetic in an eighth of the launches.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_A, _B, _C = 3.4445, -4.7750, 2.0315  # quintic coefficients: steepest at zero, singular values end in about [0.7, 1.2]
_ROUNDS = 5


class Muon(torch.optim.Optimizer):
    """Nesterov momentum, Newton-Schulz orthogonalisation in bfloat16, decoupled weight decay.

    The update is scaled by ``sqrt(max(1, rows / columns))``, so that one rate suits every shape. Only matrices;
    ValueError otherwise.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], *, lr: float, momentum: float = 0.95, weight_decay: float = 0.0
    ) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        if any(parameter.ndim != 2 for group in self.param_groups for parameter in group["params"]):
            raise ValueError("Muon updates matrices only")

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> None:  # type: ignore[override]
        """One update from the gradients."""
        assert closure is None
        for group in self.param_groups:
            alike: dict[tuple[Any, ...], list[Tensor]] = defaultdict(list)
            for parameter in group["params"]:
                if parameter.grad is not None:
                    # Sharded matrices of one shape may still be divided differently.
                    alike[(*parameter.shape, getattr(parameter, "placements", None))].append(parameter)
            for (rows, columns, _), parameters in alike.items():
                directions = self._directions(parameters, group["momentum"])
                scale = max(1.0, rows / columns) ** 0.5
                torch._foreach_mul_(parameters, 1.0 - group["lr"] * group["weight_decay"])
                torch._foreach_add_(
                    parameters,
                    [made.to(p.dtype) for made, p in zip(_orthogonal_each(directions), parameters, strict=True)],
                    alpha=-group["lr"] * scale,
                )

    def _directions(self, parameters: list[Tensor], momentum: float) -> list[Tensor]:
        """Nesterov's look-ahead of the momentum, laid out as the parameters."""
        buffers = []
        for parameter in parameters:
            state = self.state[parameter]
            if "momentum" not in state:
                state["momentum"] = torch.zeros_like(parameter)
            buffers.append(state["momentum"])
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        torch._foreach_lerp_(buffers, gradients, 1.0 - momentum)
        return list(torch._foreach_lerp(gradients, buffers, momentum))


def _orthogonal_each(matrices: list[Tensor]) -> Iterable[Tensor]:
    if not hasattr(matrices[0], "placements"):
        return orthogonal(torch.stack(matrices))
    from quantatissu.training.optim.sharded import orthogonal_shards

    return orthogonal_shards([_narrow(matrix) for matrix in matrices], orthogonal)  # type: ignore[misc]


def _narrow(x: Tensor) -> Tensor:
    """bfloat16 is enough for directions; float64 is kept by those who compare runs to the last digit."""
    return x if x.dtype == torch.float64 else x.bfloat16()


def orthogonal(matrices: Tensor) -> Tensor:
    """The nearest semi-orthogonal matrix of each of `matrices` [N, rows, columns], roughly: singular values near 1.

    Five Newton-Schulz rounds of a quintic whose slope at zero is as steep as convergence allows.
    """
    tall = matrices.shape[-2] > matrices.shape[-1]
    x: Tensor = _narrow(matrices.mT if tall else matrices)
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=1e-7)
    for _ in range(_ROUNDS):
        gram = x @ x.mT
        x = _A * x + (_B * gram + _C * gram @ gram) @ x
    return x.mT if tall else x
