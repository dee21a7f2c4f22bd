"""Weights for a decoder that is spread: the ones a single process would draw, or those of a checkpoint."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor, distribute_tensor

from quantatissu.foundation import QuantaError
from quantatissu.model.decoder import Decoder
from quantatissu.training.checkpoints import load_tensors
from quantatissu.training.parallel.mesh import Mesh


def draw_weights(model: Decoder, seed: int) -> None:
    """Fill `model` with the weights that `seed` gives, whatever the number of processes.

    Every process draws all of them, one matrix after another, and keeps its part of each.
    """
    with torch.device("meta"):
        whole = Decoder(model.config)
    torch.manual_seed(seed)
    _Drawn(whole, model).initialise()


class _Drawn(Decoder):
    """A decoder whose weights are only there while they are drawn: then they go into another's shards."""

    def __init__(self, whole: Decoder, into: Decoder) -> None:
        nn.Module.__init__(self)
        self.config = whole.config
        # Not as modules: neither is a part of this one.
        self._shapes = {name: parameter.shape for name, parameter in whole.named_parameters()}
        self._places = dict(into.named_parameters())

    def named_parameters(self, *args: object, **kwargs: object) -> Iterator[tuple[str, nn.Parameter]]:
        for name, shape in self._shapes.items():
            drawn = nn.Parameter(torch.empty(shape), requires_grad=False)
            yield name, drawn
            if name in self._places:
                keep(drawn.detach(), self._places[name].detach())


def read_weights(model: Decoder, folder: Path, mesh: Mesh) -> None:
    """Fill `model` from the Hugging Face folder `folder`; each process reads what it has a part of.

    Raises QuantaError when they do not fit.
    """
    tensors = {name: parameter.detach() for name, parameter in model.named_parameters()}
    try:
        load_tensors(tensors, folder, mesh.writers)
    except QuantaError as error:
        raise QuantaError(f"{folder}: the weights do not fit config.json: {error.message}") from error


def keep(whole: Tensor, place: Tensor) -> None:
    """Copy this process's part of `whole`, which all processes have, into `place`."""
    if not isinstance(place, DTensor):
        place.copy_(whole)
        return
    part = distribute_tensor(
        whole.to(place.device, place.dtype), place.device_mesh, place.placements, src_data_rank=None
    )
    place.to_local().copy_(part.to_local())
