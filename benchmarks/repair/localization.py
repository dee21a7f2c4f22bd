"""The row ``localization``: is the faulty statement among the first five, by Ochiai, by the model's surprise, by both?

Mutants of the packages that are kept apart from tuning. Statements of one score share the ranks that they take up. The
interval is of the difference between both and Ochiai, by resampling tasks.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.repair.asked import asked, interval
from benchmarks.repair.tasks import Task

if TYPE_CHECKING:
    from benchmarks.repair.ranks import Located
    from quantatissu.repair.learned.faults import FaultModel

_FIRST = 5
_SECONDS = 540.0


@dataclass(frozen=True, slots=True)
class Ranks:
    """Where the faulty statement stands, from 1, by each order."""

    ochiai: float
    surprise: float
    both: float


@benchmark(
    name="localization",
    bar="both beats Ochiai, interval above zero",
    describe="faulty statement of unseen mutants among the first five: Ochiai, the model's surprise, both",
)
def localization(arguments: Sequence[str]) -> Outcome:
    """Tasks in their seeded order until the time is up."""
    from benchmarks.repair.ranks import locate

    def ask(task: Task, folder: Path, model: FaultModel) -> Ranks | None:
        return ranks_of(locate(task, folder), model)

    answers = asked("localization", __doc__, arguments, _SECONDS, _wanted, ask)
    found = [ranks for ranks in answers if ranks is not None]
    if not found:
        raise Skip("no task was localised")
    low, high = interval(found, _gain)
    shares = {name: share(found, lambda one, name=name: getattr(one, name)) for name in ("ochiai", "surprise", "both")}
    logs = [sum(math.log(getattr(one, name)) for one in found) / len(found) for name in ("ochiai", "both")]
    return Outcome(
        f"top {_FIRST}: Ochiai {shares['ochiai']:.0%}, surprise {shares['surprise']:.0%}, both {shares['both']:.0%} of"
        f" {len(found)}, {_gain(found):+.1%} [{low:+.1%}, {high:+.1%}]; geometric mean rank"
        f" {math.exp(logs[0]):.1f} to {math.exp(logs[1]):.1f}",
        low > 0,
    )


def ranks_of(located: Located, model: FaultModel) -> Ranks | None:
    """The three ranks; None where no suspicious statement is the faulty one."""
    from quantatissu.repair.candidates import suspicion
    from quantatissu.repair.learned.adviser import Adviser

    adviser = Adviser(model, located.texts.source)
    adviser.look(located.places, functions=10_000, statements=0, seconds=60.0)
    right: list[int] = []
    told: list[float] = []
    for number, place in enumerate(located.places):
        source = located.texts.source(place.path)
        statements = source.statements_on(place.line) if source is not None else []
        own = next((one for one in statements if one.lineno == place.line), None)
        told.append(adviser.place(place.path, source, own) if source is not None and own is not None else 0.0)
        if place.path == located.path and place.line in located.lines:
            right.append(number)
    if not right:
        return None
    suspicions = [suspicion(place) for place in located.places]
    both = [one + other for one, other in zip(suspicions, told, strict=True)]
    return Ranks(*(_rank(scores, right) for scores in (suspicions, told, both)))


def _rank(scores: Sequence[float], right: Sequence[int]) -> float:
    best = max(scores[number] for number in right)
    above = sum(score > best + 1e-9 for score in scores)
    equal = sum(abs(score - best) <= 1e-9 for score in scores)
    return above + (equal + 1) / 2


def share(found: Sequence[Ranks], rank: Callable[[Ranks], float]) -> float:
    """How many are among the first."""
    return sum(rank(one) <= _FIRST for one in found) / len(found)


def _gain(found: Sequence[Ranks]) -> float:
    """How many more the model brings among the first."""
    return share(found, lambda one: one.both) - share(found, lambda one: one.ochiai)


def _wanted(task: Task) -> bool:
    return task.source == "mutant" and task.stage == "test"
