"""The row ``inference-light-start``: from nothing to a loaded built-in model, in a process of its own."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from benchmarks.registry import Outcome, benchmark

_ROUNDS = 7
_CODE = """
import sys, time
began = time.perf_counter()
sys.modules["torch"] = None  # as where it is not installed
from quantatissu.inference import open_engine
engine = open_engine("tissu", memory=1 << 24, threads={threads})
print(time.perf_counter() - began)
engine.close()
"""


@benchmark(
    name="inference-light-start",
    bar="0.5 s",
    describe="importing the engine and loading the built-in model, without torch: median of 7 processes",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """With one thread and with all: what a search and what a person at a keyboard would open. The bar is for every
    start but the first, which prepares the model and keeps it in the cache.
    """
    found = []
    for name, threads in (("one thread", "1"), ("all cores", "None")):
        firsts, others = [], []
        for _ in range(_ROUNDS):
            with tempfile.TemporaryDirectory() as cache:
                firsts.append(_seconds(threads, cache))
                others.append(_seconds(threads, cache))
        found.append(statistics.median(others))
        print(f"{name}: {found[-1]:.2f} s; the first time {statistics.median(firsts):.2f} s")
    return Outcome(f"{max(found):.2f} s", max(found) <= 0.5)


def _seconds(threads: str, cache: str) -> float:
    done = subprocess.run(
        [sys.executable, "-c", _CODE.format(threads=threads)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"XDG_CACHE_HOME": cache},
    )
    return float(done.stdout)
