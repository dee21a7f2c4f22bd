"""The row ``validation-rate``: candidates a second in the warm worker against a fresh pytest for each.

Both sides get the same candidates, the first that `quanta fix` would try on a few broken projects, and the same
question: do the failing tests pass, and if so, all others? Both run on one core. The fresh side is a plain
``python -m pytest`` per question, in a clean environment, unconfined and with nothing of ours in it. Start-up of the
warm worker is not part of its rate and is printed beside it; candidates that run into a time limit on either side are
left out.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, Skip, benchmark

if TYPE_CHECKING:
    from benchmarks.repair.run import Case

BAR_RATIO = 25.0
FRESH_TIMEOUT_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Timing:
    """One candidate: what each side said (None: stopped by a time limit), and the seconds it took to say so."""

    warm: bool | None
    fresh: bool | None
    warm_seconds: float
    fresh_seconds: float


@benchmark(name="validation-rate", bar="25 times", describe="candidates/s, warm worker against a fresh pytest for each")
def measure(arguments: Sequence[str]) -> Outcome:
    """Time both sides on one core; the value is the ratio of their rates."""
    from benchmarks.samples import cases, parser

    options = parser("validation-rate", __doc__)
    options.add_argument("--projects", type=int, default=3)
    options.add_argument("--candidates", type=int, default=80, help="for each project")
    options.add_argument("--task", action="append", default=[], help="use this task's project (repeatable)")
    chosen = options.parse_args(arguments)
    timings: list[Timing] = []
    with one_core():
        for case in cases(chosen.projects, chosen.task):
            timings += compare(case, chosen.candidates)
    return verdict(timings)


def verdict(timings: Sequence[Timing]) -> Outcome:
    """The ratio over all candidates that neither side had to stop. Raises Skip when there are none."""
    counted = [timing for timing in timings if timing.warm is not None and timing.fresh is not None]
    if not counted:
        raise Skip("no candidate could be tried on both sides")
    unlike = sum(timing.warm != timing.fresh for timing in counted)
    print(f"{len(counted)} candidates counted, {len(timings) - len(counted)} stopped, {unlike} judged differently")
    warm = len(counted) / sum(timing.warm_seconds for timing in counted)
    fresh = len(counted) / sum(timing.fresh_seconds for timing in counted)
    print(f"warm {warm:.1f}/s, fresh {fresh:.2f}/s")
    return Outcome(f"{warm / fresh:.1f} times", warm / fresh >= BAR_RATIO and not unlike)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process, and all it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def compare(case: Case, count: int) -> list[Timing]:
    """Time `count` candidates of one broken project on both sides, one after the other."""
    try:
        from benchmarks.warm import warm_project
    except ImportError as error:
        raise Skip(f"the package is not installed: {error}") from error
    test = case.package.command(case.python)
    with tempfile.TemporaryDirectory(prefix="bench-rate-") as scratch:
        root = case.build_visible(Path(scratch) / case.package.name)
        started = time.perf_counter()
        with warm_project(root, test, count) as warm:
            startup = time.perf_counter() - started
            tried = [(candidate, files) for candidate in warm.candidates if (files := warm.files(candidate))]
            said = [timed(partial(warm.passes, candidate)) for candidate, _ in tried]
            failing = warm.failing
        fresh = [timed(partial(fresh_passes, root, test, failing, files)) for _, files in tried]
    timings = [Timing(mine, theirs, quick, slow) for (mine, quick), (theirs, slow) in zip(said, fresh, strict=True)]
    print(
        f"{case.task.id:<28} {len(tried)} candidates: warm {sum(quick for _, quick in said):.1f} s "
        f"after {startup:.1f} s to start, fresh {sum(slow for _, slow in fresh):.1f} s",
        flush=True,
    )
    return timings


def timed(question: Callable[[], bool | None]) -> tuple[bool | None, float]:
    started = time.perf_counter()
    answer = question()
    return answer, time.perf_counter() - started


def fresh_passes(root: Path, test: str, failing: Sequence[str], files: Mapping[str, bytes]) -> bool | None:
    """Whether the failing tests, then the whole command, pass with `files` in place; None when stopped."""
    before = {name: (root / name).read_bytes() for name in files}
    try:
        for name, content in files.items():
            (root / name).write_bytes(content)
        verdict = pytest_passes(root, f"{test} {shlex.join(failing)}")
        return pytest_passes(root, test) if verdict else verdict
    finally:
        for name, content in before.items():
            (root / name).write_bytes(content)


def pytest_passes(root: Path, test: str) -> bool | None:
    """Run a test command in a clean environment, up to the first failure."""
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(
            ["sh", "-c", f"exec env {test} -x -q -p no:cacheprovider"],
            cwd=root,
            env=environment,
            capture_output=True,
            timeout=FRESH_TIMEOUT_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    if done.returncode not in (0, 1, 2):
        print(done.stdout.decode(errors="replace")[-500:], file=sys.stderr)
    return done.returncode == 0
