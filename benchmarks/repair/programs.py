"""The row ``program-repairs``: small programs written by hand, each with one bug as people make them.

Unlike the tasks from packages these hold no mutants: the bugs were written without a look at the tool's operators. A
program is one file and has a handful of tests, which the tool sees; whether its patch is right is judged by comparing
the repaired program with the right one on some fifty inputs that it does not see.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.repair.bench import read_results
from benchmarks.repair.report import interval, wilson

FOLDER = Path(__file__).parent / "tasks" / "programs"
_BAR, _BAR_SECONDS = 0.75, 10.0
_SAMPLE_SECONDS = 570.0
_JUDGE_SECONDS = 20.0
_ANSWER_SECONDS = 5.0  # for all inputs of a program; the right one takes a fraction of a second
_JUDGE = Path(__file__).with_name("outcomes.py")


@dataclass(frozen=True, slots=True)
class Program:
    """``right`` is the whole file and ``tests`` the test file; ``inputs`` is the source of a module with a list
    ``INPUTS`` of argument tuples for the function named in ``FUNCTION``. ``faults`` are the lines that the bug changes:
    ``before`` at ``line`` (from 1) becomes ``after``. ``kind`` says what sort of bug it is, ``family`` what the program
    is about.
    """

    name: str
    family: str
    kind: str
    right: str
    tests: str
    inputs: str
    faults: Sequence[Mapping[str, Any]]

    @property
    def wrong(self) -> str:
        """The program with its bug. Raises ValueError when the right lines are not where they should be."""
        lines = self.right.splitlines(keepends=True)
        for fault in reversed(self.faults):
            before, start = fault["before"].splitlines(keepends=True), fault["line"] - 1
            if lines[start : start + len(before)] != before:
                raise ValueError(f"{self.name}.py:{fault['line']} is not what its fault changes")
            lines[start : start + len(before)] = fault["after"].splitlines(keepends=True)
        return "".join(lines)

    @property
    def split(self) -> str:
        """``dev`` may be looked at, ``test`` is kept from tuning; about half and half."""
        return "dev" if hashlib.sha256(self.name.encode()).digest()[0] % 2 else "test"

    def build(self, target: Path) -> Path:
        """The program with its bug and its tests, as a project in the new folder `target`."""
        target.mkdir(parents=True)
        (target / f"{self.name}.py").write_text(self.wrong, encoding="utf-8")
        (target / f"test_{self.name}.py").write_text(self.tests, encoding="utf-8")
        return target


def load_programs(folder: Path = FOLDER, *, split: str | None = None, names: Sequence[str] = ()) -> list[Program]:
    """The programs of a split (of both, without one) or just those named, in a fixed shuffled order.

    Raises ValueError for a name that nobody has.
    """
    programs = []
    for path in folder.glob("*.toml"):
        with path.open("rb") as file:
            programs.append(Program(name=path.stem, **tomllib.load(file)))
    if unknown := set(names) - {program.name for program in programs}:
        raise ValueError(f"no such program: {', '.join(sorted(unknown))}")
    programs.sort(key=lambda program: hashlib.sha256(f"order {program.name}".encode()).digest())
    if names:
        return [program for program in programs if program.name in names]
    return [program for program in programs if split in (None, program.split)]


@benchmark(
    name="program-repairs",
    bar="75% correct, median 10 s",
    describe="hand-written bugs in small programs repaired, by inputs it never saw, 60 s each",
)
def program_repairs(arguments: Sequence[str]) -> Outcome:
    """Programs in their fixed order until the time is up."""
    chosen = _options(arguments)
    records = _all(chosen)
    if not records:
        raise Skip("no program was tried")
    print(_report(records))
    right = sum(record["verdict"] == "correct" for record in records)
    low, high = wilson(right, len(records))
    seconds = statistics.median(record["seconds"] for record in records)
    return Outcome(
        f"{right / len(records):.1%} [{100 * low:.1f}, {100 * high:.1f}] of {len(records)} programs, "
        f"median {seconds:.1f} s",
        right >= _BAR * len(records)
        and seconds <= _BAR_SECONDS
        and not any(record["false_claim"] for record in records),
    )


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks program-repairs", description=__doc__)
    parser.add_argument("--split", choices=("dev", "test", "both"), default="test", help="test is kept from tuning")
    parser.add_argument("--program", action="append", default=[], metavar="NAME", help="just this one (repeatable)")
    parser.add_argument("--model", default="tissu", help="the model that `fix` is told to use")
    parser.add_argument("--seconds", type=float, default=60.0, help="limit of the tool for one program")
    parser.add_argument("--all", action="store_true", help="every program, however long it takes")
    parser.add_argument("--jobs", type=int, default=1, help="programs at a time (the tool itself uses every core)")
    parser.add_argument("--quanta", metavar="CMD", help="the tool to measure, if not this checkout's quanta")
    parser.add_argument("--results", type=Path, help="write here; programs already in it are not run again")
    return parser.parse_args(arguments)


def _all(chosen: argparse.Namespace) -> list[dict[str, Any]]:
    """A record for each program."""
    from benchmarks.repair.environment import test_python
    from benchmarks.samples import tool

    command, python = tool(chosen.quanta), test_python()
    programs = load_programs(split=None if chosen.split == "both" else chosen.split, names=chosen.program)
    bounded = not (chosen.all or chosen.program)
    deadline = time.monotonic() + _SAMPLE_SECONDS - chosen.seconds - _JUDGE_SECONDS
    results: Path | None = chosen.results
    names = {program.name for program in programs}
    records = [record for record in read_results(results) if record["program"] in names] if results else []
    known = {record["program"] for record in records}

    def run(program: Program) -> dict[str, Any] | None:
        if bounded and time.monotonic() > deadline:
            return None
        return asdict(repaired(program, command, python, model=chosen.model, seconds=chosen.seconds))

    with ThreadPoolExecutor(chosen.jobs) as pool:
        for record in pool.map(run, [program for program in programs if program.name not in known]):
            if record is None:
                continue
            records.append(record)
            print(
                f"{len(records):>4}/{len(programs)} {record['program']:<32} {record['kind']:<18} "
                f"{record['verdict']:<10} {record['seconds']:6.1f} s {record['tried']:>6} tried",
                flush=True,
            )
            if results is not None:
                with results.open("a", encoding="utf-8") as out:
                    out.write(json.dumps(record) + "\n")
    return records


def test_command(python: Path) -> str:
    """How the tests of a program are run."""
    return f"{shlex.quote(str(python))} -m pytest -q"


@dataclass(frozen=True, slots=True)
class Record:
    """One program's outcome, as stored.

    ``verdict``: ``correct`` (answers as the right program does on all inputs, and passes its tests), ``plausible``
    (only passes the tests), ``none`` (no patch). ``rank`` is the place of the first correct patch among the one
    offered and its alternatives. ``false_claim``: said to be fixed while a test fails, or a test was changed.
    """

    program: str
    family: str
    kind: str
    split: str
    status: str
    verdict: str
    rank: int | None
    false_claim: bool
    seconds: float
    tried: int
    found_at: int | None
    operators: tuple[str, ...]
    patch: str
    message: str


def repaired(program: Program, tool: Sequence[str], python: Path, *, model: str, seconds: float) -> Record:
    """One run of the tool on a program, judged."""
    from benchmarks.repair.run import place_of_right, tried

    name = f"{program.name}.py"

    def build(scratch: Path) -> Path:
        return program.build(scratch / program.name)

    def is_right(root: Path) -> bool:
        return answers_alike(program, (root / name).read_text(encoding="utf-8"), python)

    with tempfile.TemporaryDirectory(prefix="bench-program-") as scratch:
        copy = build(Path(scratch))
        answer, written = tried(tool, copy, test_command(python), seconds=seconds, options=["--model", model])
        passes = _passes(copy, python)
    new = written.get(name)
    right = new is not None and answers_alike(program, new.decode(), python)
    verdict = "none" if not written else "correct" if right and passes else "plausible" if passes else "wrong"
    data = answer.data
    return Record(
        program=program.name,
        family=program.family,
        kind=program.kind,
        split=program.split,
        status=answer.status,
        verdict=verdict,
        rank=1 if verdict == "correct" else place_of_right(data.get("alternatives") or (), build, is_right),
        false_claim=(answer.status == "fixed" and not passes) or bool(written.keys() - {name}),
        seconds=round(answer.seconds, 2),
        tried=int(data.get("candidates_tried") or 0),
        found_at=data.get("found_at"),
        operators=tuple(data.get("operators") or ()),
        patch=str(data.get("patch") or ""),
        message=answer.trouble or str(data.get("message") or ""),
    )


def _passes(folder: Path, python: Path) -> bool:
    """Whether all tests of a program pass in a fresh process."""
    command = [str(python), "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, timeout=_JUDGE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def answers_alike(program: Program, text: str, python: Path = Path(sys.executable)) -> bool:
    """Whether a version of a program does on all inputs what the right one does: returns or raises the same, and
    leaves its arguments the same.
    """
    wanted = _outcomes(program.name, program.inputs, program.right, python)
    if wanted is None:
        raise ValueError(f"the right version of {program.name} does not run on its inputs")
    return _outcomes(program.name, program.inputs, text, python) == wanted


@lru_cache(maxsize=64)  # the right version is asked about again for every patch
def _outcomes(name: str, inputs: str, text: str, python: Path) -> str | None:
    """What `outcomes.py` says of a version of a program; None when it does not come to its end."""
    with tempfile.TemporaryDirectory(prefix="bench-program-") as scratch:
        (Path(scratch) / f"{name}.py").write_text(text, encoding="utf-8")
        (Path(scratch) / "inputs.py").write_text(inputs, encoding="utf-8")
        command = [str(python), "-B", str(_JUDGE), name]
        try:
            done = subprocess.run(
                command, cwd=scratch, capture_output=True, text=True, timeout=_ANSWER_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return None
    return done.stdout if done.returncode == 0 else None


def _report(records: Sequence[dict[str, Any]]) -> str:
    """Shares by kind of bug and family of program, and where right patches stood."""
    lines = []
    for key in ("split", "family", "kind"):
        lines.append("")
        for value in sorted({record[key] for record in records}):
            held = [record for record in records if record[key] == value]
            lines.append(f"{value:<18} {interval(sum(r['verdict'] == 'correct' for r in held), len(held))} correct")
    plausible = sum(record["verdict"] in ("correct", "plausible") for record in records)
    ranks = Counter(record["rank"] for record in records if record["verdict"] == "plausible")
    lines += [
        "",
        f"pass their tests   {interval(plausible, len(records))}",
        f"right patch second or later {sum(n for rank, n in ranks.items() if rank)}, not among those offered "
        f"{ranks[None]}, no patch {len(records) - plausible}",
        f"false claims {sum(record['false_claim'] for record in records)}",
    ]
    return "\n".join(lines)
