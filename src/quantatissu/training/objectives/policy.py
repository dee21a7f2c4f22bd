"""Group-relative policy optimisation (Shao et al., 2024): answers that did better than the others to the same prompt
become likelier, each token by no more than the clipped ratio allows.

Suffixes of tensors: B batch, T time.
"""

from __future__ import annotations

import torch
from torch import Tensor

from quantatissu.model.decoder import Decoder
from quantatissu.model.loss import DEFAULT_CHUNK, token_log_probabilities
from quantatissu.training.data import IGNORED
from quantatissu.training.objectives.base import Tensors, Terms
from quantatissu.training.objectives.settings import GrpoSettings


class GroupPolicy:
    """For each token ``-min(r A, clip(r) A) + kl (q - log q - 1)``, where ``r`` is the ratio of the model to the one
    that gave the answer, ``A`` the answer's advantage, ``q`` the ratio of the reference to the model (an unbiased
    estimate of the divergence, Schulman, 2020); summed over an answer's tokens and divided by their number, or by
    ``max_tokens``.

    Beside the arrays of `Batch` a micro-batch holds, all fp32 [B, T]: ``advantages``, ``old`` and ``reference``
    (log-probabilities under the model that answered and under the reference) at every token that is scored, and
    ``rewards`` at the first token of a document. Where ``reuse`` is 1 ``old`` is not looked at: the two models are one.
    """

    def __init__(self, settings: GrpoSettings, *, chunk: int = DEFAULT_CHUNK) -> None:
        self._settings, self._chunk = settings, chunk
        high = settings.clip if settings.clip_high is None else settings.clip_high
        self._low, self._high = 1 - settings.clip, 1 + high

    def count(self, batch: Tensors) -> int:
        """Answers."""
        return int(_firsts(batch).sum())

    def __call__(self, model: Decoder, batch: Tensors) -> Terms:
        """See `Objective`; ``sums``: ``loss``, ``reward``, ``solved``, ``answer_tokens``, ``clipped`` (the share of an
        answer's tokens where the limit held) and, with ``kl``, ``divergence`` from the reference, in nats a token.
        """
        settings = self._settings
        own = answer_log_probabilities(model, batch, settings.temperature, self._chunk)
        scored = batch["targets"] != IGNORED
        old = own.detach() if settings.reuse == 1 else batch["old"]
        ratio = torch.exp(torch.where(scored, own - old, 0.0))
        advantages = batch["advantages"]
        free, held = ratio * advantages, ratio.clamp(self._low, self._high) * advantages
        each = -torch.minimum(free, held)
        log_q = torch.where(scored, batch["reference"] - own, 0.0)
        divergence = torch.expm1(log_q) - log_q
        if settings.kl:
            each = each + settings.kl * divergence
        by_answer = _inverse_lengths(batch, scored)
        weights = by_answer if settings.length == "answer" else scored / settings.max_tokens
        loss = (each * weights).sum()
        with torch.no_grad():
            firsts, rewards = _firsts(batch), batch["rewards"]
            sums = {
                "loss": loss.detach(),
                "reward": (rewards * firsts).sum(),
                "solved": ((rewards >= settings.solved) & firsts).sum(),
                "answer_tokens": scored.sum(),
                "clipped": ((held < free) * by_answer).sum(),
            }
            if settings.kl:
                sums["divergence"] = (divergence * by_answer).sum()
        return Terms(loss, sums)


def answer_log_probabilities(model: Decoder, batch: Tensors, temperature: float, chunk: int = DEFAULT_CHUNK) -> Tensor:
    """Log-probability in nats [B, T] of each scored target, as drawn at ``temperature``; 0 elsewhere."""
    hidden = model(batch["tokens"], positions_BT=batch["positions"], documents_BT=batch["documents"])
    # Logits are linear in the hidden states.
    return token_log_probabilities(hidden / temperature, model.head_weight, batch["targets"], chunk=chunk)


def _firsts(batch: Tensors) -> Tensor:
    """Where a document begins: one document is one answer behind its prompt."""
    return (batch["positions"] == 0) & (batch["documents"] >= 0)


def _inverse_lengths(batch: Tensors, scored: Tensor) -> Tensor:
    """At each scored token one over their number in its document, fp32 [B, T]."""
    documents = batch["documents"].clamp(min=0).long()
    lengths = torch.zeros_like(batch["advantages"]).scatter_add(1, documents, scored.to(batch["advantages"].dtype))
    return scored / lengths.gather(1, documents).clamp(min=1)
