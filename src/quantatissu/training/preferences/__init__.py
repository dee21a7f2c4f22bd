"""Pairs of answers of which one is better: read, packed, and held against a reference model."""

from quantatissu.training.preferences.measure import preference_figures
from quantatissu.training.preferences.reference import keep_reference, kept_reference, reference_log_probabilities
from quantatissu.training.preferences.samples import Pair, PairBatch, PairSamples, Preferences, read_preferences

__all__ = [
    "Pair",
    "PairBatch",
    "PairSamples",
    "Preferences",
    "keep_reference",
    "kept_reference",
    "preference_figures",
    "read_preferences",
    "reference_log_probabilities",
]
