"""How much better an answer is than the others to the same prompt."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_LEAST = 1e-6


def group_advantages(rewards: NDArray[np.float64], *, scale: bool) -> NDArray[np.float64]:
    """``r - mean(r)`` of each group, both [groups, answers]; with ``scale`` divided by the group's standard deviation
    (Shao et al., 2024; over all its answers, not corrected for their number). All the same: all zero.
    """
    centred: NDArray[np.float64] = rewards - rewards.mean(axis=1, keepdims=True)
    if not scale:
        return centred
    spread = rewards.std(axis=1, keepdims=True)
    return centred / np.where(spread > _LEAST, spread, np.inf)
