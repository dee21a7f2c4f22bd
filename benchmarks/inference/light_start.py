"""The row ``inference-light-start``: from nothing to a loaded built-in model, in a process of its own."""

from __future__ import annotations

import statistics
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.registry import Outcome, benchmark

_ROUNDS = 7
_CODE = """
import sys, time
began = time.perf_counter()
sys.modules["torch"] = None  # as where it is not installed
from quantatissu.inference import open_engine
imported = time.perf_counter()
engine = open_engine("tissu", memory=1 << 24, threads={threads})
loaded = time.perf_counter()
print(imported - began, loaded - imported)
engine.close()
"""


@benchmark(
    name="inference-light-start",
    bar="0.5 s",
    describe="importing the engine and loading the built-in model, without torch: median of 7 processes",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Of one thread and of all: what a search and what a person at a keyboard would open."""
    found = {}
    for name, threads in (("one thread", "1"), ("all cores", "None")):
        rounds = [_seconds(threads) for _ in range(_ROUNDS)]
        parts = [statistics.median(column) for column in zip(*rounds, strict=True)]
        found[name] = statistics.median(sum(pair) for pair in rounds)
        print(f"{name}: import {parts[0]:.2f} s, load {parts[1]:.2f} s, together {found[name]:.2f} s")
    worst = max(found.values())
    return Outcome(f"{worst:.2f} s", worst <= 0.5)


def _seconds(threads: str) -> tuple[float, float]:
    code = _CODE.format(threads=threads)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported, loaded = map(float, done.stdout.split())
    return imported, loaded
