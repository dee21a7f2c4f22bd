"""A cache for prompts of different lengths, many answers to each, and rows that end before others."""

from __future__ import annotations

import torch
from torch import Tensor

from quantatissu.model.cache import ContiguousCache
from quantatissu.model.config import ModelConfig
from quantatissu.model.masks import Dense, Mask


class PaddedCache(ContiguousCache):
    """Rows whose first ``padding`` [rows] tokens are none: so all end at the same place, and grow together."""

    def __init__(
        self,
        config: ModelConfig,
        padding: Tensor,
        *,
        capacity: int,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__(config, rows=len(padding), capacity=capacity, dtype=dtype, device=padding.device)
        self._padding = padding

    def positions(self, length: int, device: torch.device) -> Tensor:
        places = torch.arange(self.length, self.length + length, device=device)
        return (places[None] - self._padding[:, None]).clamp(min=0)

    def mask(self, length: int, device: torch.device) -> Mask:
        keys = torch.arange(self.length + length, device=device)
        queries = keys[self.length :, None]
        real = keys >= self._padding[:, None, None]
        # Padding sees itself: no row of the mask may be empty.
        return Dense(((keys <= queries) & real | (keys == queries))[:, None])

    def repeat(self, times: int) -> None:
        """Each row ``times`` times, next to each other."""
        self._store = self._store.repeat_interleave(times, dim=2)
        self._padding = self._padding.repeat_interleave(times)

    def keep(self, rows: Tensor) -> None:
        """Only these rows, in this order."""
        self._store = self._store[:, :, rows]
        self._padding = self._padding[rows]
