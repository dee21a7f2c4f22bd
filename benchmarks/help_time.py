"""The row ``help-time``: how long ``quanta --help`` takes, interpreter start included."""

from __future__ import annotations

import statistics
import subprocess
import time
from collections.abc import Sequence

from benchmarks.registry import Outcome, benchmark

BAR_SECONDS = 0.2


@benchmark(name="help-time", bar="0.2 s", describe="`quanta --help`, median of 10")
def measure(arguments: Sequence[str]) -> Outcome:
    """Run the command ten times after one that fills the caches; the value is the median in seconds."""
    from benchmarks.samples import parser, tool

    command = [*tool(parser("help-time", __doc__).parse_args(arguments).quanta), "--help"]
    seconds = [timed(command) for _ in range(11)][1:]
    print(f"fastest {min(seconds):.3f} s, slowest {max(seconds):.3f} s")
    middle = statistics.median(seconds)
    return Outcome(f"{middle:.3f} s", middle < BAR_SECONDS)


def timed(command: Sequence[str]) -> float:
    """Wall-clock seconds of one run. Raises CalledProcessError when it fails."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - started
