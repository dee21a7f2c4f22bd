"""The rows ``tissu-infill`` and ``tissu-lines``: what the built-in model writes where something is missing.

The first is the public single-line infilling benchmark (Bavarian et al., 2022), judged by its tests in the sandbox. The
second is lines of packages that no training saw, exact match after white space at the ends: infilled with what follows,
and continued without.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import json
import os
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.registry import Outcome, Skip, benchmark

if TYPE_CHECKING:
    from quantatissu.inference.lines import Line

_NEW_TOKENS = 48
_FILE = "HumanEval-SingleLineInfilling.jsonl.gz"
_AT_ONCE = 16
_LEAST_LINE = 4


@benchmark(
    name="tissu-infill", bar="stated", describe="single-line infilling pass@1 of the built-in model, greedy, by tests"
)
def infill(arguments: Sequence[str]) -> Outcome:
    """The line as `quanta complete` chooses it, or greedily filled in; the first ``--sample`` of a seeded order."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tissu-infill", description=__doc__)
    parser.add_argument("--folder", type=Path, default=Path("data/benchmarks"), help="where the benchmark's file is")
    parser.add_argument("--sample", type=int, default=300, metavar="N", help="of 1,033, in a seeded order")
    parser.add_argument("--model", default="tissu")
    parser.add_argument(
        "--way", choices=("chosen", "filled"), default="chosen", help="as quanta complete does, or greedily"
    )
    chosen = parser.parse_args(arguments)
    tasks = _tasks(chosen.folder)[: chosen.sample]
    middles = _written(chosen.model, [(one["prompt"], one["suffix"]) for one in tasks], chosen.way)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        passed = list(pool.map(_passes, tasks, middles))
    same = [middle.strip() == one["canonical_solution"].strip() for middle, one in zip(middles, tasks, strict=True)]
    print(f"{_share(same)} are the line that was there")
    return Outcome(f"{_share(passed)} of {len(tasks)}", True)


@benchmark(
    name="tissu-lines",
    bar="stated",
    describe="exact lines of packages unseen in training, infilled and continued, greedy",
)
def lines(arguments: Sequence[str]) -> Outcome:
    """Lines of code drawn evenly over the packages that training left out by name and by copied lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tissu-lines", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, metavar="N")
    parser.add_argument("--model", default="tissu")
    chosen = parser.parse_args(arguments)
    drawn = list(_lines(chosen.sample))
    wanted = [line for _, line, _ in drawn]
    found = []
    between = [(before, after) for before, _, after in drawn]
    for name, places, way in (
        ("chosen", between, "chosen"),
        ("filled in", between, "filled"),
        ("continued", [(before, None) for before, _, _ in drawn], ""),
    ):
        written = _written(chosen.model, places, way)
        found.append(
            f"{name} {_share([one.strip() == line.strip() for one, line in zip(written, wanted, strict=True)])}"
        )
    return Outcome(f"{', '.join(found)} of {len(drawn)}", True)


def _tasks(folder: Path) -> list[dict[str, Any]]:
    file = next((place / _FILE for place in (folder, Path("../shared") / folder) if (place / _FILE).is_file()), None)
    if file is None:
        raise Skip(f"no {_FILE} in {folder}; --folder says where")
    with gzip.open(file, "rt", encoding="utf-8") as lines_:
        tasks = [json.loads(line) for line in lines_]
    random.Random(0).shuffle(tasks)
    return tasks


def _written(model: str, places: Sequence[tuple[str, str | None]], way: str = "chosen") -> list[str]:
    """The line that is written at each place: chosen as `quanta complete` does, or ``filled`` in greedily; continued
    greedily where no text is behind.
    """
    from quantatissu.inference import Request, Sampling, open_engine
    from quantatissu.inference.infill import infill_request
    from quantatissu.inference.lines import infill_lines

    sampling = Sampling(temperature=0.0, max_tokens=_NEW_TOKENS)
    began = time.monotonic()
    with open_engine(model) as engine:
        room = engine.context - _NEW_TOKENS

        def write(place: tuple[str, str | None]) -> str:
            before, after = place
            if after is None:
                prompt = engine.tokenizer.encode(before).tolist()[-room:]
                return engine.generate(Request(tuple(prompt), sampling))[0].text.split("\n", 1)[0] + "\n"
            if way == "chosen":
                return _first(infill_lines(engine, before, "\n" + after, max_tokens=_NEW_TOKENS))
            text = engine.generate(infill_request(engine, before, after, sampling))[0].text
            # A line may begin with its own line end where the text before lacks one.
            return text.removeprefix("\n").split("\n", 1)[0] + "\n"

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            written = list(pool.map(write, places))
    print(f"{len(places)} lines in {time.monotonic() - began:.0f} s", flush=True)
    return written


def _first(found: Sequence[Line]) -> str:
    return found[0].text + "\n" if found else "\n"


def _passes(task: dict[str, Any], middle: str) -> bool:
    from quantatissu.training.rollouts.prompts import Prompt
    from quantatissu.training.rollouts.sandboxed import tests_in_sandbox

    record = {"tests": f"{task['test']}\ncheck({task['entry_point']})\n", "setup": task["prompt"]}
    return tests_in_sandbox(Prompt("", record, task["task_id"], np.empty(0, np.int64)), middle + task["suffix"]) == 1.0


def _lines(count: int) -> Iterator[tuple[str, str, str]]:
    """Lines of code with what is before and behind, as many from each package, in a seeded order."""
    from benchmarks.repair.packages import PACKAGES, FetchError, fetch, unpack

    rng = random.Random(0)
    packages = [package for package in PACKAGES.values() if package.apart]
    import tempfile

    for number, package in enumerate(packages):
        share = count // len(packages) + (number < count % len(packages))
        places: list[tuple[str, int]] = []
        with tempfile.TemporaryDirectory() as holding:
            try:
                root = unpack(fetch(package.name, package.version), Path(holding) / package.name)
            except FetchError as error:
                raise Skip(str(error)) from error
            for name in package.sources(root):
                text = (root / name).read_text(encoding="utf-8")
                places += [(text, line) for line in _code_lines(text)]
        for text, line in rng.sample(places, min(share, len(places))):
            split = text.splitlines(keepends=True)
            yield "".join(split[: line - 1]), split[line - 1], "".join(split[line:])


def _code_lines(text: str) -> list[int]:
    """The lines, from 1, that a statement begins on: neither blank, comment nor docstring."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return []
    split = text.splitlines()
    found = set()
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.stmt)
            and not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
            and len(split[node.lineno - 1].strip()) >= _LEAST_LINE
        ):
            found.add(node.lineno)
    return sorted(found)


def _share(outcomes: Sequence[bool]) -> str:
    from benchmarks.repair.report import wilson

    low, high = wilson(sum(outcomes), len(outcomes))
    return f"{sum(outcomes) / max(1, len(outcomes)):.1%} ({low:.1%} to {high:.1%})"
