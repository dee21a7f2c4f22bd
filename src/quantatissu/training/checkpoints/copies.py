"""Copies of tensors that training does not touch, and whole tensors from the pieces of many processes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor import DTensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset


def copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same on the CPU, in memory of their own; what is sharded stays so."""
    return {name: _copy(tensor.detach()) for name, tensor in tensors.items()}


def _copy(tensor: Tensor) -> Tensor:
    if isinstance(tensor, DTensor):
        # By the constructor: `from_local` would put the copy back on the mesh's GPU.
        return DTensor(tensor.to_local().to("cpu", copy=True), tensor._spec, requires_grad=False)  # type: ignore[no-untyped-call]
    return tensor.to("cpu", copy=True)


class Piece(NamedTuple):
    """The part of a tensor that a process holds: where it begins in each dimension, and how far it goes."""

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]


class Described(NamedTuple):
    """A tensor that processes hold pieces of."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    piece: Piece


def describe(tensors: Mapping[str, Tensor]) -> dict[str, Described]:
    """What this process holds of each."""
    return {name: Described(tuple(one.shape), one.dtype, _piece(one)) for name, one in tensors.items()}


def assembled(
    tensors: Mapping[str, Tensor], group: dist.ProcessGroup | None
) -> tuple[dict[str, tuple[tuple[int, ...], torch.dtype]], Iterator[tuple[str, Tensor]]]:
    """Shapes and dtypes of all tensors by name, and on the first process of `group` the tensors themselves, one after
    another: no more than one is ever whole. The others get an iterator that gives nothing; all must exhaust it.
    """
    mine = describe(tensors)
    if group is None:
        return {name: (one.shape, one.dtype) for name, one in mine.items()}, iter(tensors.items())
    told: list[Any] = [None] * dist.get_world_size(group)
    dist.all_gather_object(told, mine, group=group)
    known = {name: (one.shape, one.dtype) for part in told for name, one in part.items()}
    # Of those that hold the same piece, the first one sends it.
    owners: dict[str, dict[Piece, int]] = {name: {} for name in known}
    for rank, part in enumerate(told):
        for name, one in part.items():
            owners[name].setdefault(one.piece, rank)
    return known, _whole(tensors, known, owners, group)


def _whole(
    tensors: Mapping[str, Tensor],
    known: Mapping[str, tuple[tuple[int, ...], torch.dtype]],
    owners: Mapping[str, Mapping[Piece, int]],
    group: dist.ProcessGroup,
) -> Iterator[tuple[str, Tensor]]:
    rank = dist.get_rank(group)
    for name, (shape, dtype) in known.items():
        whole = torch.empty(shape, dtype=dtype) if rank == 0 else None
        for piece, owner in owners[name].items():
            if 0 in piece.sizes or rank not in (0, owner):
                continue
            if rank == owner:
                part = _local(tensors[name]).contiguous()
            else:
                part = torch.empty(piece.sizes, dtype=dtype)
                dist.recv(part, group=group, group_src=owner)
            if whole is None:
                dist.send(part, group=group, group_dst=0)
            else:
                whole[tuple(slice(at, at + size) for at, size in zip(*piece, strict=True))] = part
        if whole is not None:
            yield name, whole


def _piece(tensor: Tensor) -> Piece:
    if not isinstance(tensor, DTensor):
        return Piece((0,) * tensor.dim(), tuple(tensor.shape))
    sizes, offsets = compute_local_shape_and_global_offset(tensor.shape, tensor.device_mesh, tensor.placements)
    return Piece(tuple(offsets), tuple(sizes))


def _local(tensor: Tensor) -> Tensor:
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor
