"""A runner on several devices of this machine: a process for each, and what they are told to do."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Sequence
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch.distributed import TCPStore  # type: ignore[attr-defined]
from torch.distributed.device_mesh import init_device_mesh

from quantatissu.foundation import QuantaError
from quantatissu.inference.runner import Logits, Segment
from quantatissu.inference.torch_runner.group import Group
from quantatissu.inference.torch_runner.runner import TorchRunner

MakeRunner = Callable[[Group, int], TorchRunner]
"""From a group, and the number of the device, to that member's runner; goes to other processes, so it is pickled."""

_HOST = "127.0.0.1"
_PATIENCE = timedelta(minutes=10)  # for loading a share of a big model


class SpreadRunner:
    """See `Runner`. This process is the first member: it plans, tells the others, and runs its own share."""

    def __init__(self, make: MakeRunner, count: int, kind: str) -> None:
        """``kind`` of device, cpu or cuda. Raises QuantaError for a model that cannot be divided among ``count``."""
        if dist.is_initialized():
            raise QuantaError("one engine on several devices in a process: close the first, or start another process")
        self._pipes: list[Connection] = []
        self._members = []
        self._broken = False
        context = multiprocessing.get_context("spawn")
        store = TCPStore(_HOST, 0, count, is_master=True, wait_for_workers=False, timeout=_PATIENCE)
        for rank in range(1, count):
            mine, theirs = context.Pipe()
            member = context.Process(
                target=_member, args=(theirs, make, rank, count, kind, store.port), daemon=True, name=f"device-{rank}"
            )
            member.start()
            theirs.close()
            self._pipes.append(mine)
            self._members.append(member)
        try:
            self._runner = _join(make, store, 0, count, kind)
        except BaseException:
            self._end()
            raise
        self.config, self.page, self.page_bytes = self._runner.config, self._runner.page, self._runner.page_bytes

    def reserve(self, pages: int) -> None:
        """See `Runner.reserve`."""
        self._all("reserve", pages)

    def run(self, segments: Sequence[Segment]) -> Logits:
        """See `Runner.run`."""
        logits: Logits = self._all("run", segments)
        return logits

    def score(self, segments: Sequence[Segment], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Runner.score`."""
        scores: NDArray[np.float32] = self._all("score", segments, targets)
        return scores

    def copy_page(self, source: int, target: int) -> None:
        """See `Runner.copy_page`."""
        self._all("copy_page", source, target)

    def describe(self) -> dict[str, Any]:
        """See `Runner.describe`."""
        return self._runner.describe()

    def close(self) -> None:
        """See `Runner.close`."""
        self._runner.close()
        self._end()

    def _all(self, name: str, *words: Any) -> Any:
        """The same call on every member, at once; what this one's returned."""
        if self._broken:
            raise QuantaError("a process of this engine has ended, and it cannot go on", hint="Open it again.")
        try:
            for pipe in self._pipes:
                pipe.send((name, words))
            return getattr(self._runner, name)(*words)
        except BaseException as error:
            # Nobody knows which call the others are in.
            self._broken = True
            self._end()
            if isinstance(error, OSError | RuntimeError):
                raise QuantaError(f"a device was lost: {error}", hint="Open the engine again.") from error
            raise

    def _end(self) -> None:
        for pipe in self._pipes:
            pipe.close()  # which ends the process at the other end
        for member in self._members:
            member.join(timeout=5)
            if member.is_alive():
                member.kill()
                member.join()
        self._pipes, self._members = [], []
        if dist.is_initialized():
            dist.destroy_process_group()


def _join(make: MakeRunner, store: Any, rank: int, count: int, kind: str) -> TorchRunner:
    if kind == "cuda":
        torch.cuda.set_device(rank)
    else:
        torch.set_num_threads(max(1, len(os.sched_getaffinity(0)) // count))
    dist.init_process_group("nccl" if kind == "cuda" else "gloo", store=store, rank=rank, world_size=count)
    mesh = init_device_mesh(kind, (count,), mesh_dim_names=("tensor",))
    return make(Group(mesh), rank)


def _member(pipe: Connection, make: MakeRunner, rank: int, count: int, kind: str, port: int) -> None:
    """Another process: does what it is told until nobody is there to tell it."""
    store = TCPStore(_HOST, port, count, is_master=False, timeout=_PATIENCE)
    try:
        runner = _join(make, store, rank, count, kind)
        while True:
            name, words = pipe.recv()
            getattr(runner, name)(*words)
    except QuantaError:
        pass  # the first process meets it, too, and tells of it
    except (EOFError, OSError, RuntimeError, KeyboardInterrupt):
        pass  # the first process has ended, or has closed the engine
