"""What the reference thinks of every answer: computed once, before the first step, and kept beside the run."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from quantatissu.model.decoder import Decoder
from quantatissu.training.data import to_torch
from quantatissu.training.objectives.preference import likelihoods
from quantatissu.training.parallel import Group
from quantatissu.training.preferences.samples import PairSamples

Context = Callable[[], AbstractContextManager[object]]
_NAME = "log_probabilities"


@torch.no_grad()
def reference_log_probabilities(
    model: Decoder, samples: PairSamples, *, rows: int, context: Context, group: Group
) -> NDArray[np.float32]:
    """Log-probabilities in nats fp32 [pairs, 2] of chosen and rejected answers under `model`, ``rows`` rows at a time.

    Processes share the work evenly.
    """
    found = torch.zeros(len(samples.pairs), 2, dtype=torch.float64, device=group.device)
    nothing = np.zeros((len(samples.pairs), 2), np.float32)
    passes = samples.per_epoch[0]
    was_training = model.training
    model.eval()
    step = rows * group.world
    for first in range(0, passes, step):
        # Every process makes as many passes as the others: where rows run out it repeats the last one.
        own = [min(first + group.rank * rows + row, passes - 1) for row in range(rows)]
        batch = to_torch(samples.bare(own, nothing), group.device)
        with context():
            told = likelihoods(model, batch)
        for row, number in enumerate(own):
            if first + group.rank * rows + row > number:
                continue
            items = samples.items(number)
            found[items, 0] = told.chosen[row, : len(items)].double()
            found[items, 1] = told.rejected[row, : len(items)].double()
    model.train(was_training)
    return group.total(found).float().cpu().numpy()


def kept_reference(path: Path, key: str) -> NDArray[np.float32] | None:
    """What `keep_reference` wrote under the same ``key``; None when there is nothing, or something else."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            if (file.metadata() or {}).get("key") != key:
                return None
            found: NDArray[np.float32] = file.get_tensor(_NAME)
            return found
    except (OSError, SafetensorError):
        return None


def keep_reference(path: Path, key: str, values: NDArray[np.float32]) -> None:
    """Write `values` to `path`, whole or not at all; ``key`` says what they are of."""
    from safetensors.numpy import save_file

    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + ".tmp")
    save_file({_NAME: np.ascontiguousarray(values)}, temporary, metadata={"key": key})
    with temporary.open("rb") as file:
        os.fsync(file.fileno())
    temporary.replace(path)
