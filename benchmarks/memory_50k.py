"""The row ``memory-50k``: the tool's own peak memory on a project of 50,000 lines.

The project is generated: modules that import one another, a test file for each tenth, one wrong operator. Only the
tool's own process counts, not the project's tests, which run in processes of their own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

BAR_MEGABYTES = 500
MODULES = 250
FUNCTIONS = 20


@benchmark(name="memory-50k", bar="500 MB", describe="peak memory of the tool on a project of 50,000 lines")
def measure(arguments: Sequence[str]) -> Outcome:
    """Run the tool on the generated project for at most 60 s; the value is its peak resident set in MB (10^6 bytes)."""
    from benchmarks.repair.environment import test_python
    from benchmarks.samples import parser, tool

    options = parser("memory-50k", __doc__)
    options.add_argument("--seconds", type=float, default=60.0, help="limit of the tool")
    chosen = options.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-memory-") as scratch:
        root = Path(scratch) / "ledger"
        print(f"{write_project(root)} lines of Python")
        argv = [*tool(chosen.quanta), "fix", str(root), "--test", f"{test_python()} -m pytest tests", "--json"]
        peak, status = peak_memory([*argv, "--max-seconds", f"{chosen.seconds:g}"], chosen.seconds + 45)
    print(f"exit code {status}")
    if status not in (0, 1):
        raise RuntimeError("the tool did not run on the project")
    return Outcome(f"{peak / 1e6:.0f} MB", peak < BAR_MEGABYTES * 1e6)


def peak_memory(argv: Sequence[str], seconds: float) -> tuple[int, int]:
    """Peak resident set of the process itself in bytes, and its exit code; it is killed after `seconds`."""
    process = subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=sys.stderr, start_new_session=True
    )
    peak = 0
    deadline = time.monotonic() + seconds
    while True:
        peak = max(peak, high_water(process.pid))
        done, status, _ = os.wait4(process.pid, os.WNOHANG)
        if done:
            process.returncode = os.waitstatus_to_exitcode(status)
            return peak, process.returncode
        if time.monotonic() > deadline:
            process.kill()
        time.sleep(0.02)


def high_water(pid: int) -> int:
    """The peak resident set of a process so far, in bytes; 0 when it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM:")]
    return int(lines[0].split()[1]) * 1024 if lines else 0


def write_project(root: Path) -> int:
    """Write the project below `root`, the same on every machine. Returns its number of lines."""
    files = {"ledger/__init__.py": "", "tests/__init__.py": ""}
    for number in range(MODULES):
        files[f"ledger/part{number:03}.py"] = module_text(number, wrong=number == 120)
        if number % 10 == 0:
            files[f"tests/test_part{number:03}.py"] = test_text(number)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return sum(text.count("\n") for text in files.values())


def module_text(number: int, *, wrong: bool = False) -> str:
    """One module of 200 lines; every one but the first imports its predecessor. `wrong` swaps one operator."""
    lines = [f'"""Part {number} of the ledger."""', ""]
    lines += [f"from ledger import part{number - 1:03} as previous", ""] if number else ["previous = None", ""]
    for index in range(FUNCTIONS):
        sign = "-" if wrong and index == 7 else "+"
        lines += [
            f"def balance_{index}(entries, limit={index + number}):",
            f'    """Sum of the entries up to a limit, shifted by {index}."""',
            "    total = 0",
            "    for entry in entries:",
            "        if entry > limit:",
            "            continue",
            f"        total = total {sign} entry * {index + 1}",
            f"    return total + {number % 7}",
            "",
            "",
        ]
    return "\n".join(lines[:-1]) + "\n"


def test_text(number: int) -> str:
    """Tests of one module: each function on a list whose sum is known."""
    lines = [f"from ledger import part{number:03} as part", ""]
    for index in range(FUNCTIONS):
        total = sum(range(1, 6)) * (index + 1) + number % 7
        lines += ["", f"def test_balance_{index}():", f"    entries = [1, 2, 3, 4, 5, {10_000 + index}]"]
        lines += [f"    assert part.balance_{index}(entries, limit=100) == {total}", ""]
    return "\n".join(lines)
