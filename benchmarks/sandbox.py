"""What confinement costs: the time to start a command, and to fork, inside and outside.

Run with ``python -m benchmarks.sandbox``. Inside and outside are measured in turns, so that both see the same machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

from quantatissu.sandbox import Limits, Policy, Sandbox, available, open_sandbox

ROUNDS = 15
FORKS = 300

# A warm parent: some memory and modules, as a test worker has. Prints microseconds per fork, exit and wait.
FORKING = f"""
import ast, json, os, re, time
warm = [str(number) for number in range(200_000)]
for _ in range(20):
    if os.fork() == 0: os._exit(0)
    os.wait()
began = time.perf_counter()
for _ in range({FORKS}):
    if os.fork() == 0: os._exit(0)
    os.wait()
print((time.perf_counter() - began) / {FORKS} * 1e6)
"""

# Mostly system calls: microseconds per open, read, close of a small file.
CALLING = """
import os, time
began = time.perf_counter()
for _ in range(20_000):
    descriptor = os.open("/etc/passwd", os.O_RDONLY); os.read(descriptor, 100); os.close(descriptor)
print((time.perf_counter() - began) / 20_000 * 1e6)
"""


def main() -> None:
    """Print medians: milliseconds to run ``true``, microseconds per fork and per small file read."""
    sandbox = open_sandbox()
    python = os.path.realpath(sys.executable)
    policy = Policy(
        readable=(Path(os.path.realpath(sys.base_prefix)),),
        environment={"PATH": "/usr/bin:/bin"},
        limits=Limits(wall_seconds=120),
    )
    print(f"mechanism: {available().mechanism}; {os.cpu_count()} cores; Linux {os.uname().release}")
    inside, outside = [], []
    for _ in range(ROUNDS):
        inside.append(_seconds(lambda: sandbox.run(["true"], cwd=Path("/"), policy=policy)))
        outside.append(_seconds(lambda: subprocess.run(["true"], check=True)))
    _report("start of `true`, ms", [value * 1e3 for value in inside], [value * 1e3 for value in outside])
    for name, program in (("fork and exit, us", FORKING), ("open, read, close, us", CALLING)):
        inside, outside = [], []
        for _ in range(3):
            inside.append(_inside(sandbox, policy, python, program))
            outside.append(float(subprocess.check_output([python, "-I", "-c", program])))
        _report(name, inside, outside)


def _inside(sandbox: Sandbox, policy: Policy, python: str, program: str) -> float:
    return float(sandbox.run([python, "-I", "-c", program], cwd=Path("/"), policy=policy).stdout)


def _seconds(work: object) -> float:
    assert callable(work)
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _report(name: str, inside: list[float], outside: list[float]) -> None:
    confined, plain = statistics.median(inside), statistics.median(outside)
    print(f"{name:24} confined {confined:8.2f} (best {min(inside):.2f})   plain {plain:8.2f} (best {min(outside):.2f})")


if __name__ == "__main__":
    main()
