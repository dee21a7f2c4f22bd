"""`Runner` on onnxruntime and numpy. Suffixes: R rows, K key heads, G query heads of a key head, N head dimension."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.light.attention import Attention
from quantatissu.inference.light.loading import Loading
from quantatissu.inference.light.weights import Floats
from quantatissu.inference.pages.plan import make_plan
from quantatissu.inference.runner import Logits, Segment
from quantatissu.model.config import ModelConfig

PAGE = 16
_ROWS_AT_ONCE = 256  # through the output head when only targets are scored


class LightRunner:
    """A checkpoint in eight bits and its pages. See `Runner`."""

    page = PAGE

    def __init__(self, loading: Loading, config: ModelConfig) -> None:
        """Raises KeyError for a weight that is missing."""
        self.config, self._threads = config, loading.threads
        per_token = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4
        self.page_bytes = self.page * per_token
        self._groups = config.num_attention_heads // config.num_key_value_heads
        (self._first, *self._middle, self._last, self._head), self._embedding = loading.finish(config)
        self._keys: Floats
        self._values: Floats
        self.reserve(0)
        self._scale = np.float32(config.head_dim**-0.5)

    def reserve(self, pages: int) -> None:
        """See `Runner.reserve`."""
        config = self.config
        shape = (config.num_hidden_layers, config.num_key_value_heads, pages * self.page, config.head_dim)
        self._keys, self._values = (np.zeros(shape, dtype=np.float32) for _ in range(2))

    def run(self, segments: Sequence[Segment]) -> Logits:
        """See `Runner.run`."""
        hidden_RD = self._hidden(segments)
        if not len(hidden_RD):
            return np.empty((0, self.config.vocab_size), dtype=np.float32)
        return self._logits(hidden_RD)

    def score(self, segments: Sequence[Segment], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Runner.score`."""
        hidden_RD = self._hidden(segments)
        scores = np.empty(len(hidden_RD), dtype=np.float32)
        for first in range(0, len(hidden_RD), _ROWS_AT_ONCE):
            rows = slice(first, first + _ROWS_AT_ONCE)
            logits = self._logits(hidden_RD[rows])
            logits -= logits.max(axis=1, keepdims=True)
            wanted = np.take_along_axis(logits, targets[rows, None], axis=1)[:, 0]
            scores[rows] = wanted - np.log(np.exp(logits, out=logits).sum(axis=1))
        return scores

    def copy_page(self, source: int, target: int) -> None:
        """See `Runner.copy_page`."""
        for pool in (self._keys, self._values):
            pool[:, :, target * PAGE : (target + 1) * PAGE] = pool[:, :, source * PAGE : (source + 1) * PAGE]

    def describe(self) -> dict[str, Any]:
        """See `Runner.describe`."""
        return {"engine": "onnxruntime", "device": "cpu", "dtype": "int8", "threads": self._threads}

    def close(self) -> None:
        """See `Runner.close`."""
        self.reserve(0)

    def _hidden(self, segments: Sequence[Segment]) -> Floats:
        """Hidden states of the wanted rows after the last norm [R, D]."""
        plan = make_plan(segments, self.page)
        attention = Attention(plan, self._groups)
        positions = plan.positions[:, None]  # rows of one token: a row of all would have to fit into the context
        x_RD = self._embedding(plan.tokens)
        qk, v = self._first.run(None, {"x": x_RD, "positions": positions})
        for number, piece in enumerate(self._middle):
            attended = self._attend(attention, number, plan.slots, qk, v)
            x_RD, qk, v = piece.run(None, {"x": x_RD, "attended": attended, "positions": positions})
        attended = self._attend(attention, len(self._middle), plan.slots, qk, v)
        if len(plan.wanted) < len(x_RD):
            x_RD, attended = x_RD[plan.wanted], attended[plan.wanted]
        if not len(x_RD):
            return x_RD
        hidden: Floats = self._last.run(None, {"x": x_RD, "attended": attended})[0]
        return hidden

    def _attend(self, attention: Attention, number: int, slots: NDArray[np.int64], qk: Floats, v: Floats) -> Floats:
        config = self.config
        H, K, N = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        heads_RHN = qk.reshape(-1, H + K, N)
        keys_KLN, values_KLN = self._keys[number], self._values[number]
        keys_KLN[:, slots] = heads_RHN[:, H:].transpose(1, 0, 2)
        values_KLN[:, slots] = v.reshape(-1, K, N).transpose(1, 0, 2)
        q_RKGN = (heads_RHN[:, :H] * self._scale).reshape(-1, K, self._groups, N)
        return attention(q_RKGN, keys_KLN, values_KLN).reshape(len(q_RKGN), H * N)

    def _logits(self, hidden_RD: Floats) -> Logits:
        logits: Logits = self._head.run(None, {"hidden": hidden_RD})[0]
        return logits
