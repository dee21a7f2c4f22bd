"""The table of benchmarks, and the one line in which each of them ends.

A benchmark is a function from its command-line arguments to an `Outcome`, registered with its name and bar by the
decorator `benchmark`. The modules that hold them are cheap to import: whatever is heavy is imported inside.
"""

from __future__ import annotations

import argparse
import importlib
import signal
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

# Each module registers its own rows when it is imported, in the order of the list.
MODULES = (
    "benchmarks.repair.bench",
    "benchmarks.repair.advised",
    "benchmarks.repair.localization",
    "benchmarks.repair.slow",
    "benchmarks.repair.programs",
    "benchmarks.lint_fixes",
    "benchmarks.validation_rate",
    "benchmarks.help_time",
    "benchmarks.start_to_first_candidate",
    "benchmarks.tree_intact",
    "benchmarks.memory_50k",
    "benchmarks.install_size",
    "benchmarks.corpus.throughput",
    "benchmarks.corpus.neardup",
    "benchmarks.corpus.decontamination",
    "benchmarks.corpus.secrets",
    "benchmarks.corpus.resume",
    "benchmarks.corpus.memory",
    "benchmarks.corpus.default",
    "benchmarks.corpus.loader",
    "benchmarks.corpus.stages",
    "benchmarks.corpus.synthetic",
    "benchmarks.training.speed",
    "benchmarks.training.mfu",
    "benchmarks.training.resume",
    "benchmarks.training.overhead",
    "benchmarks.training.nano",
    "benchmarks.training.parallel",
    "benchmarks.training.grpo",
    "benchmarks.training.dpo",
    "benchmarks.model.equivalence",
    "benchmarks.model.qlora",
    "benchmarks.model.gguf",
    "benchmarks.inference.greedy",
    "benchmarks.inference.samples",
    "benchmarks.inference.stream",
    "benchmarks.inference.light_start",
    "benchmarks.inference.scoring",
    "benchmarks.inference.constrained",
    "benchmarks.inference.speculative",
    "benchmarks.inference.quantized",
    "benchmarks.server.soak",
    "benchmarks.tissu.infilling",
    "benchmarks.tissu.unseen_lines",
    "benchmarks.tissu.short",
)
TIME_LIMIT_SECONDS = 600


class Skip(Exception):
    """Raised by a benchmark that cannot be measured here; the message says why, in a few words."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was measured: ``value`` as it is printed, with its unit, and whether it reached the bar."""

    value: str
    passed: bool


Measure = Callable[[Sequence[str]], Outcome]


@dataclass(frozen=True, slots=True)
class Benchmark:
    """One row: ``bar`` as printed, ``describe`` in half a line, ``measure`` the program itself.

    ``limited`` rows are cut off after ten minutes unless ``--all`` is among their arguments.
    """

    name: str
    bar: str
    describe: str
    measure: Measure
    limited: bool = True


_TABLE: dict[str, Benchmark] = {}


def benchmark(*, name: str, bar: str, describe: str) -> Callable[[Measure], Measure]:
    """Register the decorated function as a benchmark. Raises ValueError when the name is taken."""

    def register(measure: Measure) -> Measure:
        if name in _TABLE and _TABLE[name].measure.__qualname__ != measure.__qualname__:
            raise ValueError(f"two benchmarks are called {name}")
        _TABLE[name] = Benchmark(name, bar, describe, measure)
        return measure

    return register


def table(modules: Sequence[str] = MODULES) -> dict[str, Benchmark]:
    """Every benchmark of `modules`, by name, in order."""
    for module in modules:
        importlib.import_module(module)
    return dict(_TABLE)


def run(row: Benchmark, arguments: Sequence[str], *, limit_seconds: int = TIME_LIMIT_SECONDS) -> int:
    """Run one benchmark and print its closing line. Returns the exit code: 0 pass or skipped, 1 short."""
    head = f"{row.name} {{}} (bar {row.bar}):"
    try:
        with _time_limit(0 if "--all" in arguments else limit_seconds):
            outcome = row.measure(arguments)
    except Skip as reason:
        _close(f"{head.format('-')} skipped ({reason})")
        return 0
    except _OutOfTimeError:
        print(f"not finished after {limit_seconds} s", file=sys.stderr)
        _close(f"{head.format('-')} short")
        return 1
    except Exception:
        traceback.print_exc()
        _close(f"{head.format('-')} short")
        return 1
    _close(f"{head.format(outcome.value)} {'pass' if outcome.passed else 'short'}")
    return 0 if outcome.passed else 1


def main(arguments: Sequence[str], modules: Sequence[str] = MODULES) -> int:
    """The command line. Exit codes: 0 pass or skipped, 1 short, 2 for a name nobody knows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure one promise of this package against its bar.",
        epilog="Every benchmark has options of its own: python -m benchmarks NAME --help",
    )
    parser.add_argument("--list", action="store_true", help="name every benchmark with its bar")
    parser.add_argument("name", nargs="?", metavar="NAME", help="the benchmark to run")
    own, rest = parser.parse_known_args(arguments[:1]) if arguments else parser.parse_known_args([])
    rows = table(modules)
    if own.list:
        for row in rows.values():
            print(f"{row.name:<25} bar {row.bar:<22} {row.describe}")
        return 0
    if own.name is None or rest:
        parser.print_usage(sys.stderr)
        return 2
    if own.name not in rows:
        print(f"no benchmark is called {own.name}; there are: {', '.join(rows)}", file=sys.stderr)
        return 2
    return run(rows[own.name], arguments[1:])


class _OutOfTimeError(Exception):
    pass


class _time_limit:  # noqa: N801 - reads as a verb in the with statement
    """Raises `_OutOfTimeError` in the block after `seconds` (0: never)."""

    def __init__(self, seconds: int) -> None:
        self.seconds = seconds

    def __enter__(self) -> None:
        def expired(signum: int, frame: FrameType | None) -> None:
            raise _OutOfTimeError

        self.before = signal.signal(signal.SIGALRM, expired)
        signal.alarm(self.seconds)

    def __exit__(self, *exc_info: object) -> None:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, self.before)


def _close(line: str) -> None:
    sys.stderr.flush()
    print(line, flush=True)
