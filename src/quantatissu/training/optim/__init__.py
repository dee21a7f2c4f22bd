"""How weights move: optimizers, schedules, skipped spikes, averaged weights."""

from quantatissu.training.optim.averaging import WeightAverage
from quantatissu.training.optim.build import Optimizers
from quantatissu.training.optim.muon import Muon
from quantatissu.training.optim.schedule import decay_begins, lr_factor
from quantatissu.training.optim.settings import (
    AverageSettings,
    OptimizerSettings,
    ScheduleSettings,
    SpikeSettings,
)
from quantatissu.training.optim.spikes import SpikeGuard

__all__ = [
    "AverageSettings",
    "Muon",
    "OptimizerSettings",
    "Optimizers",
    "ScheduleSettings",
    "SpikeGuard",
    "SpikeSettings",
    "WeightAverage",
    "decay_begins",
    "lr_factor",
]
