"""What the processor can."""

from __future__ import annotations

from functools import cache
from pathlib import Path

_SIGNED = frozenset({"avx512_vnni", "avx_vnni", "amx_int8", "asimd"})  # others overflow in products of u8 by s8


@cache
def exact_when_signed() -> bool:
    """Whether it adds products of unsigned by signed bytes without overflow."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return False
    flags = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    return not _SIGNED.isdisjoint(flags.split())
