"""The row ``train-mfu``: model FLOPs utilisation on this CPU, against the bf16 matrix peak of the same run."""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence

from benchmarks.registry import Outcome, benchmark

BAR = 0.65
_ROUNDS = 5
_STEPS = 2


@benchmark(name="train-mfu", bar="65%", describe="MFU of training 25M and 60M on this CPU, against its measured peak")
def measure(arguments: Sequence[str]) -> Outcome:
    """Steps and matrix products take turns; the value is that of the worse of the two shapes."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks train-mfu", description=__doc__)
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    threads = parser.parse_args(arguments).threads
    import torch

    from benchmarks.training.contenders import SAMPLES, Contender
    from benchmarks.training.shapes import LENGTH, fields
    from quantatissu.model.config import ModelConfig
    from quantatissu.training.metrics import measure_peak

    torch.set_num_threads(threads)
    found = []
    for shape in ("25m", "60m"):
        contender = Contender("ours", shape, 4, threads)
        flops = ModelConfig.of(fields(shape)).flops_per_token(LENGTH) * SAMPLES * LENGTH
        peaks, rates = [], []
        for _ in range(_ROUNDS):
            peaks.append(measure_peak(torch.device("cpu"), torch.bfloat16).flops)
            rates.append(flops * _STEPS / contender.steps(_STEPS))
        contender.close()
        peak, rate = statistics.median(peaks), statistics.median(rates)
        found.append(rate / peak)
        print(
            f"{shape}: {rate / 1e9:,.0f} of {peak / 1e9:,.0f} GFLOP/s = {100 * rate / peak:.1f}%"
            f" ({SAMPLES * LENGTH * rate / flops:,.0f} tokens/s)"
        )
    return Outcome(f"{100 * min(found):.1f}%", min(found) >= BAR)
