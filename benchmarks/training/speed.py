"""The row ``train-speed``: tokens a second on this CPU against transformers' Trainer and a plain loop, taking turns."""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence

from benchmarks.registry import Outcome, Skip, benchmark

BAR = 1.3
_ROUNDS = 5
_STEPS = 2


@benchmark(name="train-speed", bar="1.3 times", describe="training a 25M model on this CPU, against Trainer and a loop")
def measure(arguments: Sequence[str]) -> Outcome:
    """Each at the best of three micro-batch sizes; the value is the better peer's time over ours, by medians."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train-speed", description=__doc__)
    parser.add_argument("--shape", choices=["25m", "60m"], default="25m")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    given = parser.parse_args(arguments)
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise Skip("transformers is not installed") from error
    from benchmarks.training.contenders import SAMPLES, Contender
    from benchmarks.training.shapes import LENGTH

    contenders = []
    for name in ("ours", "plain", "trainer"):
        tried = [Contender(name, given.shape, micro, given.threads) for micro in (4, 8, 16)]
        times = [one.steps(1) for one in tried]
        contenders.append(tried.pop(times.index(min(times))))
        for slower in tried:
            slower.close()
    seconds: dict[str, list[float]] = {one.name: [] for one in contenders}
    for _ in range(_ROUNDS):
        for one in contenders:
            seconds[one.name].append(one.steps(_STEPS) / _STEPS)
    for one in contenders:
        rate = SAMPLES * LENGTH / statistics.median(seconds[one.name])
        print(f"{one.name}: {rate:,.0f} tokens/s (median of {_ROUNDS}; {one.micro} samples at a time)")
        one.close()
    middle = {name: statistics.median(values) for name, values in seconds.items()}
    ratio = min(middle["plain"], middle["trainer"]) / middle["ours"]
    return Outcome(f"{ratio:.2f} times", ratio >= BAR)
