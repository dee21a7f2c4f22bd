"""Direct preference optimisation (Rafailov et al., 2023): the better answer gains on the worse one, as measured against
a reference model.

Suffixes of tensors: B batch, T time, P pairs of a row.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from quantatissu.model.decoder import Decoder
from quantatissu.model.loss import DEFAULT_CHUNK, token_log_probabilities
from quantatissu.training.data import IGNORED
from quantatissu.training.objectives.base import Tensors, Terms
from quantatissu.training.objectives.settings import DpoSettings


class Likelihoods(NamedTuple):
    """Log-probabilities in nats of both answers of each pair, and their scored tokens, all [B, P]. Where a row has
    fewer pairs, the tokens are 0.
    """

    chosen: Tensor
    rejected: Tensor
    chosen_tokens: Tensor
    rejected_tokens: Tensor


class DirectPreference:
    """``-log sigmoid(h)`` with ``h = beta (log p/ref (chosen) - log p/ref (rejected))``; with label smoothing e:
    ``-(1 - e) log sigmoid(h) - e log sigmoid(-h)``. On top, where the settings say so, the loss of the chosen answer.

    In a row the even documents are chosen answers, each followed by the rejected one, both behind their prompt; only
    answers are scored. ``batch["reference"]`` fp32 [B, T] holds the reference's log-probability of an answer at the
    first token of its document, and 0 elsewhere.
    """

    def __init__(self, settings: DpoSettings, *, chunk: int = DEFAULT_CHUNK) -> None:
        self._settings, self._chunk = settings, chunk

    def count(self, batch: Tensors) -> int:
        """Pairs."""
        documents = batch["documents"]
        return int(((batch["positions"] == 0) & (documents >= 0) & (documents % 2 == 1)).sum())

    def __call__(self, model: Decoder, batch: Tensors) -> Terms:
        """See `Objective`; ``sums``: ``loss`` of the preference in nats, ``margin`` (h), ``accuracy`` (pairs with h
        above 0, ties half), ``chosen_reward``, ``rejected_reward``, ``likelier``: pairs whose chosen answer the model
        itself finds the likelier one; and ``chosen_loss`` of that answer, in nats a token.
        """
        own = likelihoods(model, batch, self._chunk)
        reference = by_document(batch["reference"], batch["documents"])
        real = own.rejected_tokens > 0
        chosen_scale, rejected_scale = self._scale(own.chosen_tokens), self._scale(own.rejected_tokens)
        chosen = self._settings.beta * (own.chosen - reference[:, 0::2]) * chosen_scale
        rejected = self._settings.beta * (own.rejected - reference[:, 1::2]) * rejected_scale
        margin, smoothing = chosen - rejected, self._settings.label_smoothing
        losses = -(1 - smoothing) * logsigmoid(margin) - smoothing * logsigmoid(-margin)
        loss = (losses * real).sum()
        own_loss = -(own.chosen / own.chosen_tokens.clamp(min=1) * real).sum()
        objective = loss + self._settings.likelihood * own_loss if self._settings.likelihood else loss
        with torch.no_grad():
            likelier = own.chosen * chosen_scale > own.rejected * rejected_scale
            sums = {
                "loss": loss.detach(),
                "margin": (margin * real).sum(),
                "accuracy": (((margin > 0) + 0.5 * (margin == 0)) * real).sum(),
                "chosen_reward": (chosen * real).sum(),
                "rejected_reward": (rejected * real).sum(),
                "likelier": (likelier & real).sum(),
                "chosen_loss": own_loss.detach(),
            }
        return Terms(objective, sums)

    def _scale(self, tokens: Tensor) -> Tensor:
        return 1.0 / tokens.clamp(min=1) if self._settings.length_normalised else torch.ones_like(tokens)


def likelihoods(model: Decoder, batch: Tensors, chunk: int = DEFAULT_CHUNK) -> Likelihoods:
    """How likely `model` finds the answers of a batch of pairs."""
    hidden = model(batch["tokens"], positions_BT=batch["positions"], documents_BT=batch["documents"])
    each = token_log_probabilities(hidden, model.head_weight, batch["targets"], chunk=chunk)
    answers = by_document(each, batch["documents"])
    tokens = by_document((batch["targets"] != IGNORED).to(each.dtype), batch["documents"])
    return Likelihoods(answers[:, 0::2], answers[:, 1::2], tokens[:, 0::2], tokens[:, 1::2])


def by_document(values: Tensor, documents: Tensor) -> Tensor:
    """Sums over each document of a row [B, T rounded up to even]: as many places as there could be documents, so that
    the shape does not depend on what is in them. Padding must hold zeros.
    """
    rows, length = values.shape
    sums = values.new_zeros(rows, length + length % 2)
    return sums.scatter_add(1, documents.clamp(min=0).long(), values)
