"""A GGUF file to a Hugging Face folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from quantatissu.foundation import QuantaError
from quantatissu.model.config import Llama3Scaling, ModelConfig
from quantatissu.model.gguf.fields import from_fields, llama3_factors
from quantatissu.model.gguf.names import ROPE_FACTORS, from_gguf, halved
from quantatissu.model.gguf.write import need_gguf
from quantatissu.tokenizer import load_tokenizer, parse_tokenizer, save_tokenizer
from quantatissu.tokenizer.chat import ChatTemplate

if TYPE_CHECKING:
    import torch


def import_gguf(
    path: Path, folder: Path, *, dtype: torch.dtype | None = None, tokenizer: Path | None = None
) -> ModelConfig:
    """Write the model in ``path`` to ``folder``: config, weights as ``dtype`` (None: bfloat16), vocabulary, template.

    Quantised weights come out as the numbers they stand for. ``tokenizer``: a ``tokenizer.json`` or a folder with one,
    for files that do not carry theirs whole. Raises QuantaError for files that are not GGUF, hold another architecture,
    or lack something.
    """
    import torch

    from quantatissu.model.folders import save_weights

    gguf = need_gguf()
    try:
        reader = gguf.GGUFReader(path)
    except (OSError, ValueError, IndexError, KeyError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        raise QuantaError(f"cannot read {path} as GGUF: {reason}") from error
    table = {name: field.contents() for name, field in reader.fields.items()}
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    config = from_fields(table, tensors.keys(), name=str(path))
    if ROPE_FACTORS in tensors:
        config = replace(config, rope_scaling=_llama3(tensors[ROPE_FACTORS].data, config, path))
    vocabulary = _tokenizer_text(table, path, tokenizer)
    state: dict[str, torch.Tensor] = {}
    for name, tensor in tensors.items():
        here = from_gguf(name)
        if here is None:
            if name != ROPE_FACTORS:
                raise QuantaError(f"{path}: the tensor {name} belongs to no model that is known here")
            continue
        weights = gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        state[here] = torch.from_numpy(np.array(halved(here, weights, config))).to(dtype or torch.bfloat16)
    _require_all(state, config, path)
    save_weights(config, state, folder)
    source = table.get("tokenizer.chat_template")
    save_tokenizer(
        parse_tokenizer(vocabulary), folder, template=ChatTemplate(source) if isinstance(source, str) else None
    )
    return config


def _tokenizer_text(table: dict[str, Any], path: Path, given: Path | None) -> str:
    if given is not None:
        return load_tokenizer(given).source
    text = table.get("tokenizer.huggingface.json")
    if not isinstance(text, str):
        raise QuantaError(
            f"{path} does not carry its tokenizer.json",
            hint="Pass the one of the original model with --tokenizer.",
        )
    return text


def _require_all(state: dict[str, torch.Tensor], config: ModelConfig, path: Path) -> None:
    from quantatissu.model.folders import expected_shapes

    wanted = expected_shapes(config)
    missing = sorted(set(wanted) - set(state)) + sorted(set(state) - set(wanted))
    if missing:
        raise QuantaError(f"{path}: its tensors are not those of its config: {missing[0]}")
    for name, shape in wanted.items():
        if state[name].shape != shape:
            raise QuantaError(f"{path}: {name} is {list(state[name].shape)}, its config says {list(shape)}")


def _llama3(factors: Any, config: ModelConfig, path: Path) -> Llama3Scaling:
    """The scaling whose factors these are: the known settings of the Llama family are tried."""
    largest = float(np.max(factors))
    for trained in (8192, 4096, 2048, 16384, 32768):
        for low, high in ((1.0, 4.0), (1.0, 8.0), (1.0, 2.0)):
            scaling = Llama3Scaling(
                factor=round(largest, 4),
                low_freq_factor=low,
                high_freq_factor=high,
                original_max_position_embeddings=trained,
            )
            made = llama3_factors(replace(config, rope_scaling=scaling)) or []
            if len(made) == len(factors) and np.allclose(made, factors, rtol=1e-4):
                return scaling
    raise QuantaError(f"{path}: its RoPE factors are not those of a Llama 3 scaling that is known here")
