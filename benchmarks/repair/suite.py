"""Run a package's whole test suite in a clean process, and what came of every test."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.repair.packages import Package

PLUGIN = Path(__file__).parent / "plugin"
# Variables a caller may have set that would change what a test run does.
MEDDLING = ("PYTHONPATH", "PYTEST_ADDOPTS", "PYTHONHASHSEED", "VIRTUAL_ENV", "COVERAGE_PROCESS_START")


@dataclass(frozen=True, slots=True, order=True)
class Definition:
    """A test function as written: file relative to the package's folder, first line (from 1), qualified name.

    One definition may stand for many test ids: parametrized, or inherited by several classes.
    """

    file: str
    line: int
    name: str

    def __str__(self) -> str:
        return f"{self.file}::{self.name}"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What one run of a suite brought: tests by outcome, and where each collected test is defined.

    ``complete`` is false when the process died, was killed after its time, or gave up on hanging tests;
    ``seconds`` is how long it took.
    """

    passed: frozenset[str]
    failed: frozenset[str]
    hung: frozenset[str]
    broken: frozenset[str]
    definitions: dict[str, Definition | None]
    complete: bool
    seconds: float
    output: str = ""


@dataclass(frozen=True, slots=True)
class Limits:
    """``seconds`` bounds a whole run, ``test_seconds`` each test; after ``max_hangs`` hung tests a run ends."""

    seconds: float = 120.0
    test_seconds: float = 10.0
    max_hangs: int = 3

    @classmethod
    def after(cls, baseline_seconds: float, *, max_hangs: int = 3) -> Limits:
        """Generous multiples of what the right program takes."""
        return cls(max(60.0, 10 * baseline_seconds), max(5.0, 3 * baseline_seconds), max_hangs)


def run_suite(
    package: Package, root: Path, python: Path, *, limits: Limits | None = None, hash_seed: int = 0
) -> Outcomes:
    """Run all tests of the package unpacked at `root`; hash randomisation is fixed by `hash_seed`."""
    limits = limits or Limits()
    with tempfile.TemporaryDirectory(prefix="bench-suite-") as scratch:
        record = Path(scratch) / "record.jsonl"
        record.touch()
        environment = {key: value for key, value in os.environ.items() if key not in MEDDLING}
        environment |= {
            "PYTHONPATH": ":".join([*(str(root / part) for part in package.path), str(PLUGIN)]),
            "PYTHONHASHSEED": str(hash_seed),
            "PYTHONDONTWRITEBYTECODE": "1",
            "BENCH_RECORD": str(record),
            "BENCH_TEST_SECONDS": str(limits.test_seconds),
            "BENCH_MAX_HANGS": str(limits.max_hangs),
        }
        command = [str(python), "-m", "pytest", "-q", "-p", "bench_recorder", "-p", "no:cacheprovider"]
        command += ["--continue-on-collection-errors", "--tb=no", *package.arguments]
        started = time.monotonic()
        output, exited = _run(command, root, environment, limits.seconds)
        return _read(record.read_text(encoding="utf-8"), output, exited, time.monotonic() - started)


def fresh_seconds(package: Package, root: Path, python: Path, *, limit: float) -> float:
    """How long the package's test command takes to its first failure, in a fresh process; at most `limit`.

    That is what trying one candidate costs whoever starts the tests anew for each.
    """
    environment = {key: value for key, value in os.environ.items() if key not in MEDDLING}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    started = time.monotonic()
    _run(["sh", "-c", f"{package.command(python)} -x -q -p no:cacheprovider"], root, environment, limit)
    return time.monotonic() - started


def _run(command: list[str], root: Path, environment: dict[str, str], seconds: float) -> tuple[str, bool]:
    """Output's end, and whether the process ended by itself. Nothing it started survives."""
    process = subprocess.Popen(
        command, cwd=root, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
    )
    try:
        output, _ = process.communicate(timeout=seconds)
        return output[-4000:].decode(errors="replace"), True
    except subprocess.TimeoutExpired:
        return "", False
    finally:
        kill_group(process)


def kill_group(process: subprocess.Popen[bytes]) -> None:
    """Kill everything in the session that `process` leads, and reap it."""
    try:
        os.killpg(process.pid, 9)
    except ProcessLookupError:
        pass
    process.communicate()


def _read(record: str, output: str, exited: bool, seconds: float) -> Outcomes:
    by_outcome: dict[str, set[str]] = {"passed": set(), "failed": set()}
    hung: set[str] = set()
    broken: set[str] = set()
    definitions: dict[str, Definition | None] = {}
    finished = False
    for line in record.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if "test" in entry:
            where = Definition(entry["file"], entry["line"], entry["name"]) if "file" in entry else None
            definitions[entry["test"]] = where
        elif "broken" in entry:
            broken.add(entry["broken"])
        elif "exit" in entry:
            finished = True
        elif "id" in entry:
            by_outcome.setdefault(entry["outcome"], set()).add(entry["id"])
            if entry["hung"]:
                hung.add(entry["id"])
    ran = set().union(*by_outcome.values())
    return Outcomes(
        passed=frozenset(by_outcome["passed"] - hung),
        failed=frozenset(by_outcome["failed"] | hung),
        hung=frozenset(hung),
        broken=frozenset(broken),
        definitions=definitions,
        complete=exited and finished and ran >= definitions.keys(),
        seconds=seconds,
        output=output,
    )
