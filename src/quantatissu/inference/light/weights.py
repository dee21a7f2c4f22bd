"""A checkpoint's weights, rounded to eight bits with a scale for each output, read without torch."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from quantatissu.model.config import ModelConfig
from quantatissu.model.packed import is_packed, read_packed

Floats = NDArray[np.float32]
_LARGEST = 127
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


@dataclass(frozen=True, slots=True)
class Embedding:
    """Rows of eight-bit numbers with a scale each."""

    numbers_VD: NDArray[np.int8]
    scales_V: Floats

    def __call__(self, tokens: NDArray[np.int64]) -> Floats:
        """The rows of ``tokens``, float32 [R, D]."""
        rows: Floats = self.numbers_VD[tokens] * self.scales_V[tokens, None]
        return rows


def rounded_weights(folder: Path, config: ModelConfig) -> Weights:
    """The weights of the checkpoint in ``folder``, packed or as safetensors. KeyError for one that is missing."""
    found = dict(_tensors(folder))
    heads, keys = config.num_attention_heads, config.num_key_value_heads

    def layer(number: int) -> Layer:
        name = f"model.layers.{number}."
        attention, inner = name + "self_attn.", name + "mlp."
        norms = None
        if attention + "q_norm.weight" in found:
            norms = np.repeat(
                np.stack([found[attention + "q_norm.weight"], found[attention + "k_norm.weight"]]),
                [heads, keys],
                axis=0,
            )
        return Layer(
            found[name + "input_layernorm.weight"],
            _together([found[f"{attention}{one}_proj.weight"] for one in "qkv"]),
            norms,
            _rounded(found[attention + "o_proj.weight"]),
            found[name + "post_attention_layernorm.weight"],
            _together([found[inner + "gate_proj.weight"], found[inner + "up_proj.weight"]]),
            _rounded(found[inner + "down_proj.weight"]),
        )

    with ThreadPoolExecutor(_THREADS) as pool:
        embedding = found["model.embed_tokens.weight"]
        table = pool.submit(_rounded, embedding)
        head = table if config.tie_word_embeddings else pool.submit(_rounded, found["lm_head.weight"])
        layers = tuple(pool.map(layer, range(config.num_hidden_layers)))
        rows = table.result()
        return Weights(
            Embedding(np.ascontiguousarray(rows.numbers.T), rows.scales),
            layers,
            found["model.norm.weight"],
            head.result(),
        )


def _together(matrices: list[Floats]) -> Rounded:
    return _rounded(np.concatenate(matrices))


def _rounded(matrix: Floats) -> Rounded:
    """Of a weight [out, in]."""
    scales = np.maximum(np.maximum(matrix.max(axis=1), -matrix.min(axis=1)) / _LARGEST, np.float32(1e-12))
    numbers = np.rint(matrix / scales[:, None]).astype(np.int8)
    return Rounded(np.ascontiguousarray(numbers.T), scales.astype(np.float32))


def _tensors(folder: Path) -> Iterator[tuple[str, Floats]]:
    if is_packed(folder):
        yield from read_packed(folder)
        return
    from safetensors import deserialize

    for path in sorted(folder.glob("*.safetensors")):
        for name, tensor in deserialize(path.read_bytes()):  # type: ignore[no-untyped-call]
            yield name, _floats(tensor["data"], tensor["dtype"]).reshape(tensor["shape"])


def _floats(data: bytes, dtype: str) -> Floats:
    if dtype == "BF16":
        return (np.frombuffer(data, np.uint16).astype(np.uint32) << 16).view(np.float32)
    return np.frombuffer(data, {"F32": np.float32, "F16": np.float16, "F64": np.float64}[dtype]).astype(np.float32)
