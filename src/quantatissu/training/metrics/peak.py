"""What the device can do: the matrix products a second that model FLOPs utilisation is measured against.

The peak is measured, not looked up: a data sheet does not know the clock, the cooling or the cores one may use.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch

_SECONDS = 0.4
_CPU_SIZES = (1024, 2048)
_GPU_SIZES = (4096, 8192)


@dataclass(frozen=True, slots=True)
class Peak:
    """Floating-point operations a second of a square matrix product of ``size``, on random data."""

    flops: float
    size: int
    dtype: str
    device: str

    def __str__(self) -> str:
        return f"{self.flops / 1e12:,.2f} TFLOP/s ({self.dtype}, {self.size} x {self.size}, {self.device})"


def measure_peak(device: torch.device, dtype: torch.dtype, seconds: float = _SECONDS) -> Peak:
    """The best of a few sizes, each timed for about ``seconds``: the median of the products."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU, {torch.get_num_threads()} threads"
    # Of its own, so that measuring draws nothing that training would have drawn.
    draw = torch.Generator(device).manual_seed(0)
    rates = []
    for size in _GPU_SIZES if device.type == "cuda" else _CPU_SIZES:
        left, right = (torch.randn(size, size, device=device, generator=draw).to(dtype) for _ in range(2))
        out = torch.empty(size, size, device=device, dtype=dtype)
        rates.append((2 * size**3 / _median_time(left, right, out, seconds), size))
    flops, size = max(rates)
    return Peak(flops, size, str(dtype).removeprefix("torch."), name)


def _median_time(left: torch.Tensor, right: torch.Tensor, out: torch.Tensor, seconds: float) -> float:
    cuda = left.device.type == "cuda"
    for _ in range(2):
        torch.mm(left, right, out=out)
    times: list[float] = []
    deadline = time.perf_counter() + seconds
    while time.perf_counter() < deadline or len(times) < 3:
        if cuda:
            torch.cuda.synchronize(left.device)
        began = time.perf_counter()
        torch.mm(left, right, out=out)
        if cuda:
            torch.cuda.synchronize(left.device)
        times.append(time.perf_counter() - began)
    return sorted(times)[len(times) // 2]
