"""Training through a pipeline: all micro-batches of a step in one 1F1B schedule (Narayanan et al., 2019)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.distributed.pipelining import PipelineStage, Schedule1F1B

from quantatissu.model.decoder import Decoder
from quantatissu.training.objectives import Objective, Tensors
from quantatissu.training.parallel.mesh import Mesh, local

_OPTIONS = {"positions": "positions_BT", "documents": "documents_BT"}


class Pipeline:
    """Gradients of a step's micro-batches, with every stage at work on another one of them.

    The objective must score hidden states of the batch's own tokens, in one forward pass: causal language modelling.
    """

    def __init__(
        self,
        part: Decoder,
        objective: Objective,
        mesh: Mesh,
        *,
        pieces: int,
        shape: tuple[int, int],
        compute: torch.dtype,
        context: Callable[[], AbstractContextManager[object]],
    ) -> None:
        """``pieces`` micro-batches of ``shape`` [samples, tokens] make a step; hidden states go on in ``compute``."""
        self._part, self._objective, self._mesh, self._pieces = part, objective, mesh, pieces
        self._group = mesh.devices.get_group("pipeline")
        self._batches: Sequence[Tensors] = ()
        self._count = 1.0
        self._sums: dict[str, Tensor] = {}
        self._names: list[str] | None = None
        _compute_in(part, context)
        tokens = torch.empty(shape, dtype=torch.int64, device="meta")
        hidden = torch.empty((*shape, part.config.hidden_size), dtype=compute, device="meta", requires_grad=True)
        stage = PipelineStage(
            part,
            mesh.stage,
            mesh.plan.pipeline,
            mesh.device,
            input_args=tokens if mesh.first_stage else hidden,
            output_args=hidden,
            group=self._group,
        )
        self._schedule = Schedule1F1B(stage, pieces, loss_fn=self._loss, scale_grads=False)

    def __call__(self, batches: Sequence[Tensors], count: float) -> dict[str, Tensor]:
        """Add the gradients of the losses' sum divided by ``count``; the objective's sums, which only the last stage
        knows: zeros elsewhere.
        """
        self._batches, self._count, self._sums = batches, count, {}
        options: dict[str, Any] = {name: torch.cat([batch[key] for batch in batches]) for key, name in _OPTIONS.items()}
        tokens = (torch.cat([batch["tokens"] for batch in batches]),) if self._mesh.first_stage else ()
        # Each micro-batch's number goes where its targets would: whatever the objective needs of it is looked up.
        self._schedule.step(*tokens, target=torch.arange(self._pieces), return_outputs=False, **options)
        self._batches = ()
        return self._named()

    def _loss(self, hidden: Tensor, number: Tensor) -> Tensor:
        terms = self._objective(_Arrived(self._part, hidden), self._batches[int(number)])
        for name, value in terms.sums.items():
            self._sums[name] = self._sums[name] + value if name in self._sums else value
        return terms.loss / self._count

    def _named(self) -> dict[str, Tensor]:
        if self._names is None:
            told: list[Any] = [list(self._sums)]
            dist.broadcast_object_list(told, group=self._group, group_src=self._mesh.plan.pipeline - 1)
            self._names = told[0]
        return self._sums or {name: torch.zeros((), device=self._mesh.device) for name in self._names}


class _Arrived(Decoder):
    """Stands for the whole decoder on its last stage: the forward pass is done, its hidden states are here."""

    def __init__(self, part: Decoder, hidden: Tensor) -> None:
        nn.Module.__init__(self)
        self.config, self._part, self._hidden = part.config, part, hidden

    @property
    def head_weight(self) -> Tensor:
        """See `Decoder.head_weight`."""
        return local(self._part.head_weight)

    def forward(self, tokens: Tensor, **options: Any) -> Tensor:
        """The hidden states that arrived."""
        return self._hidden


def _compute_in(part: Decoder, context: Callable[[], AbstractContextManager[object]]) -> None:
    """Run the forward pass in `context`, and only that: the schedule mixes it with backward passes."""
    plain = part.forward

    def forward(*tensors: Tensor, **options: Any) -> Tensor:
        with context():
            return plain(*tensors, **options)

    part.forward = forward  # type: ignore[method-assign]
