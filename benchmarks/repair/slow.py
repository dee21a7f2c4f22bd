"""The row ``advice-repairs``: what `quanta fix` repairs where tests take their time, without and with the model.

The failing test of each task is made to wait, as one does that talks to a database; nothing else of the task changes.
Each task is given to the tool twice, with the same budget.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.repair.asked import interval
from benchmarks.repair.bench import order, read_results
from benchmarks.repair.packages import FetchError
from benchmarks.repair.tasks import Task, load_all

if TYPE_CHECKING:
    from benchmarks.repair.run import Case

_MODELS = ("none", "tissu")
_SAMPLE_SECONDS = 560.0
_MARGIN = 25.0  # what building and judging a task takes beside the tool
_PLUGIN = "test_waiting"  # a name that no patch touches
_WAITING = """import inspect
import os
import time

WAITING, SECONDS = {names!r}, {seconds!r}


def pytest_runtest_call(item):
    function = inspect.unwrap(getattr(item, "function", None) or pytest_runtest_call)
    path = os.path.relpath(function.__code__.co_filename, item.config.rootpath)
    if f"{{path}}::{{function.__qualname__}}" in WAITING:
        time.sleep(SECONDS)
"""


@benchmark(
    name="advice-repairs",
    bar="half of what none leaves unsolved, interval above zero",
    describe="faults repaired where the failing test takes a second, without and with the built-in model",
)
def advice_repairs(arguments: Sequence[str]) -> Outcome:
    """Tasks in their seeded order until the time is up."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks advice-repairs", description=__doc__)
    parser.add_argument("--split", choices=("dev", "test"), default="test", help="test is kept from tuning")
    parser.add_argument("--wait", type=float, default=1.0, help="seconds that the failing test waits")
    parser.add_argument("--seconds", type=float, default=60.0, help="limit of the tool for one task")
    parser.add_argument("--all", action="store_true", help="every task, however long it takes")
    parser.add_argument("--jobs", type=int, default=1, help="tasks at a time")
    parser.add_argument("--quanta", metavar="CMD", help="the tool to measure, if not this checkout's quanta")
    parser.add_argument("--results", type=Path, help="write here; tasks already in it are not run again")
    chosen = parser.parse_args(arguments)
    return outcome(_all(chosen))


def _all(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each task and model."""
    from benchmarks.repair.environment import test_python
    from benchmarks.repair.run import load_case
    from benchmarks.samples import tool

    command, python = tool(chosen.quanta), test_python()
    tasks = [task for task in order(load_all(split=chosen.split)) if task.stage == "test"]
    deadline = math.inf if chosen.all else time.monotonic() + _SAMPLE_SECONDS - 2 * (chosen.seconds + _MARGIN)
    path: Path | None = chosen.results
    done = read_results(path) if path is not None else []
    known = {(record["task"], record["model"]) for record in done}

    def run(task: Task) -> list[dict[str, Any]]:
        models = [model for model in _MODELS if (task.id, model) not in known]
        if not models or time.monotonic() > deadline:
            return []
        case = load_case(task, python)
        return [repaired(case, command, model, wait=chosen.wait, seconds=chosen.seconds) for model in models]

    with ThreadPoolExecutor(chosen.jobs) as pool:
        try:
            for records in pool.map(run, tasks):
                for record in records:
                    print(
                        f"{record['task']:<28} {record['model']:<6} {record['verdict']:<10} {record['seconds']:6.1f} s "
                        f"{record['tried']:>5} tried, found at {record['found_at'] or '-'}",
                        flush=True,
                    )
                    if path is not None:
                        with path.open("a", encoding="utf-8") as out:
                            out.write(json.dumps(record) + "\n")
                done += records
        except FetchError as error:
            raise Skip(str(error)) from error
    wanted = {task.id for task in tasks}
    return [record for record in done if record["task"] in wanted]


def repaired(case: Case, tool: Sequence[str], model: str, *, wait: float, seconds: float) -> dict[str, Any]:
    """One run of the tool on a task whose failing tests wait, judged by the hidden tests."""
    from benchmarks.repair.run import judge_written, tried

    task = case.task
    with tempfile.TemporaryDirectory(prefix="bench-slow-") as scratch:
        copy = case.build_visible(Path(scratch) / task.package)
        text = _WAITING.format(names=tuple(task.shown), seconds=wait)
        (copy / f"{_PLUGIN}.py").write_text(text, encoding="utf-8")
        command = f"{case.package.command(case.python)} -p {_PLUGIN}"
        answer, written = tried(tool, copy, command, seconds=seconds, options=["--model", model])
    data = answer.data
    return {
        "task": task.id,
        "model": model,
        "verdict": judge_written(case, written),
        "seconds": round(answer.seconds, 2),
        "tried": int(data.get("candidates_tried") or 0),
        "found_at": data.get("found_at"),
        "message": answer.trouble or str(data.get("message") or ""),
    }


def outcome(records: Sequence[dict[str, Any]]) -> Outcome:
    """Paired by task: how many are repaired, and how long it took."""
    by_task: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for record in records:
        by_task[record["task"]][record["model"]] = record
    pairs = [[found[model] for model in _MODELS] for found in by_task.values() if len(found) == len(_MODELS)]
    if not pairs:
        raise Skip("no task was run both times")
    before, after = ([pair[number] for pair in pairs] for number in (0, 1))
    correct = [sum(run["verdict"] == "correct" for run in runs) for runs in (before, after)]
    passing = [sum(run["verdict"] != "none" for run in runs) for runs in (before, after)]
    seconds = [statistics.fmean(run["seconds"] for run in runs) for runs in (before, after)]
    gains = [(with_it["verdict"] == "correct") - (without["verdict"] == "correct") for without, with_it in pairs]
    low, high = interval(gains, statistics.fmean)
    return Outcome(
        f"{correct[0]} to {correct[1]} correct of {len(pairs)}, {statistics.fmean(gains):+.1%} "
        f"[{low:+.1%}, {high:+.1%}]; "
        f"{passing[0]} to {passing[1]} pass what is visible, {seconds[0]:.1f} to {seconds[1]:.1f} s on average",
        low > 0 and correct[1] - correct[0] >= (len(pairs) - correct[0]) / 2,
    )
