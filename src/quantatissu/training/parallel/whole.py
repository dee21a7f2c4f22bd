"""A decoder that is spread over processes, to be called like one that is not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Self

import torch
import torch.distributed as dist
from torch import Tensor, nn

from quantatissu.model.decoder import Decoder
from quantatissu.training.parallel.mesh import Mesh, local, settle


class Whole(Decoder):
    """All processes call it with the same tokens (or, when training, each with its share's) and go on with the same
    hidden states. ``config`` is the part's: with tensor parallelism a process has its share of the heads, and that is
    what a cache has to hold.

    Through a pipeline it only infers: the hidden states go from stage to stage and from the last one to all.
    """

    def __init__(self, part: Decoder, mesh: Mesh) -> None:
        nn.Module.__init__(self)
        self.part, self._mesh = part, mesh
        self._group = mesh.devices.get_group("pipeline")
        self._head: Tensor | None = None
        tensor = mesh.plan.tensor
        self.config = replace(
            part.config,
            num_attention_heads=part.config.num_attention_heads // tensor,
            num_key_value_heads=part.config.num_key_value_heads // tensor,
        )

    @property
    def head_weight(self) -> Tensor:
        """See `Decoder.head_weight`. Only after a forward pass, which gathers it; a pipeline sends it around once."""
        if self._mesh.plan.pipeline == 1:
            return local(self.part.head_weight)
        if self._head is None:
            if self._mesh.last_stage:
                self._head = local(self.part.head_weight).detach().to(self._dtype())
            else:
                shape = (self.config.vocab_size, self.config.hidden_size)
                self._head = torch.empty(shape, dtype=self._dtype(), device=self._mesh.device)
            dist.broadcast(self._head, group=self._group, group_src=self._mesh.plan.pipeline - 1)
        return self._head

    def forward(self, tokens: Tensor, **options: Any) -> Tensor:
        """See `Decoder.forward`."""
        if self._mesh.plan.pipeline == 1:
            hidden: Tensor = self.part(tokens, **options)
            return hidden
        return self._relayed(tokens, options)

    @torch.no_grad()
    def _relayed(self, tokens: Tensor, options: dict[str, Any]) -> Tensor:
        stage, last = self._mesh.stage, self._mesh.plan.pipeline - 1
        shape = (*tokens.shape, self.config.hidden_size)
        came = tokens
        if stage > 0:
            came = torch.empty(shape, dtype=self._dtype(), device=self._mesh.device)
            dist.recv(came, group=self._group, group_src=stage - 1)
        hidden: Tensor = self.part(came, **options)
        hidden = hidden.contiguous()
        if stage < last:
            dist.send(hidden, group=self._group, group_dst=stage + 1)
        dist.broadcast(hidden, group=self._group, group_src=last)
        return hidden

    def _dtype(self) -> torch.dtype:
        """What stages hand on, and what the head is gathered in."""
        kind = self._mesh.device.type
        if torch.is_autocast_enabled(kind):
            return torch.get_autocast_dtype(kind)
        return next(self.part.parameters()).dtype

    def train(self, mode: bool = True) -> Self:
        """Evaluation begins and ends here: what it gathered is not kept, weights may change in between."""
        settle(self.part)
        self._head = None
        return super().train(mode)
