"""What llama.cpp calls the tensors of a decoder, and in which order it wants the rows of queries and keys."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.model.config import ModelConfig

_OUTSIDE = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}
_INSIDE = {
    "input_layernorm": "attn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "post_attention_layernorm": "ffn_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}
_OUTSIDE_BACK = {there: here for here, there in _OUTSIDE.items()}
_INSIDE_BACK = {there: here for here, there in _INSIDE.items()}
_HERE = re.compile(r"model\.layers\.(\d+)\.(.+)\.(weight|bias)")
_THERE = re.compile(r"blk\.(\d+)\.(\w+)\.(weight|bias)")

ROPE_FACTORS = "rope_freqs.weight"
"""What RoPE's frequencies are divided by, float32 [N/2]: how the file states Llama 3's scaling."""


def to_gguf(name: str) -> str:
    """The name there of the parameter ``name``."""
    match = _HERE.fullmatch(name)
    if match is None:
        return _OUTSIDE[name]
    layer, module, kind = match.groups()
    return f"blk.{layer}.{_INSIDE[module]}.{kind}"


def from_gguf(name: str) -> str | None:
    """The inverse; None for a tensor that no decoder here has."""
    match = _THERE.fullmatch(name)
    if match is None:
        return _OUTSIDE_BACK.get(name)
    layer, module, kind = match.groups()
    return f"model.layers.{layer}.{_INSIDE_BACK[module]}.{kind}" if module in _INSIDE_BACK else None


def interleaved(name: str, tensor: NDArray[Any], config: ModelConfig) -> NDArray[Any]:
    """``tensor`` as the file holds it. RoPE turns pairs (n, n + N/2) here; for ``llama`` llama.cpp turns (2n, 2n + 1),
    so the rows of queries and keys change places.
    """
    heads = _heads(name, config)
    if heads is None:
        return tensor
    return tensor.reshape(heads, 2, config.head_dim // 2, -1).swapaxes(1, 2).reshape(tensor.shape)


def halved(name: str, tensor: NDArray[Any], config: ModelConfig) -> NDArray[Any]:
    """The inverse of `interleaved`."""
    heads = _heads(name, config)
    if heads is None:
        return tensor
    return np.ascontiguousarray(tensor.reshape(heads, config.head_dim // 2, 2, -1).swapaxes(1, 2)).reshape(tensor.shape)


def _heads(name: str, config: ModelConfig) -> int | None:
    if config.architecture != "llama":
        return None
    if ".q_proj." in name:
        return config.num_attention_heads
    return config.num_key_value_heads if ".k_proj." in name else None
