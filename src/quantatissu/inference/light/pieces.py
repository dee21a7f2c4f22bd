"""What lies between two attentions, as graphs of onnxruntime: from one layer's attention to the next one's queries.

    first:    x                      -> queries, keys, values of layer 0
    middle:   x, attended of layer i -> x, and queries, keys, values of layer i + 1
    last:     x, attended            -> x after the last norm;   head: that -> logits

Activations are rounded to eight bits too, each row by its own largest magnitude, so that a matrix product is one of
whole numbers (LLM.int8() without outliers, Dettmers et al., 2022; per-token as in SmoothQuant, Xiao et al., 2023): as
fast as the memory for a single row, and on processors with AMX or VNNI several times faster than float32 for many.

Suffixes: R rows, D model, H query heads, K key heads, N head dimension, F feed-forward, V vocabulary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.light.onnx import FLOAT, INT64, MICROSOFT, Graph
from quantatissu.inference.light.processor import exact_when_signed
from quantatissu.inference.light.weights import Floats, Layer, Rounded
from quantatissu.model.config import ModelConfig

_OFFSET, _LARGEST = 128, 127
_LEAST = 1e-9  # of a row's largest magnitude: rows of nothing but zeros stay that


class Pieces:
    """Writes the graphs of one model."""

    def __init__(self, config: ModelConfig, *, signed: bool | None = None) -> None:
        """``signed``: whether weights are kept as signed numbers; by default where the processor is exact with them."""
        self._config = config
        self._signed = exact_when_signed() if signed is None else signed

    def first(self, layer: Layer) -> bytes:
        """Takes ``x`` [R, D] and ``positions`` [1, R]; gives ``qk`` [1, R, (H + K) N] and ``v`` [R, K N]."""
        graph = self._begun()
        self._queries(graph, self._norm(graph, "x", layer.attention_norm, "attention"), layer)
        graph.outputs = ["qk", "v"]
        return graph.serialised()

    def middle(self, before: Layer, after: Layer) -> bytes:
        """Takes ``x`` [R, D], ``attended`` [R, H N] and ``positions``; gives ``x_next``, ``qk`` and ``v``."""
        graph = self._begun("attended")
        self._queries(graph, self._feed_forward(graph, before, after.attention_norm), after)
        graph.outputs = ["x_next", "qk", "v"]
        return graph.serialised()

    def last(self, before: Layer, norm: Floats) -> bytes:
        """Takes ``x`` and ``attended``; gives ``hidden`` [R, D], after the last norm."""
        graph = self._begun("attended", turned=False)
        graph.outputs = [self._feed_forward(graph, before, norm)]
        return graph.serialised()

    def head(self, matrix: Rounded) -> bytes:
        """Takes ``hidden`` [R, D]; gives ``logits`` [R, V]."""
        graph = Graph(inputs=[("hidden", FLOAT, ("R", self._config.hidden_size))])
        graph.outputs = [self._product(graph, "hidden", matrix, "logits")]
        return graph.serialised()

    def _begun(self, *more: str, turned: bool = True) -> Graph:
        config = self._config
        graph = Graph(inputs=[("x", FLOAT, ("R", config.hidden_size))])
        if turned:
            graph.inputs.append(("positions", INT64, ("R", 1)))
        width = config.num_attention_heads * config.head_dim
        graph.inputs += [(name, FLOAT, ("R", width)) for name in more]
        return graph

    def _feed_forward(self, graph: Graph, layer: Layer, norm: Floats) -> str:
        """Out of the attention, through the feed-forward, into the next norm, whose output is named ``hidden``."""
        added = self._product(graph, "attended", layer.out, "added")
        normed = self._skip(graph, "x", added, layer.feed_forward_norm, "between")
        both = self._product(graph, normed, layer.gate_up, "gate_up")
        graph.node("Split", [both], ["gate", "up"], axis=-1, num_outputs=2)
        graph.node("QuickGelu", ["gate"], ["swish"], domain=MICROSOFT, alpha=1.0)
        graph.node("Mul", ["swish", "up"], ["inner"])
        self._product(graph, "inner", layer.down, "fed")
        return self._skip(graph, "between_sum", "fed", norm, "hidden", total="x_next")

    def _queries(self, graph: Graph, hidden: str, layer: Layer) -> None:
        config = self._config
        H, K, N = config.num_attention_heads, config.num_key_value_heads, config.head_dim
        self._product(graph, hidden, layer.qkv, "qkv")
        graph.constant("parts", np.array([(H + K) * N, K * N]))
        graph.node("Split", ["qkv", "parts"], ["qk_flat", "v"], axis=-1)
        turned = "qk_flat"
        if layer.heads_norm is not None:
            graph.constant("heads", np.array([-1, H + K, N]))
            graph.node("Reshape", ["qk_flat", "heads"], ["qk_heads"])
            graph.constant("ones", np.ones(N, dtype=np.float32))
            graph.node("SimplifiedLayerNormalization", ["qk_heads", "ones"], ["qk_even"], epsilon=config.rms_norm_eps)
            graph.constant("heads_norm", layer.heads_norm.astype(np.float32))
            turned = graph.node("Mul", ["qk_even", "heads_norm"], ["qk_scaled"])
        graph.constant("flat", np.array([-1, 1, (H + K) * N]))
        graph.node("Reshape", [turned, "flat"], ["qk_row"])
        cos, sin = _turns(config)
        graph.constant("cos", cos)
        graph.constant("sin", sin)
        graph.node(
            "RotaryEmbedding",
            ["qk_row", "positions", "cos", "sin"],
            ["qk"],
            domain=MICROSOFT,
            num_heads=H + K,
            rotary_embedding_dim=N,
        )

    def _norm(self, graph: Graph, x: str, weight: Floats, name: str) -> str:
        graph.constant(f"{name}_weight", weight.astype(np.float32))
        return graph.node(
            "SimplifiedLayerNormalization", [x, f"{name}_weight"], [name], epsilon=self._config.rms_norm_eps
        )

    def _skip(self, graph: Graph, x: str, added: str, weight: Floats, name: str, *, total: str = "") -> str:
        """The norm of a sum, named ``name``, and the sum itself, ``total``."""
        graph.constant(f"{name}_weight", weight.astype(np.float32))
        return graph.node(
            "SkipSimplifiedLayerNormalization",
            [x, added, f"{name}_weight"],
            [name, "", "", total or f"{name}_sum"],
            domain=MICROSOFT,
            epsilon=self._config.rms_norm_eps,
        )

    def _product(self, graph: Graph, x: str, matrix: Rounded, out: str) -> str:
        """``x`` [R, in] by a matrix [in, out]: rounded row by row, multiplied in whole numbers, scaled back."""
        numbers: NDArray[np.int8 | np.uint8] = matrix.numbers
        zero: NDArray[np.int8 | np.uint8] = np.array(0, dtype=np.int8)
        if not self._signed:
            numbers = (numbers.astype(np.int16) + _OFFSET).astype(np.uint8)
            zero = np.array(_OFFSET, dtype=np.uint8)
        for name, value in (("least", _LEAST), ("step", 1 / _LARGEST)):
            graph.constant(name, np.array(value, dtype=np.float32))
        graph.constant("axis", np.array([-1]))
        graph.constant("middle", np.array(_OFFSET, dtype=np.uint8))
        graph.constant(f"{out}_weight", numbers)
        graph.constant(f"{out}_zero", zero)
        graph.constant(f"{out}_scales", matrix.scales)
        graph.node("Abs", [x], [f"{out}_sizes"])
        graph.node("ReduceMax", [f"{out}_sizes", "axis"], [f"{out}_largest"], keepdims=1)
        graph.node("Max", [f"{out}_largest", "least"], [f"{out}_row"])
        graph.node("Div", [x, f"{out}_row"], [f"{out}_even"])
        graph.node("QuantizeLinear", [f"{out}_even", "step", "middle"], [f"{out}_rounded"])
        graph.node(
            "MatMulIntegerToFloat",
            [f"{out}_rounded", f"{out}_weight", "step", f"{out}_scales", "middle", f"{out}_zero"],
            [f"{out}_whole"],
            domain=MICROSOFT,
        )
        return graph.node("Mul", [f"{out}_whole", f"{out}_row"], [out])


def _turns(config: ModelConfig) -> tuple[Floats, Floats]:
    """Cosine and sine of every position, [positions, N / 2], rounded where torch rounds."""
    exponents = np.arange(0, config.head_dim, 2, dtype=np.float32) / np.float32(config.head_dim)
    frequencies = np.float32(1) / np.float32(config.rope_theta) ** exponents
    angles = np.arange(config.max_position_embeddings, dtype=np.float32)[:, None] * frequencies
    return np.cos(angles), np.sin(angles)
