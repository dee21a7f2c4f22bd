"""The project's tests as judges: with the edits they must say what they said before, and edits that break one go.

One clean run of the whole test command decides. Which edits are to blame is found with the broken tests alone, in fresh
imports of the warm worker, so that a bisection takes seconds.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from quantatissu.repair.lint.files import FileFixes
from quantatissu.repair.lint.steps import Patchwork, Unit, keep
from quantatissu.repair.prepare import Prepared
from quantatissu.testing.baseline import HANG_SECONDS, WALL_SECONDS, Baseline, function_of
from quantatissu.testing.client import Limit
from quantatissu.testing.records import TestResult

_ASKED = 12  # of the broken tests, for blame
_ROUNDS = 4  # of blame and proof


@dataclass(frozen=True, slots=True)
class Change:
    """A unit of one file."""

    file: FileFixes
    unit: Unit


@dataclass
class Judged:
    """``kept`` changes, and which tests the others broke. ``proven``: the whole command ran with what is kept."""

    kept: list[Change]
    broken: list[tuple[Change, tuple[str, ...]]] = field(default_factory=list)
    proven: bool = False


def contents(changes: Sequence[Change]) -> dict[str, bytes]:
    """The new content of every changed file, by path relative to the project."""
    by_file: dict[str, tuple[FileFixes, list[Unit]]] = {}
    for change in changes:
        by_file.setdefault(change.file.name, (change.file, []))[1].append(change.unit)
    return {name: file.file.encode(Patchwork(file.file.text).compose(units)) for name, (file, units) in by_file.items()}


def judge(
    prepared: Prepared,
    baseline: Baseline,
    changes: Sequence[Change],
    *,
    deadline: float,
    on_progress: Callable[[str], None] = lambda text: None,
) -> Judged:
    """The changes under which every test that passed still passes."""
    order = sorted(changes, key=lambda change: change.unit.risky)  # the likeliest culprits last
    judged = Judged(order)
    for _ in range(_ROUNDS):
        on_progress(f"the tests with {len(judged.kept)} edits")
        broken = _broken(prepared, baseline, contents(judged.kept), deadline)
        if not broken:
            judged.proven = broken is not None
            return judged
        on_progress(f"which edits break {broken[0]}" + (f" and {len(broken) - 1} more" if len(broken) > 1 else ""))
        asked = broken[:_ASKED]
        culprits: list[Change] = []
        # A test may need the whole suite around it, or have another id by itself: then the suite decides.
        by_itself = _pass(prepared, baseline, asked, {})

        def passes(group: Sequence[Change], asked: Sequence[str] = asked, by_itself: bool = by_itself) -> bool:
            if time.monotonic() > deadline:
                return False
            if by_itself:
                return _pass(prepared, baseline, asked, contents(group))
            again = _broken(prepared, baseline, contents(group), deadline)
            return again is not None and not set(again) & set(asked)

        kept = keep([], judged.kept, passes, culprits.append)
        if len(kept) == len(judged.kept):
            # By themselves the tests pass: only the whole suite breaks, and there is no telling why.
            culprits = [change for change in kept if change.unit.risky] or kept
            kept = [change for change in kept if not any(change is one for one in culprits)]
        judged.broken += [(change, tuple(asked)) for change in culprits]
        judged.kept = kept
        if not kept:
            return judged
    return judged


def _broken(
    prepared: Prepared, baseline: Baseline, files: Mapping[str, bytes], deadline: float
) -> tuple[str, ...] | None:
    """Tests that passed before and do not in a clean run with ``files``; None when there was no time for one."""
    usual = baseline.usual_seconds
    left = deadline - time.monotonic()
    if left < min(2.0, usual):
        return None
    slot = prepared.clean
    slot.write(files)
    try:
        run = slot.clean_run(min(20 + 4 * usual, left))
    finally:
        slot.reset()
    if run.finished.limit == "wall" and time.monotonic() > deadline:
        return None
    return tuple(_not_passed(baseline, baseline.passing, run.results))


def _not_passed(baseline: Baseline, names: Iterable[str], results: Mapping[str, TestResult]) -> list[str]:
    """Those of some tests that did not pass. A parametrized one that is not there under its id did when as many of its
    function's tests passed as before: ids made from what a set holds come in any order.
    """
    missing = [name for name in names if not baseline.passed(name, results)]
    if not any(name.endswith("]") and name not in results for name in missing):
        return missing
    before = Counter(function_of(name) for name in baseline.passing)
    groups: dict[str, list[bool]] = {}
    for name, result in results.items():
        groups.setdefault(function_of(name), []).append(result.passed)

    def elsewhere(name: str) -> bool:
        function = function_of(name)
        return name not in results and sum(groups.get(function, ())) >= before[function]

    return [name for name in missing if not elsewhere(name)]


def _pass(prepared: Prepared, baseline: Baseline, tests: Sequence[str], files: Mapping[str, bytes]) -> bool:
    slot = prepared.warm
    slot.write(files)
    try:
        limits = {"*": Limit(HANG_SECONDS, WALL_SECONDS)}
        ran = slot.run(list(tests), limits=limits, total=WALL_SECONDS + len(tests), hot=False)
    finally:
        slot.reset()
    results = {result.id: result for result in ran.results}
    return not _not_passed(baseline, tests, results)
