"""LoRA adapters at inference: each row of a step may have another one, the weights below them are the same for all.

The low-rank product is added to what a projection gives, for the rows of its adapter only (Sheng et al., 2023; Chen et
al., 2023), so that one pass through the model serves everybody. Suffixes: R rows, I in, O out, r ranks of all the
projections that are one matrix here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from quantatissu.inference.pages.plan import Plan
from quantatissu.inference.torch_runner.weights import PROJECTIONS, Linear, Projection, Share
from quantatissu.model.adapters import AdapterConfig, read_adapter
from quantatissu.model.decoder import Decoder


@dataclass(frozen=True, slots=True)
class Change:
    """What an adapter does to one matrix: ``x @ down.T @ up.T`` is added. With ``ratio`` (DoRA: length of a row as
    learned to its length as changed) the product before the ``bias`` is multiplied by it, too.
    """

    down_rI: Tensor
    up_Or: Tensor
    ratio_O: Tensor | None = None
    bias_O: Tensor | None = None

    def of(self, x_RI: Tensor, out_RO: Tensor) -> Tensor:
        """What has to be added to the projection ``out_RO`` of ``x_RI``."""
        change = (x_RI @ self.down_rI.t()) @ self.up_Or.t()
        if self.ratio_O is None:
            return change
        base = out_RO if self.bias_O is None else out_RO - self.bias_O
        return torch.addcmul(change, base, self.ratio_O - 1)


Changes = Mapping[tuple[int, Projection], Change]
"""Of one adapter, by the layer and which of its matrices."""


class Active:
    """The adapters of a step, and whose rows they change."""

    def __init__(self, plan: Plan, adapters: Mapping[str, Changes], device: torch.device) -> None:
        everything = len(plan.tokens)
        self._parts = [
            (None if len(rows) == everything else torch.from_numpy(rows).to(device), adapters[name])
            for name, rows in plan.adapters
        ]

    def project(self, linear: Linear, layer: int, which: Projection, x_RI: Tensor) -> Tensor:
        """``linear`` of ``x_RI``, changed in the rows that have an adapter."""
        out = linear(x_RI)
        for rows, changes in self._parts:
            change = changes.get((layer, which))
            if change is None:
                continue
            if rows is None:
                out = out + change.of(x_RI, out)
            else:
                out = out.index_add(0, rows, change.of(x_RI[rows], out[rows]))
        return out


@torch.no_grad()
def lay_out_adapter(
    model: Decoder, folder: Path, *, dtype: torch.dtype, device: torch.device, share: Share
) -> dict[tuple[int, Projection], Change]:
    """An adapter of ``model``, laid out as the model's matrices are. Raises QuantaError as `read_adapter` does."""
    config, weights = read_adapter(model, folder)
    changes = {}
    for number, block in enumerate(model.model.layers.values()):
        for which, members in PROJECTIONS.items():
            linears = [block.get_submodule(name) for name in members]
            parts = [
                _part(linear, weights, f"model.layers.{number}.{name}", config)
                for linear, name in zip(linears, members, strict=True)
            ]
            if all(part is None for part in parts):
                continue
            change = _together(linears, parts, share, which)
            changes[number, which] = Change(
                *(None if tensor is None else tensor.to(device=device, dtype=dtype).contiguous() for tensor in change)  # type: ignore[arg-type]
            )
    return changes


_Part = tuple[Tensor, Tensor, Tensor | None]


def _part(
    linear: nn.Module, weights: Mapping[tuple[str, str], Tensor], name: str, config: AdapterConfig
) -> _Part | None:
    """A and B of one projection, the scale and the ratio folded into B; and the ratio."""
    assert isinstance(linear, nn.Linear)
    if (name, "lora_A.weight") not in weights:
        return None
    down = weights[name, "lora_A.weight"].float()
    up = weights[name, "lora_B.weight"].float() * config.scale
    if not config.dora:
        return down, up, None
    magnitudes = weights[name, "lora_magnitude_vector"].float()
    ratio = magnitudes / torch.linalg.vector_norm(linear.weight.float() + up @ down, dim=1)
    return down, up * ratio.unsqueeze(1), ratio


def _together(
    linears: Sequence[nn.Module], parts: Sequence[_Part | None], share: Share, which: Projection
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """The parts of projections that are one matrix: A one above the other, B along the diagonal."""
    downs, ups, ratios, biases = [], [], [], []
    for linear, part in zip(linears, parts, strict=True):
        assert isinstance(linear, nn.Linear)
        down, up, ratio = part or (
            torch.empty(0, linear.in_features),
            torch.empty(linear.out_features, 0),
            None,
        )
        downs.append(share.inputs(down, which))
        ups.append(share.outputs(up, which))
        ratios.append(share.outputs(torch.ones(linear.out_features) if ratio is None else ratio, which))
        bias = torch.zeros(linear.out_features) if linear.bias is None else linear.bias.detach().float()
        biases.append(share.bias(bias, which))
    plain = all(part is None or part[2] is None for part in parts)
    return (
        torch.cat(downs),
        torch.block_diag(*ups),  # type: ignore[no-untyped-call]
        None if plain else torch.cat(ratios),
        None if plain or all(not bias.any() for bias in biases) else torch.cat(biases),
    )
