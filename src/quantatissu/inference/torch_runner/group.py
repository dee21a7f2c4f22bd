"""The processes that run a model together, each with its share of every layer (tensor parallelism)."""

from __future__ import annotations

import torch
import torch.distributed as dist
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from torch.distributed.device_mesh import DeviceMesh

from quantatissu.foundation import QuantaError
from quantatissu.inference.torch_runner.weights import Share
from quantatissu.model.config import ModelConfig


class Group:
    """The processes along the dimension ``tensor`` of a mesh, as in training; without one, this process alone.

    What is computed from shares is made whole after the second matrix of each pair, and behind the output head.
    """

    def __init__(self, mesh: DeviceMesh | None = None) -> None:
        self._group = None if mesh is None else mesh.get_group("tensor")
        self.share = Share() if mesh is None else Share(mesh.get_local_rank("tensor"), mesh["tensor"].size())

    def check(self, config: ModelConfig) -> None:
        """Raises QuantaError when the layers of a model cannot be divided into equal shares."""
        for name, count in (
            ("heads", config.num_attention_heads),
            ("key-value heads", config.num_key_value_heads),
            ("feed-forward channels", config.intermediate_size),
        ):
            if count % self.share.count:
                raise QuantaError(f"{count} {name} cannot be divided among {self.share.count} devices")

    def summed(self, parts: Tensor) -> Tensor:
        """The sum over all processes; ``parts`` is used up."""
        if self._group is not None:
            dist.all_reduce(parts, group=self._group)
        return parts

    def gathered(self, part_RV: Tensor, size: int) -> Tensor:
        """The parts of all processes side by side [R, size], divided as `Share.part` divides."""
        if self._group is None:
            return part_RV
        count = self.share.count
        sizes = [len(part) for part in torch.arange(size).tensor_split(count)]
        filled = F.pad(part_RV, (0, max(sizes) - part_RV.shape[1])).contiguous()
        parts = [torch.empty_like(filled) for _ in range(count)]
        dist.all_gather(parts, filled, group=self._group)
        return torch.cat([part[:, :width] for part, width in zip(parts, sizes, strict=True)], dim=1)
