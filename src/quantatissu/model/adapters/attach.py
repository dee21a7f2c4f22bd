"""Adapters onto a decoder, and off again."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import nn

from quantatissu.model.adapters.config import AdapterConfig
from quantatissu.model.adapters.layers import AdaptedLinear
from quantatissu.model.decoder import Decoder


def attach(model: Decoder, config: AdapterConfig) -> None:
    """Freeze ``model`` and give the targets of every layer an adapter, in place.

    At first it computes what it did before, but for the rounding of quantised weights: B is zero. A is drawn from
    torch's global generator.
    """
    assert not list(adapted(model)), "one adapter at a time: merge the first"
    model.requires_grad_(False)
    _replace(model, lambda name, layer: _adapt(name, layer, config))


def merge(model: Decoder) -> None:
    """Fold the adapters into the weights, in place: plain linear layers again, everything trainable.

    Weights that were quantised come back as what the adapter was trained on, rounding included.
    """
    _replace(model, lambda _, layer: layer.merged() if isinstance(layer, AdaptedLinear) else None)
    model.requires_grad_(True)


def adapted(model: nn.Module) -> Iterator[tuple[str, AdaptedLinear]]:
    """The layers that carry an adapter, by name."""
    return ((name, layer) for name, layer in model.named_modules() if isinstance(layer, AdaptedLinear))


def adapter_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """What an optimizer should train, by name."""
    return {name: parameter for name, parameter in model.named_parameters() if parameter.requires_grad}


def _adapt(name: str, layer: nn.Module, config: AdapterConfig) -> nn.Module | None:
    wanted = isinstance(layer, nn.Linear) and name.rpartition(".")[2] in config.targets
    return AdaptedLinear(layer, config) if wanted and isinstance(layer, nn.Linear) else None


def _replace(model: nn.Module, other: Callable[[str, nn.Module], nn.Module | None]) -> None:
    for name, layer in list(model.named_modules()):
        if (new := other(name, layer)) is not None:
            parent, _, leaf = name.rpartition(".")
            setattr(model.get_submodule(parent), leaf, new)
