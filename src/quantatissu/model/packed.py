"""Weights small enough to travel in a package: six bits for matrices, eight for the embedding, in groups with a scale.

A matrix [rows, columns] is cut into groups of 64 along its rows. A group's scale, float16, is its largest magnitude
over 31 (127 for eight bits); a weight is stored as the nearest multiple of it, offset to be unsigned, and four six-bit
numbers make three bytes. That is 6.25 bits a weight, each off by half a scale at most.

Files are safetensors, so nothing that is read can run code; numpy alone reads and writes them.

    packed-00001-of-00002.safetensors    <name>.bits uint8, <name>.scales float16; vectors as they are, by their names
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GROUP = 64
SHARD_BYTES = 15 << 20
_BITS, _SCALES = ".bits", ".scales"
_PATTERN = "packed-*-of-*.safetensors"
_LARGEST = {6: 31, 8: 127}

Floats = NDArray[np.float32]


def is_packed(folder: Path) -> bool:
    """Whether the weights in `folder` are in this form."""
    return next(iter(folder.glob(_PATTERN)), None) is not None


def pack_matrix(matrix: Floats, bits: int) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """`matrix` [rows, columns] as bytes [rows, columns * bits / 8] and scales [rows, columns / 64].

    Columns must be a multiple of 64; ValueError otherwise.
    """
    rows, columns = matrix.shape
    if columns % GROUP:
        raise ValueError(f"a matrix of {columns} columns cannot be cut into groups of {GROUP}")
    largest = _LARGEST[bits]
    groups = matrix.reshape(rows, columns // GROUP, GROUP)
    scales = (np.abs(groups).max(axis=2) / largest).astype(np.float16)
    divisors = scales.astype(np.float32)
    steps = np.rint(groups / np.where(divisors == 0, 1, divisors)[:, :, None])
    numbers = (np.clip(steps, -largest, largest) + largest).astype(np.uint8).reshape(rows, columns)
    return (numbers if bits == 8 else _squeeze(numbers)), scales


def unpack_matrix(stored: NDArray[np.uint8], scales: NDArray[np.float16]) -> Floats:
    """What `pack_matrix` stored, as float32 [rows, columns]."""
    steps = unpack_steps(stored, scales).astype(np.float32)
    steps *= scales.astype(np.float32)[:, :, None]
    return steps.reshape(len(steps), -1)


def unpack_steps(stored: NDArray[np.uint8], scales: NDArray[np.float16]) -> NDArray[np.int8]:
    """The whole numbers that `pack_matrix` stored [rows, groups, 64], each a multiple of its group's scale."""
    rows, groups = scales.shape
    most = largest_step(stored, scales)
    numbers = stored if most == _LARGEST[8] else _spread(stored)
    steps = np.subtract(numbers, np.uint8(most), dtype=np.uint8)  # wraps around, as whole numbers do
    return steps.view(np.int8).reshape(rows, groups, GROUP)


def largest_step(stored: NDArray[np.uint8], scales: NDArray[np.float16]) -> int:
    """The largest whole number that a weight of such a matrix can be of its group's scale."""
    return _LARGEST[stored.shape[1] * 8 // (scales.shape[1] * GROUP)]


def save_packed(weights: Mapping[str, Floats], folder: Path) -> None:
    """Write `weights` by name into `folder`, in files of at most 15 MiB. Vectors stay as they are."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    shards: list[dict[str, NDArray[Any]]] = [{}]
    used = 0
    for name, tensor in weights.items():
        parts: dict[str, NDArray[Any]] = {name: tensor}
        if tensor.ndim == 2:
            stored, scales = pack_matrix(tensor, 8 if "embed" in name else 6)
            parts = {name + _BITS: stored, name + _SCALES: scales}
        size = sum(part.nbytes for part in parts.values())
        if shards[-1] and used + size > SHARD_BYTES:
            shards.append({})
            used = 0
        shards[-1] |= parts
        used += size
    for old in folder.glob(_PATTERN):
        old.unlink()
    for number, shard in enumerate(shards, start=1):
        save_file(shard, folder / f"packed-{number:05}-of-{len(shards):05}.safetensors")


def read_packed(folder: Path) -> Iterator[tuple[str, Floats]]:
    """Name and weights, float32, of everything in `folder`, one after another."""
    for name, stored, scales in read_stored(folder):
        yield name, stored if scales is None else unpack_matrix(stored, scales)


def read_stored(folder: Path) -> Iterator[tuple[str, NDArray[Any], NDArray[np.float16] | None]]:
    """Everything in `folder` as it is stored: name, and bytes and scales of a matrix, or a vector and None."""
    from safetensors import safe_open

    for path in sorted(folder.glob(_PATTERN)):
        with safe_open(path, framework="numpy") as file:
            for key in file.keys():  # noqa: SIM118 - not a dict
                if key.endswith(_BITS):
                    name = key.removesuffix(_BITS)
                    yield name, file.get_tensor(key), file.get_tensor(name + _SCALES)
                elif not key.endswith(_SCALES):
                    yield key, file.get_tensor(key), None


def _squeeze(numbers: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Six-bit numbers [rows, 4 n] as bytes [rows, 3 n]: the fourth of each four fills the upper bits of the others."""
    fours = numbers.reshape(len(numbers), -1, 4)
    last = fours[:, :, 3:]
    spare = np.concatenate([last & 3, last >> 2 & 3, last >> 4], axis=2)
    squeezed: NDArray[np.uint8] = (fours[:, :, :3] | spare << 6).astype(np.uint8).reshape(len(numbers), -1)
    return squeezed


def _spread(stored: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The inverse of `_squeeze`."""
    threes = stored.reshape(len(stored), -1, 3)
    spread = np.empty((*threes.shape[:2], 4), dtype=np.uint8)
    np.bitwise_and(threes, 63, out=spread[:, :, :3])
    upper = threes >> 6
    spread[:, :, 3] = upper[:, :, 0] | upper[:, :, 1] << 2 | upper[:, :, 2] << 4
    return spread.reshape(len(stored), -1)
