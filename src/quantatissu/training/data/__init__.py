"""From shards to batches: packing, mixtures, fill-in-the-middle, and a state of two numbers.

Sample i of a run depends on the seed and i alone. Needs numpy only; `to_torch` is the one place that knows tensors.
"""

from quantatissu.training.data.loader import Loader, attention_mask, to_torch
from quantatissu.training.data.packing import Piece
from quantatissu.training.data.samples import IGNORED, Batch, Part, Place, Samples, WeightedBatch
from quantatissu.training.data.settings import AnswerSettings, DataSettings, FimSettings

__all__ = [
    "IGNORED",
    "AnswerSettings",
    "Batch",
    "DataSettings",
    "FimSettings",
    "Loader",
    "Part",
    "Piece",
    "Place",
    "Samples",
    "WeightedBatch",
    "attention_mask",
    "to_torch",
]
