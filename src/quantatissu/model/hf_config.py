"""Hugging Face's ``config.json``, to and from `ModelConfig`.

Reads what transformers 4 (``rope_theta``, ``rope_scaling``) and 5 (``rope_parameters``) write, with each architecture's
defaults for what is left out; writes the older form, which transformers 5, vLLM and llama.cpp read too. What this
decoder would compute differently is refused, not ignored.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.model.config import ModelConfig, RopeScaling

CONFIG = "config.json"
CLASSES = {"qwen3": "Qwen3ForCausalLM", "qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}

# transformers' own defaults, for folders that leave a field out.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "qwen3": {"num_key_value_heads": 32, "head_dim": 128, "max_position_embeddings": 32768},
    "qwen2": {"num_key_value_heads": 32, "max_position_embeddings": 32768},
    "llama": {"max_position_embeddings": 2048, "bos_token_id": 1, "eos_token_id": 2},
}
_PLAIN = (
    *("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers"),
    *("num_attention_heads", "num_key_value_heads", "head_dim", "max_position_embeddings"),
    *("rms_norm_eps", "tie_word_embeddings", "initializer_range"),
    *("bos_token_id", "eos_token_id", "pad_token_id"),
)
_BIASES = {"qwen3": ("attention_bias",), "qwen2": (), "llama": ("attention_bias", "mlp_bias")}
_NO_LENGTH = ("linear", "dynamic", "default")


def load_config(folder: str | Path) -> ModelConfig:
    """The config of the model in ``folder``. Raises QuantaError when there is none, or none this decoder can be."""
    path = Path(folder) / CONFIG
    return from_hugging_face(read_json(path, folder), name=str(path))


def from_hugging_face(table: Mapping[str, Any], *, name: str = "config.json") -> ModelConfig:
    """The config that the contents of a ``config.json`` describe; ``name`` is what errors call it.

    Raises QuantaError for other architectures and for settings this decoder does not have: sliding windows that are in
    use, other activations, partial or unknown RoPE, quantised weights.
    """
    architecture = table.get("model_type")
    if architecture not in CLASSES:
        raise QuantaError(
            f"{name}: model_type {architecture!r} is not supported", hint=f"Supported are: {', '.join(CLASSES)}."
        )
    _refuse(table, name)
    # A null is a default, but for the ids of tokens, where it says that there is none.
    told = {key: value for key, value in table.items() if value is not None or key.endswith("_token_id")}
    known = {**_DEFAULTS[architecture], **told}
    fields = {key: known[key] for key in (*_PLAIN, *_BIASES[architecture]) if key in known}
    fields.setdefault("num_key_value_heads", fields.get("num_attention_heads"))
    fields["architecture"] = architecture
    if isinstance(fields.get("eos_token_id"), list):
        fields["eos_token_id"] = tuple(fields["eos_token_id"])
    fields["rope_theta"], fields["rope_scaling"] = _rope(table, fields["max_position_embeddings"], name)
    try:
        return ModelConfig.of(fields)
    except ValueError as error:
        raise QuantaError(f"{name}: {error}") from None


def to_hugging_face(config: ModelConfig, *, dtype: str) -> dict[str, Any]:
    """The contents of ``config.json``; ``dtype`` of the weights is ``float32``, ``bfloat16`` or ``float16``."""
    table: dict[str, Any] = {"architectures": [CLASSES[config.architecture]], "model_type": config.architecture}
    table |= {key: getattr(config, key) for key in (*_PLAIN, *_BIASES[config.architecture])}
    if isinstance(config.eos_token_id, tuple):
        table["eos_token_id"] = list(config.eos_token_id)
    table |= {"hidden_act": "silu", "attention_dropout": 0.0, "use_cache": True, "rope_theta": config.rope_theta}
    scaling = config.rope_scaling
    table["rope_scaling"] = None if scaling is None else _told(scaling)
    if scaling is not None and scaling.rope_type == "yarn":
        table["rope_scaling"].setdefault("original_max_position_embeddings", config.max_position_embeddings)
    if config.architecture != "llama":
        table |= {"use_sliding_window": False, "sliding_window": None, "max_window_layers": config.num_hidden_layers}
    return table | {"torch_dtype": dtype}


def _told(scaling: RopeScaling) -> dict[str, Any]:
    return {name: value for name, value in asdict(scaling).items() if value is not None}


def _refuse(table: Mapping[str, Any], name: str) -> None:
    if table.get("hidden_act", "silu") != "silu":
        raise QuantaError(f"{name}: hidden_act {table['hidden_act']!r} is not supported, only silu")
    if table.get("quantization_config"):
        raise QuantaError(
            f"{name}: the weights are quantised",
            hint="Pass the folder of the unquantised model; QLoRA quantises it.",
        )
    if _slides(table):
        raise QuantaError(f"{name}: sliding-window attention ({table['sliding_window']} tokens) is not supported")
    if table.get("attention_dropout"):
        warnings.warn(f"{name}: attention_dropout {table['attention_dropout']} is ignored", stacklevel=3)


def _slides(table: Mapping[str, Any]) -> bool:
    """Whether a window would ever cut something off. Llama has none; one of all positions cuts nothing."""
    if not table.get("use_sliding_window", False) or not table.get("sliding_window"):
        return False
    kinds = table.get("layer_types")
    first = table.get("max_window_layers", 28)
    used = "sliding_attention" in kinds if kinds else table.get("num_hidden_layers", 0) > first
    return bool(used) and table["sliding_window"] < table.get("max_position_embeddings", 32768)


def _rope(table: Mapping[str, Any], positions: int, name: str) -> tuple[float, dict[str, Any] | None]:
    """Base and scaling, from either form. A scaling that only states the default is none."""
    # Newer files may carry both: `rope_parameters` is the one transformers 5 uses.
    scaling = dict(table.get("rope_parameters") or table.get("rope_scaling") or {})
    theta = scaling.pop("rope_theta", None) or table.get("rope_theta") or 10_000.0
    partial = scaling.pop("partial_rotary_factor", None) or table.get("partial_rotary_factor") or 1.0
    if partial != 1.0:
        raise QuantaError(f"{name}: RoPE on a part of each head ({partial}) is not supported")
    older = scaling.pop("type", "default")
    kind = scaling.setdefault("rope_type", older)
    if kind not in ("default", "linear", "dynamic", "yarn", "llama3"):
        raise QuantaError(
            f"{name}: RoPE scaling {kind!r} is not supported", hint="Supported are: linear, dynamic, yarn, llama3."
        )
    if kind == "default":
        return theta, None
    if kind not in _NO_LENGTH:
        trained = table.get("original_max_position_embeddings") or scaling.get("original_max_position_embeddings")
        scaling["original_max_position_embeddings"] = trained or positions
        if scaling.get("factor") is None:
            scaling["factor"] = positions / scaling["original_max_position_embeddings"]
    elif kind == "linear":
        scaling.pop("original_max_position_embeddings", None)
    return theta, {key: value for key, value in scaling.items() if value is not None}


def read_json(path: Path, folder: str | Path) -> dict[str, Any]:
    """The object in a file of the model in ``folder``. Raises QuantaError when there is none."""
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise QuantaError(f"{folder} is not the folder of a model: there is no {path.name}") from None
    except (OSError, ValueError) as error:
        raise QuantaError(f"{path} cannot be read: {error}") from error
    if not isinstance(table, dict):
        raise QuantaError(f"{path} does not hold a JSON object")
    return table
