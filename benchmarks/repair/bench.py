"""The row ``repair``: how many tasks `quanta fix` repairs correctly, judged by tests it never saw."""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.repair.packages import CACHE, FetchError
from benchmarks.repair.report import correct, report, wilson
from benchmarks.repair.tasks import FOLDER, Task, load_all

BAR = 0.60
ORDER_SEED = "order"
# A sampled run starts no task that could still be running after this.
SAMPLE_SECONDS = 570.0
# What building and judging may take on top of the tool's own limit.
MARGIN_SECONDS = 30.0


def options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks repair", description=__doc__)
    parser.add_argument("--split", choices=("dev", "test", "both"), default="test", help="test is kept from tuning")
    parser.add_argument("--seconds", type=float, default=60.0, help="limit of the tool for one task")
    parser.add_argument("--sample", type=int, metavar="N", help="the first N tasks of the seeded order")
    parser.add_argument("--all", action="store_true", help="every task of the split, however long it takes")
    parser.add_argument("--task", action="append", default=[], metavar="ID", help="just this task (repeatable)")
    parser.add_argument("--jobs", type=int, default=1, help="tasks at a time (the tool itself uses every core)")
    parser.add_argument("--quanta", metavar="CMD", help="the tool to measure, if not this checkout's quanta")
    parser.add_argument("--results", type=Path, help="write here; tasks already in it are not run again")
    parser.add_argument("--operators", action="store_true", help="also report which operators made the patches")
    parser.add_argument("--report", action="store_true", help="only report on --results; run nothing")
    parser.add_argument("--tasks", type=Path, default=FOLDER, help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


@benchmark(name="repair", bar="60% correct", describe="faults in real packages repaired, by hidden tests, 60 s each")
def measure(arguments: Sequence[str]) -> Outcome:
    """Run the tasks chosen by the options, print the report; passed when the share is correct and no claim false."""
    chosen = options(arguments)
    results = chosen.results or CACHE / "results" / f"repair-{time.strftime('%Y%m%d-%H%M%S')}.jsonl"
    records = read_results(results)
    if not chosen.report:
        records = run_all(chosen, results, records)
    if not records:
        raise Skip("no task was run")
    print(report(records, operators=chosen.operators))
    print(f"results          {results}\n")
    return outcome(records)


def outcome(records: Sequence[dict[str, Any]]) -> Outcome:
    """The closing figure of a set of results."""
    good = correct(records)
    low, high = (100 * bound for bound in wilson(good, len(records)))
    clean = not any(record["false_claim"] or record["touched"] for record in records)
    share = good / len(records)
    return Outcome(f"{100 * share:.1f}% [{low:.1f}, {high:.1f}] of {len(records)} tasks", share >= BAR and clean)


def order(tasks: Sequence[Task]) -> list[Task]:
    """The tasks in a fixed shuffled order, so that any beginning of it is a fair sample."""
    tasks = sorted(tasks, key=lambda task: task.id)
    random.Random(ORDER_SEED).shuffle(tasks)
    return tasks


def read_results(path: Path) -> list[dict[str, Any]]:
    """The results stored so far; a last line cut off by a kill is left out."""
    records = []
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def run_all(chosen: argparse.Namespace, results: Path, done: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Run what is chosen and not among `done`, storing each result as it comes. Returns the results of all.

    Raises Skip when there is no tool, or an archive cannot be had.
    """
    from benchmarks import samples
    from benchmarks.repair.environment import test_python
    from benchmarks.repair.run import Result, run_task

    tool = samples.tool(chosen.quanta)
    tasks = order(load_all(chosen.tasks, split=None if chosen.split == "both" else chosen.split, ids=chosen.task))
    tasks = tasks[: chosen.sample]
    wanted = {task.id for task in tasks}
    records = [record for record in done if record["task"] in wanted]
    waiting = [task for task in tasks if task.id not in {record["task"] for record in records}]
    bounded = not (chosen.all or chosen.task or chosen.sample)
    python = test_python()
    results.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + SAMPLE_SECONDS - chosen.seconds - MARGIN_SECONDS
    running: set[Future[Result]] = set()
    with ThreadPoolExecutor(chosen.jobs) as pool, results.open("a", encoding="utf-8") as out:
        while running or waiting:
            while waiting and len(running) < chosen.jobs:
                if bounded and time.monotonic() > deadline:
                    print(f"time is up: {len(waiting)} tasks were not started", file=sys.stderr)
                    waiting = []
                    break
                running.add(pool.submit(run_task, waiting.pop(0), tool, python, seconds=chosen.seconds))
            finished, running = wait(running, return_when=FIRST_COMPLETED)
            for future in finished:
                try:
                    record = future.result().record()
                except FetchError as error:
                    raise Skip(str(error)) from error
                records.append(record)
                out.write(json.dumps(record) + "\n")
                out.flush()
                print(
                    f"{len(records):>4}/{len(tasks)} {record['task']:<28} {record['kind']:<11} {record['status']:<10} "
                    f"{record['verdict']:<10} {record['seconds']:6.1f} s {record['candidates_tried']:>6} tried",
                    flush=True,
                )
    return records
