"""Evaluation inside training: held-out loss by language, infilling exact match, repair top-1."""

from quantatissu.training.heldout.examples import Example, infill_examples, repair_examples
from quantatissu.training.heldout.loss import HeldOut, by_language, held_out
from quantatissu.training.heldout.measure import Questions, continuation, exact_match, measure, prepare

__all__ = [
    "Example",
    "HeldOut",
    "Questions",
    "by_language",
    "continuation",
    "exact_match",
    "held_out",
    "infill_examples",
    "measure",
    "prepare",
    "repair_examples",
]
