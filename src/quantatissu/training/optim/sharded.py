"""Muon's orthogonalisation of matrices that are spread over processes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.distributed.tensor import DTensor, Replicate, Shard

# It warns that a matrix divided in two directions is gathered in two rounds; there is no other way.
logging.getLogger("torch.distributed.tensor._redistribute").setLevel(logging.ERROR)

_AT_ONCE = 2**26  # elements of whole matrices that a process holds at a time


def orthogonal_shards(matrices: Sequence[DTensor], orthogonal: Callable[[Tensor], Tensor]) -> list[DTensor]:
    """`orthogonal` of each of `matrices`, all of one shape and laid out alike; laid out as they came.

    Each process of the mesh gathers them, works on its share of them, and takes its pieces from the results of all:
    what one process would compute, bit for bit. Matrices come in bunches, so that few are whole at a time.
    """
    mesh, size = matrices[0].device_mesh, matrices[0].device_mesh.size()
    each = max(1, min(_AT_ONCE // (size * matrices[0].numel()), -(-len(matrices) // size)))
    mine = _number(matrices[0])
    made: list[DTensor] = []
    for first in range(0, len(matrices), size * each):
        bunch = matrices[first : first + size * each]
        whole = [matrix.full_tensor() for matrix in bunch]
        # The last bunch may not go round: some process's share is filled up with matrices that nobody asks for.
        share = torch.stack([whole[min(mine * each + number, len(whole) - 1)] for number in range(each)])
        spread = [Shard(0)] * mesh.ndim
        results = DTensor.from_local(orthogonal(share), mesh, spread, run_check=False).full_tensor()
        for matrix, result in zip(bunch, results, strict=False):
            everywhere = DTensor.from_local(result, mesh, [Replicate()] * mesh.ndim, run_check=False)
            made.append(everywhere.redistribute(placements=matrix.placements))
    return made


def _number(tensor: DTensor) -> int:
    """This process's place in the tensor's mesh, the last dimension running fastest."""
    coordinate, number = tensor.device_mesh.get_coordinate(), 0
    assert coordinate is not None, "a process works only on what it has a part of"
    for dimension, at in enumerate(coordinate):
        number = number * tensor.device_mesh.size(dimension) + at
    return number
