"""ONNX graphs written as bytes: the few messages and fields that a graph of operators needs.

Field numbers are those of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto). The package `onnx` would
do the same in 20 MB.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

MICROSOFT = "com.microsoft"
_IR_VERSION, _OPSET = 10, 21
_TYPES = {np.dtype(np.float32): 1, np.dtype(np.uint8): 2, np.dtype(np.int8): 3, np.dtype(np.int64): 7}
FLOAT, INT64 = 1, 7

Buffer = bytes | memoryview
Attribute = float | int | Sequence[int]


@dataclass(slots=True)
class Graph:
    """A graph to be: its inputs as (name, type, shape), where a dimension given as a string is free."""

    inputs: list[tuple[str, int, tuple[int | str, ...]]] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    nodes: list[bytes] = field(default_factory=list)
    constants: dict[str, list[Buffer]] = field(default_factory=dict)

    def node(
        self, operator: str, inputs: Sequence[str], outputs: Sequence[str], *, domain: str = "", **attributes: Attribute
    ) -> str:
        """Add an operator; its first output."""
        self.nodes.append(
            b"".join(
                [
                    *(_text(1, name) for name in inputs),
                    *(_text(2, name) for name in outputs),
                    _text(4, operator),
                    *(_chunk(5, _attribute(name, value)) for name, value in attributes.items()),
                    _text(7, domain),
                ]
            )
        )
        return outputs[0]

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a tensor that never changes, or the same once more; its name."""
        shape = b"".join(_number(1, size) for size in values.shape)
        raw = np.ascontiguousarray(values).reshape(-1).view(np.uint8).data
        head: list[Buffer] = [
            shape,
            _number(2, _TYPES[values.dtype]),
            _text(8, name),
            _key(9, 2) + _varint(len(raw)),
            raw,
        ]
        self.constants[name] = head
        return name

    def serialised(self) -> bytes:
        """The model, as onnxruntime loads it: weights are copied once."""
        graph: list[Buffer] = [*(_chunk(1, node) for node in self.nodes), _text(2, "graph")]
        for tensor in self.constants.values():
            graph += _wrapped(5, tensor)
        graph += [_chunk(11, _value(name, kind, shape)) for name, kind, shape in self.inputs]
        graph += [_chunk(12, _text(1, name)) for name in self.outputs]
        opsets = (_number(2, _OPSET), _text(1, MICROSOFT) + _number(2, 1))
        return b"".join([_number(1, _IR_VERSION), *_wrapped(7, graph), *(_chunk(8, opset) for opset in opsets)])


def _wrapped(number: int, parts: Sequence[Buffer]) -> list[Buffer]:
    """A field of several parts."""
    return [_key(number, 2) + _varint(sum(map(len, parts))), *parts]


def _attribute(name: str, value: Attribute) -> bytes:
    start = _text(1, name)
    if isinstance(value, float):
        return start + _key(2, 5) + np.float32(value).tobytes() + _number(20, 1)
    if isinstance(value, int):
        return start + _number(3, value) + _number(20, 2)
    return start + b"".join(_number(8, one) for one in value) + _number(20, 7)


def _value(name: str, kind: int, shape: Iterable[int | str]) -> bytes:
    sizes = b"".join(_chunk(1, _text(2, size) if isinstance(size, str) else _number(1, size)) for size in shape)
    return _text(1, name) + _chunk(2, _chunk(1, _number(1, kind) + _chunk(2, sizes)))


def _key(number: int, wire: int) -> bytes:
    return _varint(number << 3 | wire)


def _number(number: int, value: int) -> bytes:
    return _key(number, 0) + _varint(value & (1 << 64) - 1)


def _text(number: int, value: str) -> bytes:
    return _chunk(number, value.encode())


def _chunk(number: int, value: bytes) -> bytes:
    return b"".join([_key(number, 2), _varint(len(value)), value])


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
