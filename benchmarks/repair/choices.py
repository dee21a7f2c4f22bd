"""Which of several plausible patches is right: `python -m benchmarks.repair.choices collect`, then `... fit`.

`collect` repairs the development tasks, goes on for a while after the first patch that passes, and lets the hidden
tests judge every patch found. `fit` reads the judgements and fits the weights of `quantatissu.repair.choose`: those
under which the right patch of a task is likeliest among its plausible ones (a conditional logit). No task that is kept
apart is read.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.repair.environment import test_python
from benchmarks.repair.packages import CACHE
from benchmarks.repair.run import Case, judge_files, load_case
from benchmarks.repair.tasks import FOLDER, Task, load_all
from quantatissu.planning import Node
from quantatissu.repair import FixOptions
from quantatissu.repair.attempt import Attempt
from quantatissu.repair.clock import Clock
from quantatissu.repair.prepare import prepare
from quantatissu.repair.report import Silent
from quantatissu.testing.baseline import run_baseline

SECONDS, GRACE = 60.0, 8.0
MOST_JUDGED = 16
KEPT = CACHE / "choices"


def collect(task: Task) -> dict[str, Any]:
    """The patches that pass what the tool can see of a task, with what choosing knows of each, and their verdicts."""
    case = load_case(task, test_python())
    with tempfile.TemporaryDirectory(prefix="bench-choices-") as scratch, ExitStack() as stack:
        root = case.build_visible(Path(scratch) / task.package)
        options = FixOptions(
            root, test=case.package.command(case.python), max_seconds=SECONDS, grace_seconds=GRACE, workers=1
        )
        clock = Clock(SECONDS)
        prepared = prepare(options, stack)
        baseline = run_baseline(prepared.clean, prepared.warm, seconds=SECONDS / 2)
        attempt = Attempt(options, Silent(), clock, prepared)
        attempt.repair(baseline)
        assert attempt.found is not None
        solutions = attempt.found.solutions
        if len(solutions) > MOST_JUDGED:
            solutions = sorted(solutions, key=lambda node: -attempt.score(node))[:MOST_JUDGED]
        texts = {
            path: attempt.texts.file(path).text for node in solutions for path in attempt.evaluator.state(node).texts
        }
        return {
            "task": task.id,
            "source": task.source,
            "root": str(root),
            "texts": texts,
            "literals": [[kind, repr(value)] for kind, value in sorted(attempt.test_literals, key=repr)],
            "solutions": [described(attempt, node, case) for node in solutions],
        }


def described(attempt: Attempt, node: Node, case: Case) -> dict[str, Any]:
    """One patch as stored: its steps and the verdict of the hidden tests."""
    contents = attempt.evaluator.encoded(attempt.evaluator.state(node))
    return {
        "number": node.number,
        "verdict": judge_files(case, contents),
        "steps": [
            {
                "path": candidate.path,
                "edits": [[edit.start, edit.end, edit.text] for edit in candidate.rewrite.edits],
                "operator": candidate.rewrite.operator,
                "cost": candidate.rewrite.cost,
                "line": candidate.rewrite.line,
                "score": candidate.score,
                "toll": candidate.toll,
                "suspicion": candidate.place.score,
                "place": candidate.place.line,
                "reason": candidate.place.reason,
            }
            for candidate, _, _ in attempt.steps(node)
        ],
    }


def collect_all(tasks: Sequence[Task]) -> None:
    """Collect every task that is not in the cache yet."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for task in tasks:
        kept = KEPT / f"{task.id}.json"
        if kept.exists():
            continue
        try:
            found = collect(task)
        except Exception as error:
            print(f"{task.id:28} {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            continue
        kept.write_text(json.dumps(found), encoding="utf-8")
        verdicts = [solution["verdict"] for solution in found["solutions"]]
        print(f"{task.id:28} {len(verdicts):3} patches, {verdicts.count('correct')} correct", flush=True)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.choices", description=__doc__)
    parser.add_argument("action", choices=("collect",))
    parser.add_argument("--tasks", type=Path, default=FOLDER, help="folder with task manifests")
    parser.add_argument("--share", default="0/1", help="I/N: only every N-th task, from the I-th on")
    chosen = parser.parse_args(arguments)
    tasks = load_all(chosen.tasks, split="dev")
    random.Random(0).shuffle(tasks)
    first, count = map(int, chosen.share.split("/"))
    collect_all(tasks[first::count])


if __name__ == "__main__":
    main(sys.argv[1:])
