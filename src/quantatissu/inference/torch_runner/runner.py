"""`Runner` in torch: the layers, over rows of new tokens of whatever sequences.

Suffixes: R rows (new tokens of a step), D model, H query heads, K key heads, G query heads of a key head, N head
dimension, F feed-forward, V vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor

from quantatissu.inference.pages.plan import make_plan
from quantatissu.inference.runner import Logits, Segment
from quantatissu.inference.torch_runner.adapters import Active, lay_out_adapter
from quantatissu.inference.torch_runner.attention import Reads, attend, make_reads
from quantatissu.inference.torch_runner.group import Group
from quantatissu.inference.torch_runner.weights import Layer, MakeLinear, best_linear, lay_out
from quantatissu.model.decoder import Decoder
from quantatissu.model.rope import angles

PAGE = 16
_ROWS_AT_ONCE = 512  # through the output head when only targets are scored


class TorchRunner:
    """A decoder and its pages. See `Runner`."""

    page = PAGE

    def __init__(
        self,
        model: Decoder,
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        make_linear: MakeLinear | None = None,
        adapters: Mapping[str, str | Path] | None = None,
        group: Group | None = None,
    ) -> None:
        """``dtype`` is that of weights, activations and cache; ``make_linear`` decides how matrices are kept, by
        default unquantised. ``adapters`` are folders of LoRA adapters by name. With a ``group`` this is one of its
        members, and has its share of every layer.

        Raises QuantaError for an adapter that does not fit, and a group that the heads cannot be divided among.
        """
        self.config = config = model.config
        self._dtype, self._device, self._group = dtype, torch.device(device), group or Group()
        share = self._group.share
        self._group.check(config)
        make = make_linear or best_linear(dtype, self._device)
        self._weights = lay_out(model, dtype=dtype, device=self._device, make=make, share=share)
        self._adapters = {
            name: lay_out_adapter(model, Path(folder), dtype=dtype, device=self._device, share=share)
            for name, folder in (adapters or {}).items()
        }
        self._heads, self._key_heads = (
            count // share.count for count in (config.num_attention_heads, config.num_key_value_heads)
        )
        self._groups = self._heads // self._key_heads
        per_token = 2 * config.num_hidden_layers * self._key_heads * config.head_dim * dtype.itemsize
        self.page_bytes = self.page * per_token
        self._keys = self._values = torch.empty(0)
        wide = torch.promote_types(dtype, torch.float32)
        self._eps = torch.tensor(config.rms_norm_eps, dtype=wide, device=self._device)

    def reserve(self, pages: int) -> None:
        """See `Runner.reserve`."""
        config = self.config
        shape = (config.num_hidden_layers, self._key_heads, pages * self.page, config.head_dim)
        # Zeros, not whatever lies there: filled-up batches read slots that were never written, and 0 * NaN is NaN.
        self._keys, self._values = (self._zeros(shape) for _ in range(2))

    def _zeros(self, shape: tuple[int, ...]) -> Tensor:
        if self._device.type != "cpu":
            return torch.zeros(shape, dtype=self._dtype, device=self._device)
        # numpy asks the system for zeros, which takes no memory until a page is used.
        size = math.prod(shape) * self._dtype.itemsize
        return torch.from_numpy(np.zeros(size, dtype=np.uint8)).view(self._dtype).view(shape)

    @torch.inference_mode()
    def run(self, segments: Sequence[Segment]) -> Logits:
        """See `Runner.run`."""
        hidden_RD = self._hidden(segments)
        if not len(hidden_RD):
            return np.empty((0, self.config.vocab_size), dtype=np.float32)
        logits: Logits = self._logits(hidden_RD).cpu().numpy()
        return logits

    @torch.inference_mode()
    def score(self, segments: Sequence[Segment], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """See `Runner.score`."""
        hidden_RD = self._hidden(segments)
        wanted = torch.from_numpy(targets).to(self._device)
        found = [
            -F.cross_entropy(self._logits(part), target, reduction="none")
            for part, target in zip(
                torch.split(hidden_RD, _ROWS_AT_ONCE), torch.split(wanted, _ROWS_AT_ONCE), strict=True
            )
        ]
        scores: NDArray[np.float32] = torch.cat(found).cpu().numpy()
        return scores

    def _logits(self, hidden_RD: Tensor) -> Tensor:
        """Logits [R, V], float32."""
        return self._group.gathered(self._weights.head(hidden_RD), self.config.vocab_size).float()

    def _hidden(self, segments: Sequence[Segment]) -> Tensor:
        """Hidden states of the wanted rows after the last norm [R, D]."""
        plan = make_plan(segments, self.page)
        device, weights = self._device, self._weights
        reads = make_reads(plan, self._groups, self._dtype, device)
        turns = self._angles(torch.from_numpy(plan.positions).to(device))
        slots = torch.from_numpy(plan.slots).to(device)
        x_RD = F.embedding(torch.from_numpy(plan.tokens).to(device), weights.embedding)
        project = Active(plan, self._adapters, device).project
        summed = self._group.summed
        for number, layer in enumerate(weights.layers):
            qkv = project(layer.qkv, number, "qkv", self._norm(x_RD, layer.attention_norm))
            attended = self._attend(layer, number, qkv, turns, slots, reads)
            x_RD = x_RD + summed(project(layer.out, number, "out", attended))
            normed_RD = self._norm(x_RD, layer.feed_forward_norm)
            gate_RF, up_RF = project(layer.gate_up, number, "gate_up", normed_RD).chunk(2, dim=-1)
            x_RD = x_RD + summed(project(layer.down, number, "down", F.silu(gate_RF).mul_(up_RF)))
        wanted = torch.from_numpy(plan.wanted).to(device)
        return self._norm(x_RD[wanted], weights.norm)

    def copy_page(self, source: int, target: int) -> None:
        """See `Runner.copy_page`."""
        for pool in (self._keys, self._values):
            pages = pool.view(*pool.shape[:2], -1, self.page, pool.shape[-1])
            pages[:, :, target] = pages[:, :, source]

    def describe(self) -> dict[str, Any]:
        """See `Runner.describe`."""
        threads = {"threads": torch.get_num_threads()} if self._device.type == "cpu" else {}
        return {
            "engine": "torch",
            "device": str(self._device),
            "dtype": str(self._dtype).removeprefix("torch."),
            **({"devices": self._group.share.count} if self._group.share.count > 1 else {}),
            **threads,
        }

    def close(self) -> None:
        """See `Runner.close`."""
        self._keys = self._values = torch.empty(0)

    def _attend(
        self, layer: Layer, number: int, qkv: Tensor, turns: tuple[Tensor, Tensor], slots: Tensor, reads: Reads
    ) -> Tensor:
        H, K, N = self._heads, self._key_heads, self.config.head_dim
        qkv = qkv.view(-1, H + 2 * K, N)
        qk, v_RKN = qkv[:, : H + K], qkv[:, H + K :]
        if layer.heads_norm is not None:
            qk = self._norm(qk) * layer.heads_norm
        cos, sin = turns
        qk = torch.addcmul(qk * cos, qk.roll(N // 2, dims=-1), sin)
        keys_KLN, values_KLN = self._keys[number], self._values[number]
        keys_KLN.index_copy_(1, slots, qk[:, H:].transpose(0, 1))
        values_KLN.index_copy_(1, slots, v_RKN.transpose(0, 1))
        q_RKGN = qk[:, :H].view(-1, K, self._groups, N)
        return attend(reads, q_RKGN, keys_KLN, values_KLN).flatten(1)

    def _norm(self, x: Tensor, weight: Tensor | None = None) -> Tensor:
        """As torch's, in fewer operations: on a CPU, single rows are all overhead."""
        length = torch.linalg.vector_norm(x, dim=-1, keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))
        scaled = x * torch.addcmul(self._eps, length, length, value=1 / x.shape[-1]).rsqrt_()
        return (scaled if weight is None else scaled * weight).to(x.dtype)

    def _angles(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Cosine, and sine with the sign it has for the first half of a head and for the second, each [R, 1, N]."""
        cos, sin = angles(self.config, positions)
        sin[..., : self.config.head_dim // 2].neg_()
        return cos[:, None].to(self._dtype), sin[:, None].to(self._dtype)
