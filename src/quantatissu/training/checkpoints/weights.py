"""The weights of a run as an ordinary Hugging Face folder, from the pieces that its processes hold."""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, Mapping, ValuesView
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

from quantatissu.model import ModelConfig
from quantatissu.model.folders import save_weights
from quantatissu.training.checkpoints.copies import assembled


def write_weights(
    config: ModelConfig, tensors: Mapping[str, Tensor], folder: Path, group: dist.ProcessGroup | None
) -> None:
    """Write what all processes of `group` hold together into `folder`; all of them call this. The first one writes, and
    holds one file's worth of whole tensors at a time.
    """
    if group is None:
        save_weights(config, tensors, folder)
        return
    known, whole = assembled(tensors, group)
    if dist.get_rank(group) == 0:
        save_weights(config, _Coming(known, whole), folder)
    for _ in whole:  # on the others: hand over what is asked for
        pass


class _Coming(Mapping[str, Tensor]):
    """A state dict whose tensors come one after another: each may be taken once, in order. To look at them all, as for
    the sizes of files, gives tensors without memory.
    """

    def __init__(
        self, known: Mapping[str, tuple[tuple[int, ...], torch.dtype]], whole: Iterator[tuple[str, Tensor]]
    ) -> None:
        self._shapes = {name: torch.empty(shape, dtype=dtype, device="meta") for name, (shape, dtype) in known.items()}
        self._whole = whole

    def __getitem__(self, name: str) -> Tensor:
        came, tensor = next(self._whole)
        assert came == name, f"{came} comes before {name}"
        return tensor

    def __iter__(self) -> Iterator[str]:
        return iter(self._shapes)

    def __len__(self) -> int:
        return len(self._shapes)

    def items(self) -> ItemsView[str, Tensor]:
        """Names and shapes."""
        return self._shapes.items()

    def values(self) -> ValuesView[Tensor]:
        """Shapes."""
        return self._shapes.values()
