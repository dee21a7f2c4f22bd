"""One process: what every run is until torchrun starts more of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor

if TYPE_CHECKING:
    from torch.distributed import ProcessGroup


class Group(Protocol):
    """The processes of a run, seen from one of them."""

    rank: int
    """Which share of the samples is this process's, from 0."""
    world: int
    """Into how many shares the samples are dealt."""
    size: int
    """How many processes there are: those that share the work on the same samples count too."""
    main: bool
    """Whether this is the process that writes and talks."""
    device: torch.device
    writers: ProcessGroup | None
    """All processes once more, for what is written in the background; None when there is one."""

    def total(self, values: Tensor) -> Tensor:
        """The sum over all shares of the samples."""

    def same(self, values: Tensor) -> Tensor:
        """The `values` of the main process."""

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """The Euclidean norm of the gradients of all weights, wherever they lie; float [] on the device."""

    def any(self, told: bool) -> bool:
        """Whether any process says so: all act alike."""

    def wait(self) -> None:
        """Until all are here."""


class Alone:
    """A group of one."""

    rank, world, size, main = 0, 1, 1, True
    writers: ProcessGroup | None = None

    def __init__(self, device: torch.device) -> None:
        self.device = device

    def total(self, values: Tensor) -> Tensor:
        """See `Group.total`."""
        return values

    def same(self, values: Tensor) -> Tensor:
        """See `Group.same`."""
        return values

    def norm(self, gradients: Sequence[Tensor]) -> Tensor:
        """See `Group.norm`."""
        return torch.nn.utils.get_total_norm(gradients, foreach=True)

    def any(self, told: bool) -> bool:
        """See `Group.any`."""
        return told

    def wait(self) -> None:
        """See `Group.wait`."""
