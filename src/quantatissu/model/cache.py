"""The keys and values of tokens already seen: what a decoder asks of a cache, and the simplest one."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from quantatissu.model.config import ModelConfig
from quantatissu.model.masks import Causal, Dense, Everything, Mask


class Cache(Protocol):
    """Keys and values of earlier tokens. One forward pass of T new tokens asks for `positions` and `mask` once, for
    `update` once in each layer, and ends with `advance`.
    """

    def positions(self, length: int, device: torch.device) -> Tensor:
        """Positions of the next ``length`` tokens, int64 [B or 1, T]."""
        ...

    def mask(self, length: int, device: torch.device) -> Mask:
        """What the next ``length`` tokens may attend to, among the keys that `update` returns."""
        ...

    def update(self, layer: int, k_BKTN: Tensor, v_BKTN: Tensor) -> tuple[Tensor, Tensor]:
        """Take in the new keys and values of ``layer``; returns all of that layer's, old and new [B, K, S, N]."""
        ...

    def advance(self, length: int) -> None:
        """The forward pass of ``length`` new tokens is over."""
        ...


class ContiguousCache:
    """Room for ``capacity`` tokens in each of ``rows`` rows, all of the same length, in one tensor a layer.

    For inference: what is stored is written in place, so no gradient passes through it.
    """

    def __init__(
        self,
        config: ModelConfig,
        *,
        rows: int = 1,
        capacity: int | None = None,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        capacity = config.max_position_embeddings if capacity is None else capacity
        shape = (config.num_hidden_layers, 2, rows, config.num_key_value_heads, capacity, config.head_dim)
        self._store = torch.zeros(shape, dtype=dtype, device=device)
        self.length = 0
        """Tokens held."""

    def positions(self, length: int, device: torch.device) -> Tensor:
        return torch.arange(self.length, self.length + length, device=device)[None]

    def mask(self, length: int, device: torch.device) -> Mask:
        if length == 1:
            return Everything()
        if self.length == 0:
            return Causal()
        allowed = torch.ones(length, self.length + length, dtype=torch.bool, device=device)
        return Dense(allowed.tril(self.length)[None, None])

    def update(self, layer: int, k_BKTN: Tensor, v_BKTN: Tensor) -> tuple[Tensor, Tensor]:
        start, end = self.length, self.length + k_BKTN.shape[2]
        keys, values = self._store[layer]
        if end > keys.shape[2]:
            raise ValueError(f"a cache for {keys.shape[2]} tokens cannot take {end}")
        keys[:, :, start:end] = k_BKTN
        values[:, :, start:end] = v_BKTN
        return keys[:, :, :end], values[:, :, :end]

    def advance(self, length: int) -> None:
        self.length += length

    def truncate(self, length: int) -> None:
        """Forget all but the first ``length`` tokens."""
        assert 0 <= length <= self.length
        self.length = length
