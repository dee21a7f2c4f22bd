"""The row ``tissu-lines``: lines of packages that no training saw, exact but for white space at the ends: chosen as
`quanta complete` does, filled in, and continued without what follows.
"""

from __future__ import annotations

import argparse
import ast
import random
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.registry import Outcome, Skip, benchmark
from benchmarks.tissu.infilling import share, written_lines

_LEAST_LINE = 4


@benchmark(
    name="tissu-lines",
    bar="stated",
    describe="exact lines of packages unseen in training, infilled and continued, greedy",
)
def lines(arguments: Sequence[str]) -> Outcome:
    """Lines of code drawn evenly over the packages that training left out by name and by copied lines."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks tissu-lines", description=__doc__)
    parser.add_argument("--sample", type=int, default=120, metavar="N")
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
        written = written_lines(chosen.model, places, way)
        found.append(
            f"{name} {share([one.strip() == line.strip() for one, line in zip(written, wanted, strict=True)])}"
        )
    return Outcome(f"{', '.join(found)} of {len(drawn)}", True)


def _lines(count: int) -> Iterator[tuple[str, str, str]]:
    """Lines of code with what is before and behind, as many from each package, in a seeded order."""
    from benchmarks.repair.packages import PACKAGES, FetchError, fetch, unpack

    rng = random.Random(0)
    packages = [package for package in PACKAGES.values() if package.apart]
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
