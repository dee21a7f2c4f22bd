"""Which of several plausible patches is right: `python -m benchmarks.repair.choices collect`, then `... fit`.

`more` makes further tasks of the development packages, with mutants of another seed. `collect` repairs those, the
development tasks or hand-written programs, goes on for a while after the first patch that passes, and lets the hidden
tests or inputs judge every patch found. `fit` reads the judgements and fits the weights of `quantatissu.repair.choose`:
those under which the right patch of a task is likeliest among its plausible ones (a conditional logit). No task that is
kept apart is read.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.repair import generate
from benchmarks.repair.environment import test_python
from benchmarks.repair.packages import CACHE, PACKAGES, Package
from benchmarks.repair.priors import softmax
from benchmarks.repair.programs import Program, answers_alike, load_programs, test_command
from benchmarks.repair.run import judge_files, load_case
from benchmarks.repair.tasks import FOLDER, Task, load_all, save
from quantatissu.planning import Node
from quantatissu.repair import FixOptions
from quantatissu.repair.attempt import Attempt
from quantatissu.repair.candidates import Candidate
from quantatissu.repair.choose import WEIGHTS, Step, signs
from quantatissu.repair.clock import Clock
from quantatissu.repair.localise import Place
from quantatissu.repair.naturalness import TokenModel
from quantatissu.repair.prepare import prepare
from quantatissu.repair.report import Silent
from quantatissu.rewriting import Edit, Rewrite
from quantatissu.testing.baseline import run_baseline

SECONDS, GRACE = 60.0, 8.0
MOST_JUDGED = 16
STEPS, RATE = 400, 0.05
KEPT = CACHE / "choices"
MORE = CACHE / "choices-tasks"
MORE_PER_PACKAGE = 9


@dataclass(frozen=True, slots=True)
class Subject:
    """Something broken whose patches can be judged: ``build`` puts it into a new folder, ``test`` is its test command,
    ``judge`` tells ``correct`` from the rest by new contents of its files.
    """

    id: str
    source: str
    build: Callable[[Path], Path]
    test: str
    judge: Callable[[Mapping[str, bytes]], str]


def of_task(task: Task) -> Subject:
    case = load_case(task, test_python())
    command = case.package.command(case.python)
    return Subject(task.id, task.source, case.build_visible, command, lambda contents: judge_files(case, contents))


def of_program(program: Program) -> Subject:
    python = test_python()

    def judge(contents: Mapping[str, bytes]) -> str:
        text = contents.get(f"{program.name}.py", b"").decode()
        return "correct" if answers_alike(program, text, python) else "plausible"

    return Subject(f"program-{program.name}", "program", program.build, test_command(python), judge)


def collect(subject: Subject) -> dict[str, Any]:
    """The patches that pass what the tool sees of a subject, with what choosing knows of each, and their verdicts."""
    with tempfile.TemporaryDirectory(prefix="bench-choices-") as scratch, ExitStack() as stack:
        root = subject.build(Path(scratch) / "project")
        options = FixOptions(root, test=subject.test, max_seconds=SECONDS, grace_seconds=GRACE, workers=1)
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
            "task": subject.id,
            "source": subject.source,
            "root": str(root),
            "texts": texts,
            "sources": [source.text for source in attempt.ground.proposer.project.sources] if attempt.ground else [],
            "literals": sorted(repr(literal) for literal in attempt.test_literals),
            "solutions": [described(attempt, node, subject) for node in solutions],
        }


def described(attempt: Attempt, node: Node, subject: Subject) -> dict[str, Any]:
    """One patch as stored: its steps and the verdict of the hidden tests."""
    contents = attempt.evaluator.encoded(attempt.evaluator.state(node))
    return {
        "number": node.number,
        "verdict": subject.judge(contents),
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


def more(package: Package, folder: Path) -> Iterator[Task]:
    """Single mutants of a development package, drawn by a seed of their own; none is one of the kept-apart tasks."""
    apart = {(fault.file, fault.start, fault.after) for task in load_all(split="test") for fault in task.faults}
    generate.SEED, generate.MUTANTS_PER_PACKAGE = "choices", MORE_PER_PACKAGE
    python = test_python()
    release = generate.load_release(package, package.version, python)
    for task in generate.mutant_tasks(release, python) if release else ():
        fault = task.faults[0]
        if task.stage == "test" and (fault.file, fault.start, fault.after) not in apart:
            renamed = replace(task, id=f"more-{task.id}", split="dev")
            save(renamed, folder)
            yield renamed


def collect_all(subjects: Mapping[str, Callable[[], Subject]]) -> None:
    """Collect every subject that is not in the cache yet."""
    KEPT.mkdir(parents=True, exist_ok=True)
    for name, opened in subjects.items():
        kept = KEPT / f"{name}.json"
        if kept.exists():
            continue
        try:
            found = collect(opened())
        except Exception as error:
            print(f"{name:28} {type(error).__name__}: {error}", file=sys.stderr, flush=True)
            continue
        kept.write_text(json.dumps(found), encoding="utf-8")
        verdicts = [solution["verdict"] for solution in found["solutions"]]
        print(f"{name:28} {len(verdicts):3} patches, {verdicts.count('correct')} correct", flush=True)


# -- the fit --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ballot:
    """The plausible patches of one task: the signs of each, and which are correct."""

    task: str
    signs: tuple[dict[str, float], ...]
    right: tuple[bool, ...]


def ballots() -> list[Ballot]:
    """Every collected task that has both correct and merely plausible patches."""
    found = []
    for kept in sorted(KEPT.glob("*.json")):
        data = json.loads(kept.read_text(encoding="utf-8"))
        right = tuple(solution["verdict"] == "correct" for solution in data["solutions"])
        if any(right) and not all(right):
            model = TokenModel(data["sources"])
            learnt = frozenset(ast.literal_eval(text) for text in data["literals"])
            rows = tuple(signs(path_of(data, solution), learnt, model) for solution in data["solutions"])
            found.append(Ballot(data["task"], rows, right))
    return found


def path_of(data: dict[str, Any], solution: dict[str, Any]) -> list[Step]:
    """The steps of a stored patch, as choosing sees them."""
    texts = dict(data["texts"])
    path: list[Step] = []
    for step in solution["steps"]:
        rewrite = Rewrite(step["operator"], tuple(Edit(*edit) for edit in step["edits"]), step["line"], step["cost"])
        place = Place(step["path"], step["place"], step["suspicion"], step["reason"])
        before = texts[step["path"]]
        texts[step["path"]] = rewrite.apply(before)
        candidate = Candidate(step["path"], rewrite, place, step["score"], step["toll"])
        path.append((candidate, before, texts[step["path"]]))
    return path


def fit(seen: Sequence[Ballot], width: float) -> dict[str, float]:
    """Weights by gradient ascent on the mean log-probability of the correct patches, held to the present ones.

    ``width`` is the standard deviation of that Gaussian, as a share of a weight's size (of 0.3 for small ones).
    """
    weights = dict(WEIGHTS)
    for _ in range(STEPS):
        slope = {
            name: (WEIGHTS[name] - weights[name]) / (width * max(0.3, abs(WEIGHTS[name]))) ** 2 for name in weights
        }
        for ballot in seen:
            chances = softmax([value(row, weights) for row in ballot.signs])
            mass = sum(chance for chance, right in zip(chances, ballot.right, strict=True) if right)
            for row, chance, right in zip(ballot.signs, chances, ballot.right, strict=True):
                pull = (chance / mass if right else 0.0) - chance
                for name, amount in row.items():
                    slope[name] += pull * amount
        for name in weights:
            weights[name] += RATE * slope[name] / (1 + len(seen))
    return weights


def value(row: dict[str, float], weights: dict[str, float]) -> float:
    return sum(weights[name] * amount for name, amount in row.items())


def first_is_right(ballot: Ballot, weights: dict[str, float]) -> bool:
    best = max(range(len(ballot.signs)), key=lambda i: value(ballot.signs[i], weights))
    return ballot.right[best]


def report(width: float) -> str:
    """What the fit would change, and what it gains on tasks it has not seen (each left out in turn)."""
    found = ballots()
    before = sum(first_is_right(ballot, dict(WEIGHTS)) for ballot in found)
    unseen = sum(
        first_is_right(ballot, fit([other for other in found if other is not ballot], width)) for ballot in found
    )
    lines = [f"{len(found)} tasks with a choice; the first patch is correct in {before}, left out and fitted {unseen}"]
    fitted = fit(found, width)
    lines += [f"  {name:<16} {WEIGHTS[name]:7.2f} -> {weight:7.2f}" for name, weight in fitted.items()]
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.choices", description=__doc__)
    parser.add_argument("action", choices=("more", "collect", "fit"))
    parser.add_argument("--tasks", type=Path, default=FOLDER, help="folder with task manifests")
    parser.add_argument("--programs", action="store_true", help="collect the hand-written programs instead")
    parser.add_argument("--share", default="0/1", help="I/N: only every N-th task, from the I-th on")
    parser.add_argument("--width", type=float, default=0.3, help="how far weights may go, as a share of their size")
    chosen = parser.parse_args(arguments)
    if chosen.action == "fit":
        print(report(chosen.width))
        return
    first, count = map(int, chosen.share.split("/"))
    if chosen.action == "more":
        for package in [package for package in PACKAGES.values() if not package.apart][first::count]:
            for task in more(package, MORE):
                print(f"{task.id:<34} {task.kind:<11} {task.faults[0].operator}", flush=True)
        return
    subjects: dict[str, Callable[[], Subject]]
    if chosen.programs:
        programs = load_programs(split="dev")
        subjects = {f"program-{program.name}": partial(of_program, program) for program in programs[first::count]}
    else:
        tasks = load_all(chosen.tasks, split="dev")
        random.Random(0).shuffle(tasks)
        subjects = {task.id: partial(of_task, task) for task in tasks[first::count]}
    collect_all(subjects)


if __name__ == "__main__":
    main(sys.argv[1:])
