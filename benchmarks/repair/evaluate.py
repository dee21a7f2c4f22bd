"""What a set of faults does to a package's tests, and what a patched tree is worth."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from benchmarks.repair.baseline import Baseline
from benchmarks.repair.layout import build
from benchmarks.repair.packages import Package
from benchmarks.repair.suite import Limits, Outcomes, run_suite
from benchmarks.repair.tasks import Fault

Verdict = Literal["correct", "plausible", "wrong"]


@dataclass(frozen=True, slots=True)
class Effect:
    """``failing``: ids that pass in the baseline and not with the faults; ``hung``: those that do not end.

    ``stage`` is how the faults show; ``usable`` is false when they show nowhere, differently in a second run, or in a
    way no judge could measure (the process dies, too many tests hang).
    """

    failing: frozenset[str]
    hung: frozenset[str]
    stage: Literal["test", "import", "hang"]
    usable: bool


def effect(
    package: Package, archive: Path, base: Baseline, faults: Sequence[Fault], python: Path, *, runs: int = 2
) -> Effect:
    """Put the faults in and run the whole suite, a second time (with another hash seed) if it fails the first."""
    seen: list[Outcomes] = []
    limits = Limits.after(base.seconds, max_hangs=4)
    with tempfile.TemporaryDirectory(prefix="bench-effect-") as scratch:
        root = build(archive, faults, Path(scratch) / package.name)
        for seed in range(runs):
            seen.append(run_suite(package, root, python, hash_seed=seed, limits=limits))
            if not seen[-1].complete or seen[-1].passed >= base.passing:
                break
    first = seen[0]
    failing = base.passing - first.passed
    same = len(seen) == runs and all(
        base.passing - other.passed == failing and other.hung == first.hung for other in seen
    )
    stage: Literal["test", "import", "hang"] = "import" if first.broken else "hang" if first.hung else "test"
    usable = bool(failing) and same and all(other.complete for other in seen)
    return Effect(failing, first.hung, stage, usable)


def judge(package: Package, root: Path, base: Baseline, visible: frozenset[str], python: Path) -> Verdict:
    """Run the whole original suite in the patched package at `root`, in a clean process.

    ``correct``: every test of the baseline passes; ``plausible``: only every `visible` one does.
    """
    seen = run_suite(package, root, python, limits=Limits.after(base.seconds))
    if all_passed(base.passing, seen):
        return "correct"
    return "plausible" if visible and all_passed(visible, seen) else "wrong"


def all_passed(wanted: frozenset[str], seen: Outcomes) -> bool:
    """Whether all wanted tests passed.

    Parametrizing over a set gives some other ids in every process: such a test, seen under no outcome in a run that
    came to its end, counts as passed when all of its function did.
    """
    functions: dict[str, set[bool]] = {}
    for test in seen.passed | seen.failed:
        functions.setdefault(test.split("[", 1)[0], set()).add(test in seen.passed)
    missing = wanted - seen.passed - seen.failed - seen.hung if seen.complete else frozenset()
    unseen = {test for test in missing if "[" in test}
    return wanted - unseen <= seen.passed and all(functions.get(test.split("[", 1)[0]) == {True} for test in unseen)
