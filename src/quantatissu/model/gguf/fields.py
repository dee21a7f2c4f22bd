"""A config as the key-value pairs of a GGUF file, and back."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.model.config import (
    DynamicScaling,
    LinearScaling,
    Llama3Scaling,
    ModelConfig,
    RopeScaling,
    YarnScaling,
)

_COUNTS = {
    "context_length": "max_position_embeddings",
    "embedding_length": "hidden_size",
    "block_count": "num_hidden_layers",
    "feed_forward_length": "intermediate_size",
    "attention.head_count": "num_attention_heads",
    "attention.head_count_kv": "num_key_value_heads",
    "attention.key_length": "head_dim",
    "attention.value_length": "head_dim",
    "rope.dimension_count": "head_dim",
    "vocab_size": "vocab_size",
}
_NUMBERS = {"attention.layer_norm_rms_epsilon": "rms_norm_eps", "rope.freq_base": "rope_theta"}
Value = int | float | str


def to_fields(config: ModelConfig) -> dict[str, Value]:
    """Pairs under the architecture's prefix. Raises QuantaError for what llama.cpp would compute differently."""
    _refuse(config)
    made: dict[str, Value] = {key: getattr(config, name) for key, name in _COUNTS.items()}
    made |= {key: float(getattr(config, name)) for key, name in _NUMBERS.items()}
    made |= _scaling(config)
    return {f"{config.architecture}.{key}": value for key, value in made.items()}


def from_fields(table: Mapping[str, Any], tensors: Collection[str], *, name: str) -> ModelConfig:
    """The config that a file states, by its pairs and by which ``tensors`` it has.

    Raises QuantaError for other architectures and what is missing; ``name`` is the file, for errors.
    """
    architecture = table.get("general.architecture")
    if architecture not in ("qwen3", "qwen2", "llama"):
        raise QuantaError(
            f"{name}: the architecture {architecture!r} is not supported", hint="Supported are: qwen3, qwen2, llama."
        )
    own = {key.removeprefix(f"{architecture}."): value for key, value in table.items()}
    fields: dict[str, Any] = {"architecture": architecture, "tie_word_embeddings": "output.weight" not in tensors}
    fields |= {field: own[key] for key, field in _COUNTS.items() if key in own}
    fields |= {field: _shortest(own[key]) for key, field in _NUMBERS.items() if key in own}
    fields.setdefault("num_key_value_heads", fields.get("num_attention_heads"))
    if architecture == "llama":
        fields["attention_bias"] = "blk.0.attn_output.bias" in tensors
        fields["mlp_bias"] = "blk.0.ffn_down.bias" in tensors
    fields["rope_scaling"] = _scaling_back(own, name)
    for key, field in (("bos", "bos_token_id"), ("padding", "pad_token_id")):
        fields[field] = table.get(f"tokenizer.ggml.{key}_token_id")
    ends = [table[key] for key in ("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id") if key in table]
    fields["eos_token_id"] = None if not ends else ends[0] if len(ends) == 1 else tuple(ends)
    try:
        return ModelConfig.of(fields)
    except ValueError as error:
        raise QuantaError(f"{name}: {error}") from None


def _refuse(config: ModelConfig) -> None:
    scaling = config.rope_scaling
    if config.architecture == "qwen3" and config.attention_bias:
        raise QuantaError("llama.cpp's qwen3 has no biases in attention, this model has")
    if isinstance(scaling, DynamicScaling):
        raise QuantaError("llama.cpp has no dynamic RoPE scaling", hint="Leave rope_scaling out of config.json.")
    if isinstance(scaling, YarnScaling) and (scaling.mscale or scaling.mscale_all_dim or not scaling.truncate):
        raise QuantaError("llama.cpp knows neither mscale nor truncate of YaRN, which this model's config sets")


def _scaling(config: ModelConfig) -> dict[str, Value]:
    scaling = config.rope_scaling
    if isinstance(scaling, LinearScaling):
        return {"rope.scaling.type": "linear", "rope.scaling.factor": scaling.factor}
    if isinstance(scaling, YarnScaling):
        made: dict[str, Value] = {
            "rope.scaling.type": "yarn",
            "rope.scaling.factor": scaling.factor,
            "rope.scaling.original_context_length": scaling.original_max_position_embeddings
            or config.max_position_embeddings,
            "rope.scaling.yarn_beta_fast": scaling.beta_fast,
            "rope.scaling.yarn_beta_slow": scaling.beta_slow,
        }
        if scaling.attention_factor is not None:
            # llama.cpp multiplies what it is told with YaRN's own factor.
            made["rope.scaling.attn_factor"] = scaling.attention_factor / (0.1 * math.log(scaling.factor) + 1)
        return made
    return {}  # Llama 3's is a tensor: see `names.ROPE_FACTORS`


def _scaling_back(own: Mapping[str, Any], name: str) -> RopeScaling | None:
    kind = own.get("rope.scaling.type", "none")
    if kind == "none":
        return None
    factor = _shortest(own.get("rope.scaling.factor", 1.0))
    if kind == "linear":
        return LinearScaling(factor=factor)
    if kind == "yarn":
        told = own.get("rope.scaling.attn_factor")
        return YarnScaling(
            factor=factor,
            original_max_position_embeddings=own.get("rope.scaling.original_context_length"),
            attention_factor=None if told is None else _shortest(told * (0.1 * math.log(factor) + 1)),
            beta_fast=_shortest(own.get("rope.scaling.yarn_beta_fast", 32.0)),
            beta_slow=_shortest(own.get("rope.scaling.yarn_beta_slow", 1.0)),
        )
    raise QuantaError(f"{name}: RoPE scaling {kind!r} is not supported", hint="Supported are: linear, yarn, llama3.")


def llama3_factors(config: ModelConfig) -> list[float] | None:
    """What Llama 3's scaling divides each of RoPE's N/2 frequencies by; None without that scaling."""
    scaling = config.rope_scaling
    if not isinstance(scaling, Llama3Scaling):
        return None
    trained, made = scaling.original_max_position_embeddings, []
    for number in range(0, config.head_dim, 2):
        wavelength = 2 * math.pi * config.rope_theta ** (number / config.head_dim)
        if wavelength < trained / scaling.high_freq_factor:
            made.append(1.0)
        elif wavelength > trained / scaling.low_freq_factor:
            made.append(scaling.factor)
        else:
            span = scaling.high_freq_factor - scaling.low_freq_factor
            smooth = (trained / wavelength - scaling.low_freq_factor) / span
            made.append(1 / ((1 - smooth) / scaling.factor + smooth))
    return made


def _shortest(value: float) -> float:
    """A float32 of the file as the decimal number somebody wrote: 1e-6, not 9.999999974752427e-07."""
    return float(f"{value:.7g}")
