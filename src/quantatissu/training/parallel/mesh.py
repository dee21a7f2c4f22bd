"""Many processes: who is who, and what they tell each other."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.device_mesh import DeviceMesh, init_device_mesh
from torch.distributed.rendezvous import rendezvous
from torch.distributed.tensor import DTensor, Replicate

from quantatissu.foundation import QuantaError
from quantatissu.training.parallel.alone import Alone, Group
from quantatissu.training.parallel.meeting import meet
from quantatissu.training.parallel.plan import Plan, make_plan
from quantatissu.training.recipe import ParallelSettings

_DIMENSIONS = ("pipeline", "replicate", "shard", "tensor")
_PATIENCE_SECONDS = 20
_LOST = ("closed by peer", "reset by peer", "remote process exited")
_WRITING = timedelta(hours=2)  # a checkpoint of any size is on the disk by then


def processes() -> int:
    """How many torchrun started; 1 without it."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def restarted() -> bool:
    """Whether torchrun has started the processes anew, after one of them failed: then the run is to be resumed."""
    return int(os.environ.get("TORCHELASTIC_RESTART_COUNT", "0")) > 0


def local_rank() -> int:
    """The number of this process on its machine, which is that of its GPU."""
    return int(os.environ.get("LOCAL_RANK", "0"))


@contextmanager
def told_once() -> Iterator[None]:
    """For what all processes meet alike before they know each other: only the first of them fails aloud."""
    try:
        yield
    except QuantaError as error:
        if int(os.environ.get("RANK", "0")):
            _await_end(error)
        raise


@contextmanager
def open_group(settings: ParallelSettings, device: torch.device) -> Iterator[Group]:
    """The processes of this run, for as long as it lasts: those that torchrun started, or this one alone.

    An error that leaves the context ends the run on all of them. The first process that has one raises it; the others,
    which fail in its wake, end with SystemExit as soon as torchrun stops them, so that it is told once.
    Raises QuantaError when the plan needs another number of processes.
    """
    with told_once():
        plan = make_plan(settings, processes())
    if plan.processes == 1:
        yield Alone(device)
        return
    store, rank, size = next(iter(rendezvous("env://")))
    store = meet(store, rank, size)
    backend = "cpu:gloo,cuda:nccl" if device.type == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size)
    try:
        yield Mesh(plan, device)
    except Exception as error:
        if not _first_to_fail(store):
            _await_end(error)
        if any(sign in str(error) for sign in _LOST):
            raise QuantaError(
                "another process of this run has ended, and this one cannot go on without it",
                hint="--resume goes on from the last checkpoint, with any number of processes.",
            ) from error
        raise
    dist.destroy_process_group()


def _first_to_fail(store: Any) -> bool:
    try:
        return bool(store.add("failures", 1) == 1)
    except RuntimeError:  # it was kept by a process that is gone
        return False


def _await_end(error: Exception) -> None:
    """Let the process that tells of the error end first: torchrun stops all others when one has failed, and must not
    cut it short. Returns when that one seems to be well.
    """
    try:
        time.sleep(_PATIENCE_SECONDS)
    except KeyboardInterrupt:
        raise SystemExit(getattr(error, "exit_code", 2)) from None


class Mesh:
    """A `Group` of the processes that torchrun started, in four dimensions."""

    def __init__(self, plan: Plan, device: torch.device) -> None:
        self.plan, self.device, self.size = plan, device, plan.processes
        self.devices: DeviceMesh = init_device_mesh(
            device.type,
            (plan.pipeline, plan.replicate, plan.shard, plan.tensor),
            mesh_dim_names=_DIMENSIONS,
        )
        self.stage: int = self.devices.get_local_rank("pipeline")
        self.rank: int = self.devices.get_local_rank("replicate") * plan.shard + self.devices.get_local_rank("shard")
        self.world = plan.replicate * plan.shard
        self.main = dist.get_rank() == 0
        self.writers = dist.new_group(backend="gloo", timeout=_WRITING)
        # Of the processes that work on one share of the samples, this is the one that has its loss and speaks for it.
        self._speaks = self.last_stage and self.devices.get_local_rank("tensor") == 0

    @property
    def first_stage(self) -> bool:
        """Whether this process has the embedding."""
        return self.stage == 0

    @property
    def last_stage(self) -> bool:
        """Whether this process has the final norm and the output head."""
        return self.stage == self.plan.pipeline - 1

    def total(self, values: Tensor) -> Tensor:
        """See `Group.total`."""
        summed = values.clone() if self._speaks else torch.zeros_like(values)
        dist.all_reduce(summed)
        return summed

    def same(self, values: Tensor) -> Tensor:
        """See `Group.same`."""
        told = values.clone()
        dist.broadcast(told, src=0)
        return told

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """See `Group.norm`. A piece that several processes hold counts once."""
        squares = torch.zeros((), dtype=torch.float64, device=self.device)
        if gradients:
            norms = torch._foreach_norm([local(gradient) for gradient in gradients])
            shares = torch.tensor([1.0 / _copies(gradient) for gradient in gradients], dtype=torch.float64)
            squares = (torch.stack([norm.double() for norm in norms]).square() * shares.to(self.device)).sum()
        dist.all_reduce(squares)
        return squares.sqrt()

    def any(self, told: bool) -> bool:
        """See `Group.any`."""
        flag = torch.tensor(int(told))  # on the CPU: nobody waits for a GPU
        dist.all_reduce(flag, op=dist.ReduceOp.MAX)
        return bool(flag)

    def wait(self) -> None:
        """See `Group.wait`."""
        self.any(False)


def local(tensor: Tensor) -> Tensor:
    """What this process holds of a tensor, sharing its memory."""
    return tensor.to_local() if isinstance(tensor, DTensor) else tensor


def settle(model: nn.Module) -> None:
    """Give back what forward passes have gathered, so that the parameters are this process's shards again."""
    for module in model.modules():
        reshard = getattr(module, "reshard", None)  # FSDP's: there where it is used, and only there
        if reshard is not None:
            reshard()


def _copies(tensor: Tensor) -> int:
    """How many processes hold the same piece of it."""
    if not isinstance(tensor, DTensor):
        return 1
    mesh, copies = tensor.device_mesh, 1
    for dimension, placement in enumerate(tensor.placements):
        if isinstance(placement, Replicate):
            copies *= mesh.size(dimension)
    return copies
