"""The embedding, looked up row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows of eight-bit numbers [V, D] with a scale each [V]."""

    numbers_VD: NDArray[np.int8]
    scales_V: NDArray[np.float32]

    def __call__(self, tokens: NDArray[np.int64]) -> NDArray[np.float32]:
        """The rows of ``tokens``, float32 [R, D]."""
        rows: NDArray[np.float32] = self.numbers_VD[tokens] * self.scales_V[tokens, None]
        return rows
