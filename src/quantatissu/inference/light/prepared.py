"""A checkpoint as the light engine runs it: its graphs and its embedding. Kept in the cache, for the next start.

An entry is a folder, named by what it was made from (the checkpoint's files, this room's sources, the processor's kind)
and renamed into place when it is whole. Whatever is wrong with the cache, a model is prepared anew.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from quantatissu.foundation.paths import cache_dir
from quantatissu.inference.light.embedding import Embedding
from quantatissu.inference.light.processor import exact_when_signed

if TYPE_CHECKING:
    from quantatissu.model.config import ModelConfig

_UNUSED_SECONDS = 30 * 24 * 3600
_NUMBERS, _SCALES = "embedding.npy", "scales.npy"


@dataclass(frozen=True, slots=True)
class Prepared:
    """``graphs`` are serialised, or paths of such: before the first attention, between each two, after the last, and
    the head.
    """

    graphs: Sequence[bytes | str]
    embedding: Embedding

    def fits(self, config: ModelConfig) -> bool:
        """Whether it is all of such a model."""
        shape = (config.vocab_size, config.hidden_size)
        return len(self.graphs) == config.num_hidden_layers + 2 and self.embedding.numbers_VD.shape == shape


def prepare(folder: Path, config: ModelConfig) -> Prepared:
    """Make it. KeyError for a weight that is missing."""
    from quantatissu.inference.light.pieces import Pieces
    from quantatissu.inference.light.weights import rounded_weights

    weights = rounded_weights(folder, config)
    pieces, layers = Pieces(config), weights.layers
    graphs = [
        pieces.first(layers[0]),
        *(pieces.middle(before, after) for before, after in pairwise(layers)),
        pieces.last(layers[-1], weights.norm),
        pieces.head(weights.head),
    ]
    return Prepared(graphs, weights.embedding)


def load_prepared(folder: Path) -> Prepared | None:
    """What was kept of the checkpoint in ``folder``, perhaps not all of it."""
    entry = _entry(folder)
    try:
        os.utime(entry)  # used today
        count = sum(path.suffix == ".onnx" for path in entry.iterdir())
        numbers, scales = (np.load(entry / name, mmap_mode="r") for name in (_NUMBERS, _SCALES))
    except (OSError, ValueError, EOFError):
        return None
    return Prepared([str(entry / f"{number}.onnx") for number in range(count)], Embedding(numbers, scales))


def keep_prepared(folder: Path, prepared: Prepared) -> None:
    """Keep it for `load_prepared`, if the cache can be written to; what nobody used for a month goes."""
    entry = _entry(folder)
    partial = entry.with_name(f"{entry.name}.{os.getpid()}")
    try:
        _tidy(entry.parent)
        partial.mkdir(parents=True, mode=0o700)
        for number, graph in enumerate(prepared.graphs):
            assert isinstance(graph, bytes)
            (partial / f"{number}.onnx").write_bytes(graph)
        np.save(partial / _NUMBERS, prepared.embedding.numbers_VD)
        np.save(partial / _SCALES, prepared.embedding.scales_V)
        shutil.rmtree(entry, ignore_errors=True)  # what cannot be read
        partial.rename(entry)
    except OSError:  # full, read-only, or somebody was faster
        shutil.rmtree(partial, ignore_errors=True)


def forget_prepared(folder: Path) -> None:
    """Remove what was kept: it cannot be used."""
    shutil.rmtree(_entry(folder), ignore_errors=True)


def _entry(folder: Path) -> Path:
    known = hashlib.sha256(b"signed" if exact_when_signed() else b"unsigned")
    for path in _sources(folder):
        stat = path.stat()
        known.update(f"{path.resolve()} {stat.st_size} {stat.st_mtime_ns}\n".encode())
    return cache_dir() / "light" / known.hexdigest()[:32]


def _sources(folder: Path) -> Iterator[Path]:
    for place, pattern in ((folder, "*.safetensors"), (folder, "config.json"), (Path(__file__).parent, "*.py")):
        yield from sorted(place.glob(pattern))


def _tidy(room: Path) -> None:
    """Entries nobody used lately, and what an interrupted process left."""
    now = time.time()
    for old in room.iterdir() if room.is_dir() else ():
        if now - old.stat().st_mtime > (_UNUSED_SECONDS if "." not in old.name else 3600):
            shutil.rmtree(old, ignore_errors=True)
