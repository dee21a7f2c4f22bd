"""The row ``advice-ranks``: where the right edit stands among all candidates, without and with the model's advice.

No candidate is run. The model is asked from the start, where `quanta fix` asks it after a second of trying. A right
edit that stands behind all candidates looked at counts as the next one after them; one that neither order has is left
out.
"""

from __future__ import annotations

import argparse
import math
import random
import statistics
import time
from collections.abc import Sequence

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.repair.bench import order
from benchmarks.repair.packages import CACHE, FetchError
from benchmarks.repair.tasks import load_all

_MOST = 2000
_SECONDS = 520.0
_BAR = 5.0
_RESAMPLED = 2000


@benchmark(
    name="advice-ranks",
    bar="median 5 times lower",
    describe="rank of the right edit among all candidates, without and with the built-in model",
)
def advised(arguments: Sequence[str]) -> Outcome:
    """Tasks in their seeded order until the time is up."""
    from benchmarks.repair.ranks import rank
    from quantatissu.inference import open_engine
    from quantatissu.repair.learned.faults import FaultModel

    parser = argparse.ArgumentParser(prog="python -m benchmarks advice-ranks", description=__doc__)
    parser.add_argument("--model", default="tissu")
    parser.add_argument("--split", choices=("dev", "test"), default="test", help="test is kept from tuning")
    parser.add_argument("--all", action="store_true", help="every task, however long it takes")
    chosen = parser.parse_args(arguments)
    deadline = time.monotonic() + (math.inf if chosen.all else _SECONDS)
    pairs: list[tuple[int, int]] = []
    asked = 0
    with open_engine(chosen.model) as engine:
        model = FaultModel(engine)
        for task in order(load_all(split=chosen.split)):
            if time.monotonic() > deadline:
                break
            if task.stage != "test":
                continue
            try:
                found = [rank(task, CACHE / "ranks" / task.id, one, _MOST)["rank"] for one in (None, model)]
            except FetchError as error:
                raise Skip(str(error)) from error
            asked += 1
            if any(found):
                pairs.append((found[0] or _MOST + 1, found[1] or _MOST + 1))
    if not pairs:
        raise Skip("no right edit was proposed")
    before, after = (statistics.median(pair[number] for pair in pairs) for number in (0, 1))
    ratio, low, high = _ratio(pairs)
    return Outcome(
        f"median rank {before:g} to {after:g} in {len(pairs)} of {asked} tasks, geometric mean {ratio:.1f} times lower"
        f" [{low:.1f}, {high:.1f}]",
        before >= _BAR * after,
    )


def _ratio(pairs: Sequence[tuple[int, int]]) -> tuple[float, float, float]:
    """By how much the geometric mean falls, with 95% of it over resampled tasks."""
    logs = [math.log(before / after) for before, after in pairs]
    draws = random.Random(0)
    means = sorted(statistics.fmean(draws.choices(logs, k=len(logs))) for _ in range(_RESAMPLED))
    ends = means[int(0.025 * _RESAMPLED)], means[int(0.975 * _RESAMPLED)]
    return math.exp(statistics.fmean(logs)), math.exp(ends[0]), math.exp(ends[1])
