"""From shards to batches: packing, mixtures, fill-in-the-middle, and a state of two numbers.

Sample i of a run depends on the seed and i alone. Needs numpy only; `to_torch` is the one place that knows tensors.
"""

from quantatissu.training.data.loader import Loader, attention_mask, to_torch
from quantatissu.training.data.packing import Piece
from quantatissu.training.data.samples import IGNORED, Batch, Part, Place, Samples
from quantatissu.training.data.settings import DataSettings, FimSettings

__all__ = [
    "IGNORED",
    "Batch",
    "DataSettings",
    "FimSettings",
    "Loader",
    "Part",
    "Piece",
    "Place",
    "Samples",
    "attention_mask",
    "to_torch",
]
