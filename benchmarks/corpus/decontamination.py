"""The row ``corpus-decontamination``: benchmark solutions planted in real files, and clean functions that must stay.

400 solutions are drawn from a benchmark folder and put between the top-level statements of real files: 100 as they are,
100 renamed, 100 reformatted, 100 without remarks. One counts as removed when none of its functions is in what the stage
keeps. Another 100 with all three disguises at once are reported beside the bar.

Clean functions are those of the standard library and the installed packages. Every one that the stage takes out counts
against it here; the program lists them, since some are true copies of a solution (`gcd` is `gcd`).
"""

from __future__ import annotations

import argparse
import ast
import random
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, Skip, benchmark

if TYPE_CHECKING:
    from quantatissu.corpus.decontaminate import Index
    from quantatissu.corpus.decontaminate.problems import Problem
    from quantatissu.corpus.document import Document, Stage

PLANTS = 100  # of each kind
LEAST_DISGUISED = 0.95
MOST_WRONG = 0.001


@dataclass(frozen=True, slots=True)
class Plant:
    """A solution in a carrier."""

    kind: str
    problem: str
    source: str
    document: Document


@benchmark(
    name="corpus-decontamination",
    bar="100% / 95% / 0.1%",
    describe="planted benchmark problems removed (verbatim / disguised); clean functions removed",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Plant, run the stage, look for the plants in what is kept; then run it on clean files and count."""
    from benchmarks.corpus.files import python_files
    from quantatissu.corpus.decontaminate import build_index, decontaminate_stage
    from quantatissu.corpus.decontaminate.problems import read_problems

    options = argparse.ArgumentParser(prog="python -m benchmarks corpus-decontamination", description=__doc__)
    options.add_argument("--folder", type=Path, required=False, help="the benchmark files (default: data/benchmarks)")
    options.add_argument("--functions", type=int, default=25_000, help="clean functions, at least")
    options.add_argument("--seed", type=int, default=3)
    options.add_argument("--all", action="store_true", help="no time limit")
    chosen = options.parse_args(arguments)
    folder = chosen.folder or Path("data/benchmarks")
    if not folder.is_dir():
        raise Skip(f"no benchmark folder {folder}: give --folder")
    warnings.simplefilter("ignore")
    started = time.perf_counter()
    index = build_index(folder)
    print(f"index of {len(index.names)} problems in {time.perf_counter() - started:.1f} s")
    stage = decontaminate_stage(index)
    draw = random.Random(chosen.seed)
    files = python_files()
    draw.shuffle(files)
    shares = planted(list(read_problems(folder)), files, stage, draw)
    wrong = clean(files, stage, index, chosen.functions)
    disguised = (shares["renamed"] + shares["reformatted"] + shares["stripped"]) / 3
    value = f"{shares['verbatim']:.0%} / {disguised:.1%} / {wrong:.3%}"
    passed = shares["verbatim"] == 1 and disguised >= LEAST_DISGUISED and wrong < MOST_WRONG
    return Outcome(value, passed)


def planted(problems: list[Problem], files: list[Path], stage: Stage, draw: random.Random) -> dict[str, float]:
    """The share of plants of each kind that the stage removes."""
    from benchmarks.corpus import disguise
    from quantatissu.corpus.document import Drop

    kinds = (disguise.verbatim, disguise.renamed, disguise.reformatted, disguise.stripped, disguise.all_at_once)
    shares: dict[str, float] = {}
    solutions = _solutions(problems)
    for kind in kinds:
        removed, left = 0, []
        for plant in _plants(kind, draw.sample(solutions, PLANTS), files, draw):
            result = stage(plant.document)
            gone = isinstance(result, Drop) or not _holds(result.text, plant.source)
            removed += gone
            left += [] if gone else [plant.problem]
        shares[kind.__name__] = removed / PLANTS
        print(f"{kind.__name__:<12} removed {removed} of {PLANTS}{'; left: ' if left else ''}{', '.join(left)}")
    return shares


def clean(files: list[Path], stage: Stage, index: Index, least: int) -> float:
    """The share of functions that the stage takes out of clean files. Prints its speed as well."""
    from quantatissu.corpus.document import Drop

    functions = taken = size = 0
    seconds = 0.0
    for first in range(0, len(files), 100):
        documents = [document for path in files[first : first + 100] if (document := _document(path))]
        started = time.process_time()
        results = [stage(document) for document in documents]
        seconds += time.process_time() - started
        for document, result in zip(documents, results, strict=True):
            size += document.size
            before = len(_functions(document.text))
            functions += before
            if result is document:
                continue
            if isinstance(result, Drop):
                taken += before
                print(f"dropped {_short(document)} ({before} functions): {result.reason} {result.detail}")
            else:
                taken += before - len(_functions(result.text))
                _show_cut(document, index)
        if functions >= least:
            break
    print(f"took out {taken} of {functions} functions; {size / 1e6 / seconds:.1f} MB/s over {size / 1e6:.0f} MB")
    return taken / functions


def _short(document: Document) -> str:
    return "/".join(Path(document.origin.path).parts[-3:])


def _show_cut(document: Document, index: Index) -> None:
    from quantatissu.corpus.decontaminate import DecontaminateSettings, find_matches

    data = document.text.encode()
    for match in find_matches(document.text, "python", index, DecontaminateSettings()):
        source = (
            match.extent.source if match.extent else data[match.at[0] : match.at[-1] + 40].decode("utf-8", "replace")
        )
        print(f"cut {_short(document)}: {match.reason} {match.problem}: {' '.join(source.split())[:140]}")


def _solutions(problems: list[Problem]) -> list[tuple[str, str]]:
    """Name and source of every distinct solution that is Python with a function, infilling sets aside."""
    found: dict[str, str] = {}
    for problem in problems:
        for code in problem.code:
            source = code.replace("\r\n", "\n").expandtabs(4).strip("\n") + "\n"
            if not problem.name.startswith("SingleLine") and _functions(source):
                found.setdefault(source, problem.name)
    return [(name, source) for source, name in found.items()]


def _plants(kind: object, solutions: list[tuple[str, str]], files: list[Path], draw: random.Random) -> Iterator[Plant]:
    assert callable(kind)
    carriers = (document for path in files if (document := _document(path)) and len(_functions(document.text)) > 3)
    for (name, original), carrier in zip(solutions, carriers, strict=False):
        source = kind(original, draw)
        lines = carrier.text.splitlines(keepends=True)
        stops = [node.end_lineno or 0 for node in ast.parse(carrier.text).body]
        at = draw.choice(stops)
        text = "".join([*lines[:at], "\n\n", source, "\n\n", *lines[at:]])
        yield Plant(kind.__name__, name, source, carrier.with_(text=text))  # type: ignore[attr-defined]


def _holds(text: str, source: str) -> bool:
    """Whether a function of `source` is in `text`, layout aside."""
    kept = {ast.dump(function) for function in _functions(text)}
    return any(ast.dump(function) in kept for function in _functions(source))


def _functions(text: str) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return []
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def _document(path: Path) -> Document | None:
    from quantatissu.corpus.document import Document, Origin

    try:
        text = path.read_text("utf-8")
        ast.parse(text)
    except (OSError, ValueError, SyntaxError, RecursionError):
        return None
    return Document(path.as_posix(), Origin("files", "files", "", path.as_posix()), text, len(text.encode()), "python")
