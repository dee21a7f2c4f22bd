"""What is minimised."""

from quantatissu.training.objectives.base import Objective, Tensors, Terms
from quantatissu.training.objectives.causal import CausalLM
from quantatissu.training.objectives.policy import GroupPolicy
from quantatissu.training.objectives.preference import DirectPreference
from quantatissu.training.objectives.settings import CausalSettings, DpoSettings, GrpoSettings, ObjectiveSettings

__all__ = [
    "CausalLM",
    "CausalSettings",
    "DirectPreference",
    "DpoSettings",
    "GroupPolicy",
    "GrpoSettings",
    "Objective",
    "ObjectiveSettings",
    "Tensors",
    "Terms",
]
