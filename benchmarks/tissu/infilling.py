"""The row ``tissu-infill``: the public single-line infilling benchmark (Bavarian et al., 2022), judged by its tests in
the sandbox.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import time
from collections.abc import Sequence
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
    middles = written_lines(chosen.model, [(one["prompt"], one["suffix"]) for one in tasks], chosen.way)
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        passed = list(pool.map(_passes, tasks, middles))
    same = [middle.strip() == one["canonical_solution"].strip() for middle, one in zip(middles, tasks, strict=True)]
    print(f"{share(same)} are the line that was there")
    return Outcome(f"{share(passed)} of {len(tasks)}", True)


def _tasks(folder: Path) -> list[dict[str, Any]]:
    file = next((place / _FILE for place in (folder, Path("../shared") / folder) if (place / _FILE).is_file()), None)
    if file is None:
        raise Skip(f"no {_FILE} in {folder}; --folder says where")
    with gzip.open(file, "rt", encoding="utf-8") as lines_:
        tasks = [json.loads(line) for line in lines_]
    random.Random(0).shuffle(tasks)
    return tasks


def written_lines(model: str, places: Sequence[tuple[str, str | None]], way: str = "chosen") -> list[str]:
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
                prompt = engine.tokenizer.encode(before or "\n").tolist()[-room:]
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


def share(outcomes: Sequence[bool]) -> str:
    from benchmarks.repair.report import wilson

    low, high = wilson(sum(outcomes), len(outcomes))
    return f"{sum(outcomes) / max(1, len(outcomes)):.1%} ({low:.1%} to {high:.1%})"
