"""The row ``start-to-first-candidate``: what the tool adds before the search begins.

From the start of the process to the first candidate tried, by the tool's own clock. From that goes the project's own
test time, one plain run of its test command.
"""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, benchmark

if TYPE_CHECKING:
    from benchmarks.repair.run import Case

BAR_SECONDS = 1.0


@benchmark(name="start-to-first-candidate", bar="1 s", describe="start to first candidate, beyond the tests' own time")
def measure(arguments: Sequence[str]) -> Outcome:
    """Measure on a few broken projects, three times each; the value is the median of the projects' medians."""
    from benchmarks.samples import cases, parser, tool

    options = parser("start-to-first-candidate", __doc__)
    options.add_argument("--projects", type=int, default=5, help="how many projects")
    chosen = options.parse_args(arguments)
    command = tool(chosen.quanta)
    found = [statistics.median(beyond(case, command) for _ in range(3)) for case in cases(chosen.projects)]
    print(f"least {min(found):.2f} s, most {max(found):.2f} s")
    middle = statistics.median(found)
    return Outcome(f"{middle:.2f} s", middle < BAR_SECONDS)


def beyond(case: Case, command: Sequence[str]) -> float:
    """Seconds before the first candidate that are not the project's own test time.

    Raises RuntimeError when the tool did not get as far as searching.
    """
    from benchmarks.repair.tool import fix

    test = case.package.command(case.python)
    with tempfile.TemporaryDirectory(prefix="bench-start-") as scratch:
        root = case.build_visible(Path(scratch) / case.package.name)
        own = own_time(root, test)
        answer = fix(command, root, test, seconds=60, options=["--max-candidates", "1"])
    before = answer.data.get("seconds_to_first")
    if not isinstance(before, float):
        raise RuntimeError(f"{case.task.id}: no candidate was tried: {answer.data.get('message')}")
    print(f"{case.task.id:<28} {before:5.2f} s to the first, tests alone {own:5.2f} s, beyond {before - own:5.2f} s")
    return before - own


def own_time(root: Path, test: str) -> float:
    """Seconds of one plain run of the test command in `root`."""
    started = time.perf_counter()
    subprocess.run(
        ["sh", "-c", f"{test} -p no:cacheprovider"],
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        check=False,
    )
    return time.perf_counter() - started
