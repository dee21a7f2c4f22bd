"""A checkpoint's weights, rounded to eight bits with a scale for each output, read without torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.light.embedding import Embedding
from quantatissu.model.config import ModelConfig
from quantatissu.model.packed import GROUP, is_packed, largest_step, read_stored, unpack_steps

Floats = NDArray[np.float32]
_LARGEST = 127
_LEAST = np.float32(1e-10)
_ROUNDING = np.float32(3 << 22)
_ROWS_AT_ONCE = 256  # fit the processor's cache
_THREADS = 2


@dataclass(frozen=True, slots=True)
class Rounded:
    """A matrix as whole numbers [in, out], from -127 to 127, times ``scales`` [out]."""

    numbers: NDArray[np.int8]
    scales: Floats


@dataclass(frozen=True, slots=True)
class Layer:
    """One block. ``heads_norm`` [heads + key heads, N] holds the weights of the norms of queries and keys, or ones."""

    attention_norm: Floats
    qkv: Rounded
    heads_norm: Floats | None
    out: Rounded
    feed_forward_norm: Floats
    gate_up: Rounded
    down: Rounded


@dataclass(frozen=True, slots=True)
class Weights:
    """All of a model. ``embedding`` [V, D] is looked up."""

    embedding: Embedding
    layers: tuple[Layer, ...]
    norm: Floats
    head: Rounded


def rounded_weights(folder: Path, config: ModelConfig) -> Weights:
    """The weights of the checkpoint in ``folder``, packed or as safetensors. KeyError for one that is missing."""
    with ThreadPoolExecutor(_THREADS) as pool:
        found = {name: pool.submit(_rows, stored, scales) for name, stored, scales in _stored(folder)}
        matrices, vectors = dict[str, Rows](), dict[str, Floats]()
        for name, future in found.items():
            one = future.result()
            if isinstance(one, Rows):
                matrices[name] = one
            else:
                vectors[name] = one
        table = matrices["model.embed_tokens.weight"]
        head = pool.submit(_turned, table if config.tie_word_embeddings else matrices["lm_head.weight"])
        layers = pool.map(lambda number: _layer(number, matrices, vectors, config), range(config.num_hidden_layers))
        return Weights(
            Embedding(table.numbers, table.scales), tuple(layers), vectors["model.norm.weight"], head.result()
        )


@dataclass(frozen=True, slots=True)
class Rows:
    """A matrix as it is stored, [out, in], in whole numbers with a scale for each output."""

    numbers: NDArray[np.int8]
    scales: Floats


def _layer(number: int, matrices: Mapping[str, Rows], vectors: Mapping[str, Floats], config: ModelConfig) -> Layer:
    name = f"model.layers.{number}."
    attention, inner = name + "self_attn.", name + "mlp."
    norms = None
    if attention + "q_norm.weight" in vectors:
        both = np.stack([vectors[f"{attention}{one}_norm.weight"] for one in "qk"])
        norms = np.repeat(both, [config.num_attention_heads, config.num_key_value_heads], axis=0)
    return Layer(
        vectors[name + "input_layernorm.weight"],
        _turned(*(matrices[f"{attention}{one}_proj.weight"] for one in "qkv")),
        norms,
        _turned(matrices[attention + "o_proj.weight"]),
        vectors[name + "post_attention_layernorm.weight"],
        _turned(matrices[inner + "gate_proj.weight"], matrices[inner + "up_proj.weight"]),
        _turned(matrices[inner + "down_proj.weight"]),
    )


def _turned(*parts: Rows) -> Rounded:
    """Matrices that read the same input as one, [in, out]."""
    numbers = np.concatenate([part.numbers for part in parts]) if len(parts) > 1 else parts[0].numbers
    return Rounded(np.ascontiguousarray(numbers.T), np.concatenate([part.scales for part in parts]))


def _rows(stored: NDArray[Any], scales: NDArray[np.float16] | None) -> Rows | Floats:
    """A matrix rounded anew with one scale for each output, from what is stored of it; a vector as it is."""
    if scales is None:
        if stored.ndim == 1:
            return stored.astype(np.float32)
        largest = np.maximum(np.maximum(stored.max(axis=1), -stored.min(axis=1)), _LEAST) / _LARGEST
        return Rows(_to_bytes(stored / largest[:, None]), largest)
    # A group's largest number is that of its bits, so nothing has to be searched.
    groups, most = scales.astype(np.float32), largest_step(stored, scales)
    largest = np.maximum(groups.max(axis=1) * most, _LEAST) / _LARGEST
    numbers = np.empty((len(stored), groups.shape[1] * GROUP), dtype=np.int8)
    for first in range(0, len(stored), _ROWS_AT_ONCE):
        rows = slice(first, first + _ROWS_AT_ONCE)
        exact = unpack_steps(stored[rows], scales[rows]).astype(np.float32)
        exact *= (groups[rows] / largest[rows, None])[:, :, None]
        numbers[rows] = _to_bytes(exact.reshape(len(exact), -1))
    return Rows(numbers, largest)


def _to_bytes(exact: Floats) -> NDArray[np.int8]:
    """Rounded to whole numbers, in place: with this much added, a float's last byte is the number."""
    exact += _ROUNDING
    return np.ascontiguousarray(exact.view(np.int8)[..., ::4])


def _stored(folder: Path) -> Iterator[tuple[str, NDArray[Any], NDArray[np.float16] | None]]:
    if is_packed(folder):
        yield from read_stored(folder)
        return
    from safetensors import deserialize

    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
            yield name, _floats(tensor["data"], tensor["dtype"]).reshape(tensor["shape"]), None


def _floats(data: bytes, dtype: str) -> Floats:
    if dtype == "BF16":
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {"F32": np.float32, "F16": np.float16, "F64": np.float64}[dtype]).astype(np.float32)
