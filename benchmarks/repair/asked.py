"""What the rows about the model's advice share: they ask it about tasks in their seeded order until the time is up."""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from benchmarks.registry import Skip
from benchmarks.repair.bench import order
from benchmarks.repair.packages import CACHE, FetchError
from benchmarks.repair.tasks import Task, load_all

if TYPE_CHECKING:
    from quantatissu.repair.learned.faults import FaultModel

_RESAMPLED = 2000
T = TypeVar("T")


def asked(
    name: str,
    about: str | None,
    arguments: Sequence[str],
    seconds: float,
    wanted: Callable[[Task], bool],
    ask: Callable[[Task, Path, FaultModel], T],
) -> list[T]:
    """What `ask` says of each wanted task, given the folder for what is kept of it, and the model that the options
    name. Raises Skip when an archive cannot be had.
    """
    from quantatissu.inference import open_engine
    from quantatissu.repair.learned.faults import FaultModel

    parser = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=about)
    parser.add_argument("--model", default="tissu")
    parser.add_argument("--split", choices=("dev", "test"), default="test", help="test is kept from tuning")
    parser.add_argument("--all", action="store_true", help="every task, however long it takes")
    chosen = parser.parse_args(arguments)
    deadline = time.monotonic() + (math.inf if chosen.all else seconds)
    found = []
    with open_engine(chosen.model) as engine:
        model = FaultModel(engine)
        for task in filter(wanted, order(load_all(split=chosen.split))):
            if time.monotonic() > deadline:
                break
            try:
                found.append(ask(task, CACHE / "ranks" / task.id, model))
            except FetchError as error:
                raise Skip(str(error)) from error
    return found


def interval(members: Sequence[T], statistic: Callable[[Sequence[T]], float]) -> tuple[float, float]:
    """95% of a statistic over resampled members."""
    draws = random.Random(0)
    values = sorted(statistic(draws.choices(members, k=len(members))) for _ in range(_RESAMPLED))
    return values[int(0.025 * _RESAMPLED)], values[int(0.975 * _RESAMPLED)]
