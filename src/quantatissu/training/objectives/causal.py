"""Causal language modelling: each token from those before it, in nats. Fill-in-the-middle needs nothing else: the
loader has reordered its documents already; and supervised fine-tuning is the same with most targets ignored.
"""

from __future__ import annotations

import torch

from quantatissu.model.decoder import Decoder
from quantatissu.model.loss import cross_entropy
from quantatissu.training.data import IGNORED
from quantatissu.training.objectives.base import Tensors, Terms


class CausalLM:
    """Cross-entropy over every target that is not ignored, weighted where the batch has ``weights``, plus ``z_loss``
    times the squared log-partition.

    ``chunk`` tokens at a time go through the output head; a GPU needs larger ones to be busy.
    """

    def __init__(self, *, z_loss: float = 0.0, chunk: int = 1024) -> None:
        self._z_loss, self._chunk = z_loss, chunk

    def count(self, batch: Tensors) -> int:
        """Scored tokens."""
        return int((batch["targets"] != IGNORED).sum())

    def __call__(self, model: Decoder, batch: Tensors) -> Terms:
        """See `Objective`; ``sums``: ``loss`` in nats without the z term, and ``accuracy`` as correct tokens."""
        hidden = model(batch["tokens"], positions_BT=batch["positions"], documents_BT=batch["documents"])
        targets, weights = batch["targets"], batch.get("weights")
        if weights is not None and not torch.compiler.is_compiling():  # which wants the same shape each time
            kept = targets != IGNORED  # few of them
            hidden, targets, weights = hidden[kept], targets[kept], weights[kept]
        scored = cross_entropy(
            hidden, model.head_weight, targets, weights=weights, z_loss=self._z_loss, chunk=self._chunk
        )
        return Terms(scored.objective, {"loss": scored.loss, "accuracy": scored.correct})
