"""The row ``advice-ranks``: where the right edit stands among all candidates, without and with the model's advice.

No candidate is run. The model is asked from the start, where `quanta fix` asks it after a second, if trying is slow. A
right edit that stands behind all candidates looked at counts as the next one after them; one that neither order has is
left out.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.repair.asked import asked, interval
from benchmarks.repair.tasks import Task

if TYPE_CHECKING:
    from quantatissu.repair.learned.faults import FaultModel

_MOST = 2000
_SECONDS = 520.0
_BAR = 5.0


@benchmark(
    name="advice-ranks",
    bar="median 5 times lower",
    describe="rank of the right edit among all candidates, without and with the built-in model",
)
def advised(arguments: Sequence[str]) -> Outcome:
    """Tasks in their seeded order until the time is up."""
    from benchmarks.repair.ranks import rank

    def both(task: Task, folder: Path, model: FaultModel) -> list[int | None]:
        return [rank(task, folder, one, _MOST)["rank"] for one in (None, model)]

    found = asked("advice-ranks", __doc__, arguments, _SECONDS, lambda task: task.stage == "test", both)
    pairs = [(before or _MOST + 1, after or _MOST + 1) for before, after in found if before or after]
    if not pairs:
        raise Skip("no right edit was proposed")
    before, after = (statistics.median(pair[number] for pair in pairs) for number in (0, 1))
    logs = [math.log(one / other) for one, other in pairs]
    ratio, low, high = map(math.exp, (statistics.fmean(logs), *interval(logs, statistics.fmean)))
    return Outcome(
        f"median rank {before:g} to {after:g} in {len(pairs)} of {len(found)} tasks, geometric mean {ratio:.1f} times"
        f" lower [{low:.1f}, {high:.1f}]",
        before >= _BAR * after,
    )
