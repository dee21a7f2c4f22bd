"""Real broken projects for the smaller benchmarks: a few tasks of the repair benchmark, as the tool sees them."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Skip
from benchmarks.repair.bench import order
from benchmarks.repair.environment import test_python
from benchmarks.repair.packages import FetchError
from benchmarks.repair.run import Case, load_case
from benchmarks.repair.tasks import load_all


def tool(command: str | None = None) -> list[str]:
    """The command line of the tool to measure: `command`, or the ``quanta`` beside this interpreter.

    Raises Skip when the package is not installed there.
    """
    if command:
        return shlex.split(command)
    path = Path(sys.executable).with_name("quanta")
    if not path.exists():
        raise Skip("quanta is not installed beside this interpreter")
    return [str(path)]


def parser(name: str, describe: str | None) -> argparse.ArgumentParser:
    """The argument parser of a row, with the option that all of them have."""
    made = argparse.ArgumentParser(prog=f"python -m benchmarks {name}", description=describe)
    made.add_argument("--quanta", metavar="CMD", help="the tool to measure, if not the one beside this interpreter")
    return made


def cases(count: int, ids: Sequence[str] = ()) -> list[Case]:
    """The tasks named by `ids`, else the first `count` single mutants of the tuning split, of different packages.

    Raises Skip when their archives cannot be had.
    """
    tasks = order(load_all(split="dev", ids=ids))
    if not ids:
        packages: set[str] = set()
        chosen = []
        for task in tasks:
            if task.source == "mutant" and task.stage == "test" and task.package not in packages:
                packages.add(task.package)
                chosen.append(task)
        tasks = chosen[:count]
    try:
        python = test_python()
        return [load_case(task, python) for task in tasks]
    except FetchError as error:
        raise Skip(str(error)) from error
