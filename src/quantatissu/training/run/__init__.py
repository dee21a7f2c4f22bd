"""A run from its recipe to its last checkpoint."""

from quantatissu.training.run.card import write_card
from quantatissu.training.run.corpora import with_corpora
from quantatissu.training.run.estimate import Estimate, estimate
from quantatissu.training.run.saving import Position
from quantatissu.training.run.train import RECIPE, Finished, stored_recipe, train
from quantatissu.training.run.trainer import Ended

__all__ = [
    "RECIPE",
    "Ended",
    "Estimate",
    "Finished",
    "Position",
    "estimate",
    "stored_recipe",
    "train",
    "with_corpora",
    "write_card",
]
