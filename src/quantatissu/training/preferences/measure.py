"""What a model makes of held-out pairs."""

from __future__ import annotations

from collections import defaultdict

import torch

from quantatissu.model.decoder import Decoder
from quantatissu.training.data import to_torch
from quantatissu.training.objectives import DirectPreference
from quantatissu.training.preferences.reference import Context
from quantatissu.training.preferences.samples import PairSamples


@torch.no_grad()
def preference_figures(
    model: Decoder,
    samples: PairSamples,
    objective: DirectPreference,
    *,
    rows: int,
    context: Context,
    device: torch.device,
) -> dict[str, float]:
    """Means over all pairs of `samples`, by the names of `DirectPreference`'s sums: ``loss``, ``margin``, ``accuracy``,
    ``likelier`` and the rewards.
    """
    sums: dict[str, float] = defaultdict(float)
    pairs = 0
    was_training = model.training
    model.eval()
    passes = samples.per_epoch[0]
    for first in range(0, passes, rows):
        batch = to_torch(samples.batch(range(first, min(first + rows, passes))), device)
        with context():
            terms = objective(model, batch)
        pairs += objective.count(batch)
        for name, value in terms.sums.items():
            sums[name] += float(value)
    model.train(was_training)
    return {name: value / pairs for name, value in sums.items()}
