"""Rotary position embeddings (Su et al., 2021, https://arxiv.org/abs/2104.09864) and their scalings.

The angles are computed afresh in every forward pass, in fp32: T * N / 2 of them, shared by all layers, next to nothing
beside one matrix product. So there is no buffer that a meta device, a cast or a sharded load could leave wrong.
The formulas of the scalings follow transformers' `modeling_rope_utils`, operation by operation.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from quantatissu.model.config import DynamicScaling, LinearScaling, Llama3Scaling, ModelConfig, YarnScaling


def angles(config: ModelConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Cosine and sine, each fp32 [..., T, N], for integer ``positions`` [..., T].

    The second half of N repeats the first, as `quantatissu.model.fused.rotate` wants it.
    """
    with torch.autocast(positions.device.type, enabled=False):
        frequencies, scale = inverse_frequencies(config, positions)
        turns = positions[..., None].float() * frequencies
        turns = torch.cat((turns, turns), dim=-1)
        return turns.cos() * scale, turns.sin() * scale


def inverse_frequencies(config: ModelConfig, positions: Tensor) -> tuple[Tensor, float]:
    """Angle per position, fp32 [N/2] on the device of ``positions``, and the factor on cosine and sine.

    Only the dynamic scaling looks at the values of ``positions``: their maximum decides the base.
    """
    device, scaling = positions.device, config.rope_scaling
    exponents = torch.arange(0, config.head_dim, 2, dtype=torch.float32, device=device) / config.head_dim
    if isinstance(scaling, DynamicScaling):
        return 1.0 / _dynamic_base(config, scaling, positions) ** exponents, 1.0
    plain = 1.0 / config.rope_theta**exponents
    if isinstance(scaling, LinearScaling):
        return plain / scaling.factor, 1.0
    if isinstance(scaling, Llama3Scaling):
        return _llama3(plain, scaling), 1.0
    if isinstance(scaling, YarnScaling):
        return _yarn(config, scaling, exponents), _yarn_attention_factor(scaling)
    return plain, 1.0


def _dynamic_base(config: ModelConfig, scaling: DynamicScaling, positions: Tensor) -> Tensor:
    trained = config.max_position_embeddings
    length = torch.clamp(positions.max() + 1, min=trained).float()
    grown = scaling.factor * length / trained - (scaling.factor - 1)
    return config.rope_theta * grown ** (config.head_dim / (config.head_dim - 2))


def _llama3(plain: Tensor, scaling: Llama3Scaling) -> Tensor:
    trained = scaling.original_max_position_embeddings
    wavelengths = 2 * math.pi / plain
    longest_kept, longest_smooth = trained / scaling.high_freq_factor, trained / scaling.low_freq_factor
    smooth = (trained / wavelengths - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
    mixed = (1 - smooth) * plain / scaling.factor + smooth * plain
    divided = torch.where(wavelengths > longest_smooth, plain / scaling.factor, plain)
    between = (wavelengths >= longest_kept) & (wavelengths <= longest_smooth)
    return torch.where(between, mixed, divided)


def _yarn(config: ModelConfig, scaling: YarnScaling, exponents: Tensor) -> Tensor:
    trained = scaling.original_max_position_embeddings or config.max_position_embeddings
    low, high = (
        config.head_dim * math.log(trained / (turns * 2 * math.pi)) / (2 * math.log(config.rope_theta))
        for turns in (scaling.beta_fast, scaling.beta_slow)
    )
    if scaling.truncate:
        low, high = math.floor(low), math.ceil(high)
    low, high = max(low, 0), min(high, config.head_dim - 1)
    if low == high:
        high += 0.001  # as the reference does, against a division by zero
    steps = torch.arange(config.head_dim // 2, dtype=torch.float32, device=exponents.device)
    kept = 1 - torch.clamp((steps - low) / (high - low), 0, 1)
    powers = config.rope_theta**exponents
    return (1.0 / (scaling.factor * powers)) * (1 - kept) + (1.0 / powers) * kept


def _yarn_attention_factor(scaling: YarnScaling) -> float:
    def magnitude(weight: float) -> float:
        return 1.0 if scaling.factor <= 1 else 0.1 * weight * math.log(scaling.factor) + 1.0

    if scaling.attention_factor is not None:
        return scaling.attention_factor
    if scaling.mscale and scaling.mscale_all_dim:
        return magnitude(scaling.mscale) / magnitude(scaling.mscale_all_dim)
    return magnitude(1.0)
