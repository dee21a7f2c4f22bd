"""Training state that survives a kill at any moment."""

from quantatissu.training.checkpoints.copies import copied
from quantatissu.training.checkpoints.folders import TRAINING, Checkpoint, Checkpoints
from quantatissu.training.checkpoints.randomness import random_states, restore_random
from quantatissu.training.checkpoints.tensors import load_tensors, save_tensors
from quantatissu.training.checkpoints.weights import write_weights

__all__ = [
    "TRAINING",
    "Checkpoint",
    "Checkpoints",
    "copied",
    "load_tensors",
    "random_states",
    "restore_random",
    "save_tensors",
    "write_weights",
]
