"""From a memory limit to how many workers may run at once and how much each step may hold."""

from __future__ import annotations

import contextlib
import ctypes
import os
from dataclasses import dataclass
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.foundation.sizes import parse_bytes


@dataclass(frozen=True, slots=True)
class Allotment:
    """What may be used: ``workers`` processes at once; bytes of text held while duplicates are verified, and rows
    grouped in one pass of that; bytes of tokens held while they are brought into order.
    """

    workers: int
    dedup_text_bytes: int
    dedup_rows: int
    shuffle_bytes: int


# Measured on CPython 3.11 with pyarrow 25 and daft 0.7: the whole pipeline in a worker with one batch of texts in hand,
# and the process that runs the plans, after it looked for duplicates among 200,000 documents (allocators keep what it
# needed for that). A row of a band while Daft groups it: id, key, hash table, and its copies.
_WORKER = 300 << 20
_DRIVER = 320 << 20
_ROW = 256


def allot(settings_memory: str, settings_workers: int) -> Allotment:
    """Share out the memory limit of a recipe; empty means three quarters of what is free now, 0 workers one a core.

    It never changes what a build gives, only how fast. Raises QuantaError for a limit too small to work in.
    """
    limit = parse_bytes(settings_memory) if settings_memory else available() * 3 // 4
    least = _DRIVER + _WORKER
    if settings_memory and limit < least:
        raise QuantaError(
            f"engine.memory = {settings_memory} is too little to work in",
            hint=f"At least {least >> 20} MiB are needed.",
        )
    room = max(limit - _DRIVER, _WORKER)
    cores = settings_workers or len(os.sched_getaffinity(0))
    return Allotment(
        workers=max(1, min(cores, room // _WORKER)),
        dedup_text_bytes=max(room // 8, 16 << 20),
        dedup_rows=max(room // _ROW, 100_000),
        shuffle_bytes=max(room // 4, 16 << 20),
    )


def give_back() -> None:
    """Return what earlier phases used and freed to the system: allocators keep it, and workers need it now."""
    import pyarrow

    pyarrow.default_memory_pool().release_unused()
    with contextlib.suppress(AttributeError):  # of glibc only
        ctypes.CDLL(None).malloc_trim(0)


def available() -> int:
    """Bytes of memory free for new work on this machine, or in this container (control groups, version 2)."""
    fields = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    free = int(fields["MemAvailable"].split()[0]) << 10
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except (OSError, ValueError):
        return free
    return min(free, int(limit) - used) if limit.isdigit() else free
