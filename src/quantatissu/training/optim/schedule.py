"""Learning rate schedules: the factor of the peak rate at a step, from the step and the run's length alone."""

from __future__ import annotations

import math

from quantatissu.training.optim.settings import ScheduleSettings


def lr_factor(settings: ScheduleSettings, step: int, steps: int) -> float:
    """The factor for update number `step` (from 0) of `steps`; 0 < factor <= 1 up to the end of the run.

    Warmup-stable-decay follows Hu et al., 2024 (MiniCPM), with the 1 - sqrt shape of Hägele et al., 2024. A longer run
    with the same warm-up and plateau can be continued from any checkpoint before the decay.
    """
    warmup = _count(settings.warmup, steps)
    if step < warmup:
        return (step + 1) / warmup
    if settings.kind == "constant":
        return 1.0
    decay = steps - warmup if settings.kind == "cosine" else min(_count(settings.decay, steps), steps - warmup)
    # The last update gets the smallest rate that is not the end itself: a rate of zero would waste it.
    done = step - (steps - decay)
    if done < 0 or not decay:
        return 1.0
    left = 1.0 - min(done + 0.5, decay) / decay
    if settings.kind == "cosine":
        shaped = 0.5 * (1.0 + math.cos(math.pi * (1.0 - left)))
    else:
        shaped = left if settings.shape == "linear" else 1.0 - math.sqrt(1.0 - left)
    return settings.final + (1.0 - settings.final) * shaped


def decay_begins(settings: ScheduleSettings, steps: int) -> int:
    """The first update of a run of `steps` whose rate is below the peak's again."""
    warmup = _count(settings.warmup, steps)
    if settings.kind == "constant":
        return steps
    return warmup if settings.kind == "cosine" else max(warmup, steps - _count(settings.decay, steps))


def _count(value: float, steps: int) -> int:
    return round(value * steps) if value < 1 else round(value)
