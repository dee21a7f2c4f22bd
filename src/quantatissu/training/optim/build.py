"""The optimizer of a run: which parameters go to which, and their rates step by step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor, nn

from quantatissu.training.optim.settings import OptimizerSettings

State = dict[str, Tensor]


class Optimizers:
    """One or two torch optimizers that step together. States go by parameter name: ``<name>.exp_avg``."""

    def __init__(self, module: nn.Module, settings: OptimizerSettings) -> None:
        named = {name: parameter for name, parameter in module.named_parameters() if parameter.requires_grad}
        if not named:
            raise ValueError("the model has no parameter that can be trained")
        self._names = {id(parameter): name for name, parameter in named.items()}
        self.parameters: list[nn.Parameter] = list(named.values())
        inside = {n: p for n, p in named.items() if settings.kind == "muon" and _is_hidden_matrix(n, p)}
        others = {name: parameter for name, parameter in named.items() if name not in inside}
        self.parts: list[torch.optim.Optimizer] = []
        if others:
            self.parts.append(_adamw(others, settings))
        if inside:
            self.parts.append(_muon(inside.values(), settings))
        self._peaks = [[group["lr"] for group in part.param_groups] for part in self.parts]
        self.lr = settings.lr

    def set_lr(self, factor: float) -> float:
        """Set every group to `factor` of its peak rate; returns AdamW's, the one that is recorded."""
        for part, peaks in zip(self.parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                group["lr"] = peak * factor
        return self.lr * factor

    def step(self) -> None:
        """One update of every parameter from its gradient."""
        for part in self.parts:
            part.step()

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for part in self.parts:
            part.zero_grad(set_to_none=True)

    def state(self) -> State:
        """The state of every parameter by name, tensors only; steps as float32 [] on the CPU."""
        return {
            f"{self._names[id(parameter)]}.{key}": value
            for parameter, values in self._states()
            for key, value in values.items()
            if isinstance(value, Tensor)
        }

    def prepare(self) -> State:
        """A state of the right shapes to load into; whatever is in it is overwritten, and it is in use already.

        Torch makes states at the first update. Updating by nothing makes them without touching a weight.
        """
        kept = [[dict(group) for group in part.param_groups] for part in self.parts]
        for parameter in self.parameters:
            parameter.grad = torch.zeros_like(parameter)
        for part in self.parts:
            for group in part.param_groups:
                group["lr"], group["weight_decay"] = _like(group["lr"], 0.0), 0.0
        self.step()
        self.zero_grad()
        for part, groups in zip(self.parts, kept, strict=True):
            for group, before in zip(part.param_groups, groups, strict=True):
                group["lr"], group["weight_decay"] = before["lr"], before["weight_decay"]
        return self.state()

    def _states(self) -> Iterator[tuple[Tensor, dict[str, object]]]:
        for part in self.parts:
            yield from part.state.items()


def _like(old: object, value: float) -> object:
    return torch.full_like(old, value) if isinstance(old, Tensor) else value


def _is_hidden_matrix(name: str, parameter: Tensor) -> bool:
    """Muon is for matrices between hidden states; embeddings and the output head are look-ups in disguise."""
    return parameter.ndim == 2 and "layers." in name


def _adamw(named: dict[str, nn.Parameter], settings: OptimizerSettings) -> torch.optim.Optimizer:
    decayed = [p for n, p in named.items() if p.ndim >= 2 and "embed" not in n]
    plain = [p for n, p in named.items() if not (p.ndim >= 2 and "embed" not in n)]
    groups = [
        {"params": decayed, "weight_decay": settings.weight_decay},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=settings.lr,
        betas=settings.betas,
        eps=settings.eps,
        fused=True,
    )


def _muon(parameters: Iterable[nn.Parameter], settings: OptimizerSettings) -> torch.optim.Optimizer:
    from quantatissu.training.optim.muon import Muon

    return Muon(
        parameters,
        lr=settings.muon_lr,
        momentum=settings.muon_momentum,
        weight_decay=settings.muon_weight_decay,
    )
