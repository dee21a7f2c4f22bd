"""Where the right edit stands in the order of candidates: `python -m benchmarks.repair.ranks --split dev`.

No candidate is run. Localization runs once a task and is kept below the cache, so that a change to priors, costs or
operators is judged in seconds: for each task the place of the faulty statement, and the rank of the edit that gives
back the original text (``-`` when no operator proposes it). ``--model tissu``: with the model's advice from the start.
"""

from __future__ import annotations

import argparse
import itertools
import pickle
import statistics
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.repair.environment import test_python
from benchmarks.repair.packages import CACHE
from benchmarks.repair.run import load_case
from benchmarks.repair.tasks import Task, load_all
from quantatissu.inference import open_engine
from quantatissu.planning import Node
from quantatissu.repair import FixOptions
from quantatissu.repair import candidates as candidates_module
from quantatissu.repair.coverage import Tracing
from quantatissu.repair.groundwork import make_project
from quantatissu.repair.learned.adviser import Adviser
from quantatissu.repair.learned.advising import FUNCTIONS, STATEMENTS
from quantatissu.repair.learned.faults import FaultModel
from quantatissu.repair.localise import Coverage, Place, everywhere, localise
from quantatissu.repair.prepare import prepare
from quantatissu.repair.propose import EditProposer, Situation
from quantatissu.repair.texts import Texts
from quantatissu.testing.baseline import run_baseline
from quantatissu.testing.records import TestResult

MOST = 30_000


def localise_task(task: Task, folder: Path) -> dict[str, Any]:
    """Build the task in `folder` and localise its fault, or read what an earlier call found."""
    kept = folder / "localised.pickle"
    root = folder / task.package
    if kept.exists():
        with kept.open("rb") as handle:
            return pickle.load(handle)
    case = load_case(task, test_python())
    case.build_visible(root)
    options = FixOptions(root, test=case.package.command(case.python), max_seconds=60)
    with ExitStack() as stack:
        prepared = prepare(options, stack)
        baseline = run_baseline(prepared.clean, prepared.warm, seconds=60)
        coverage = Tracing(baseline, 6.0).run(prepared.warm)
        editable = [path for path in coverage.imports if prepared.editable(path)]
    found = {"failing": baseline.failing, "coverage": coverage, "editable": editable}
    with kept.open("wb") as handle:
        pickle.dump(found, handle)
    return found


@dataclass(frozen=True, slots=True)
class Located:
    """A task with its suspicious places; ``lines`` are where the statements begin that are at fault in ``path``, and
    ``right`` is that file's text without the fault.
    """

    failing: Sequence[TestResult]
    places: Sequence[Place]
    texts: Texts
    editable: frozenset[str]
    path: str
    lines: frozenset[int]
    right: str


def locate(task: Task, folder: Path) -> Located:
    """Localise the fault of a task, as `quanta fix` does."""
    folder.mkdir(parents=True, exist_ok=True)
    found = localise_task(task, folder)
    root = folder / task.package
    texts = Texts(str(root))
    editable = frozenset(found["editable"])
    coverage: Coverage = found["coverage"]
    places = localise(found["failing"], coverage, texts.source, editable.__contains__, texts.text)
    fault = task.faults[0]
    path = str(root / fault.file)
    text = texts.file(path).text
    line = text.count("\n", 0, fault.start) + 1
    source = texts.source(path)
    return Located(
        found["failing"],
        places or everywhere(sorted(editable), texts.source),
        texts,
        editable,
        path,
        frozenset({statement.lineno for statement in source.statements_on(line)} if source else {line}),
        text[: fault.start] + fault.before + text[fault.start + len(fault.after) :],
    )


def rank(task: Task, folder: Path, model: FaultModel | None, most: int = MOST) -> dict[str, Any]:
    """Ranks of the faulty line and of the right edit, 1 first; None when they are not among the first `most`."""
    began = time.perf_counter()
    found = locate(task, folder)
    texts, places, fault = found.texts, found.places, task.faults[0]
    project = make_project(places, found.editable, texts)
    situation = Situation(found.failing, places)
    proposer = EditProposer(texts, project, lambda node: situation, found.editable.__contains__)
    if model is not None:
        adviser = Adviser(model, texts.source)
        adviser.look(places, functions=FUNCTIONS, statements=STATEMENTS, seconds=60.0)
        proposer.advise(Node(), situation, adviser, 1)
    text = texts.file(found.path).text
    place = next((i for i, p in enumerate(places, 1) if p.path == found.path and p.line in found.lines), None)
    answer: dict[str, Any] = {"task": task.id, "kind": task.kind, "place": place, "rank": None, "operator": None}
    seen = 0
    for thought in stream(proposer, most):
        seen += 1
        candidate = thought.action
        if candidate.path == found.path and same(candidate.rewrite.apply(text), found.right):
            answer.update(rank=seen, operator=candidate.rewrite.operator, score=round(candidate.score, 2))
            break
    answer.update(
        seen=seen, seconds=round(time.perf_counter() - began, 2), of=len(places), edit=(fault.after, fault.before)
    )
    return answer


def same(one: str, other: str) -> bool:
    """Whether two texts differ in blanks, line ends and trailing commas at most."""
    return one == other or bare(one) == bare(other)


def bare(text: str) -> str:
    return "".join(text.split()).replace(",)", ")")


def stream(proposer: EditProposer, most: int = MOST):
    node = Node()
    batches = iter(lambda: proposer.propose(node, 64), [])
    return itertools.islice(itertools.chain.from_iterable(batches), most)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.ranks", description=__doc__)
    parser.add_argument("--split", choices=("dev", "test"), default="dev")
    parser.add_argument("--task", action="append", default=[])
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="of repair.candidates")
    parser.add_argument("--model", default="none", help="also with this model's advice; the ranks are then the advised")
    chosen = parser.parse_args(arguments)
    model = None if chosen.model == "none" else FaultModel(open_engine(chosen.model))
    for name, _, value in (setting.partition("=") for setting in chosen.set):
        setattr(candidates_module, name, float(value))
    tasks = load_all(ids=chosen.task) if chosen.task else load_all(split=chosen.split)
    ranks = []
    for task in tasks:
        folder = CACHE / "ranks" / task.id
        try:
            found = rank(task, folder, model)
        except Exception as error:
            print(f"{task.id:28} {type(error).__name__}: {error}")
            continue
        ranks.append(found["rank"])
        print(
            f"{found['task']:28} {found['kind']:12} place {found['place'] or '-':>4} of {found['of']:<5}"
            f" rank {found['rank'] or '-':>6} of {found['seen']:<5} {found['seconds']:6.2f} s"
            f"  {found['operator'] or ''}"
            f"  {found['edit'][0][:36]!r} -> {found['edit'][1][:36]!r}",
            flush=True,
        )
    good = sorted(r for r in ranks if r)
    if good:
        print(f"proposed {len(good)} of {len(ranks)}; median rank {statistics.median(good):.0f}")


if __name__ == "__main__":
    main(sys.argv[1:])
