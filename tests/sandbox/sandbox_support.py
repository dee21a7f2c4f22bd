"""Shared by the sandbox tests: a policy that shows the tests' own interpreter, and a look at what is left outside."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from quantatissu.sandbox import Policy

BASE_ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

# The interpreter that runs inside: the tool's own, made readable where the system folders do not hold it.
PYTHON = os.path.realpath(sys.executable)
PYTHON_ROOTS = tuple(
    {Path(os.path.realpath(sys.base_prefix)), Path(os.path.realpath(sys.base_exec_prefix)), Path(PYTHON).parent}
)


def policy(**changes: object) -> Policy:
    changes.setdefault("environment", BASE_ENVIRONMENT)
    changes["readable"] = (*PYTHON_ROOTS, *changes.get("readable", ()))  # type: ignore[misc]
    return Policy(**changes)  # type: ignore[arg-type]


def processes_with(marker: str) -> list[int]:
    """Host process ids whose environment holds the marker (visible for our own processes)."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and marker.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.01)
    return condition()
