"""The row ``lint-fixes``: findings without a safe fix of ruff's own that `quanta fix --lint` fixes, on ten packages.

The packages are not the ones that the fixers were written on. Ruff and the packages' own tests are asked again from
outside, on the tree as patched: every finding that is left counts against us, and so does a package whose tests differ.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

BAR = 0.60
RULES = "E,F,W,B,C4,PERF,RET,RUF,SIM,UP,PIE,PLE,PLW,A,G,T10"


@dataclass(frozen=True, slots=True)
class Release:
    """A release whose source archive carries tests that pass with plain pytest; ``tests`` are pytest's arguments."""

    name: str
    version: str
    tests: str = "tests"
    path: str = "."


APART = (
    Release("parsimonious", "0.11.0", "parsimonious/tests"),
    Release("tinydb", "4.9.0", "-o addopts= tests"),
    Release("webcolors", "25.10.0", "tests", "src"),
    Release("rfc3986", "2.0.0", "tests", "src"),
    Release("schema", "0.7.8", "test_schema.py"),
    Release("wcwidth", "0.2.13", "-o addopts= tests"),
    Release("sqlparse", "0.5.3"),
    Release("idna", "3.10"),
    Release("mistune", "3.1.3", path="src"),
    Release("pathspec", "0.12.1"),
)
SEEN = (
    Release("cachetools", "8.0.1", path="src"),
    Release("tabulate", "0.9.0", "test"),
    Release("pyrsistent", "0.20.0", "tests --ignore=tests/hypothesis_vector_test.py"),
    Release("parse", "1.22.4", "-o addopts= tests"),
    Release("semver", "3.1.1", "-o addopts= tests", "src"),
    Release("xmltodict", "0.13.0"),
    Release("jsonpointer", "3.12", "tests.py"),
    Release("voluptuous", "0.16.0", "voluptuous/tests"),
    Release("isodate", "0.7.2", path="src"),
    Release("inflection", "0.5.1", "test_inflection.py"),
)


@dataclass(frozen=True, slots=True)
class Result:
    """``hard`` findings had no safe fix of ruff's; ``left`` are all findings of the patched tree."""

    name: str
    hard: Counter[str]
    easy: int
    left: Counter[str]
    same_tests: bool
    seconds: float

    @property
    def fixed(self) -> int:
        """Every finding that is left is taken for one of the hard ones."""
        return max(0, sum(self.hard.values()) - sum(self.left.values()))


@benchmark(
    name="lint-fixes", bar="60%", describe="lint findings ruff cannot fix safely, fixed and verified, unseen code"
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Fix each package's copy with ``--apply`` and look at it from outside."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks lint-fixes", description=__doc__)
    parser.add_argument("--seen", action="store_true", help="the packages that the fixers were written on")
    parser.add_argument("--package", action="append", default=[], metavar="NAME", help="just this one (repeatable)")
    parser.add_argument("--seconds", type=float, default=50.0, help="limit of the tool for one package")
    parser.add_argument("--select", default=RULES, help="the rules")
    parser.add_argument("--left", action="store_true", help="list what is left")
    chosen = parser.parse_args(arguments)
    releases = SEEN if chosen.seen else APART
    if chosen.package:
        releases = tuple(one for one in (*APART, *SEEN) if one.name in chosen.package)
    results = []
    for release in releases:
        result = _one(release, chosen.select, chosen.seconds, listed=chosen.left)
        total = sum(result.hard.values())
        print(
            f"{release.name:<14} {result.fixed:4d} of {total:4d} hard ones, {result.easy:4d} easy ones beside, "
            f"{result.seconds:5.1f} s, tests {'as before' if result.same_tests else 'DIFFER'}",
            flush=True,
        )
        results.append(result)
    hard = sum((result.hard for result in results), Counter[str]())
    left = sum((result.left for result in results), Counter[str]())
    fixed, total = sum(result.fixed for result in results), hard.total()
    print("most left:", ", ".join(f"{code} {count} of {hard[code]}" for code, count in left.most_common(16)))
    # The mean of the packages, since one that is indented with tabs has more findings than the others together.
    shares = [result.fixed / result.hard.total() for result in results if result.hard]
    share = sum(shares) / len(shares) if shares else 0.0
    right = all(result.same_tests for result in results)
    told = f"{share:.0%} ({fixed} of {total} in all)"
    return Outcome(told if right else f"{told}, tests differ", share >= BAR and right)


def _one(release: Release, select: str, seconds: float, *, listed: bool) -> Result:
    from benchmarks.repair.environment import test_python
    from benchmarks.repair.packages import FetchError, fetch, unpack

    try:
        archive = fetch(release.name, release.version)
    except FetchError as error:
        raise Skip(str(error)) from error
    holding = Path(tempfile.mkdtemp(prefix="lint-fixes-"))
    try:
        project = unpack(archive, holding / release.name)
        command = f"{test_python()} -m pytest -p no:cacheprovider {release.tests}"
        if release.path != ".":
            command = f"PYTHONPATH={release.path} {command}"
        findings = _ruff(project, select)
        hard = Counter(one["code"] for one in findings if not _is_safe(one))
        before = _tests(project, command)
        asked = [sys.executable, "-m", "quantatissu", "fix", str(project), "--lint", "--select", select, "--apply"]
        asked += ["--json", "--test", command, "--max-seconds", str(seconds)]
        done = subprocess.run(asked, capture_output=True, text=True, check=False)
        answer: dict[str, Any] = json.loads(done.stdout)
        if answer["status"] == "error":
            print(f"{release.name}: {answer['message']}", file=sys.stderr)
        if listed and answer["lint"]:
            for one in answer["lint"]["left"]:
                print(f"  {one['path']}:{one['line']}: {one['code']} {one['message']} -- {one['reason']}")
        left = Counter(one["code"] for one in _ruff(project, select))
        same = _tests(project, command) == before
        return Result(release.name, hard, len(findings) - hard.total(), left, same, answer["seconds"]["total"])
    finally:
        shutil.rmtree(holding, ignore_errors=True)


def _ruff(project: Path, select: str) -> list[dict[str, Any]]:
    from quantatissu.repair.lint.ruff import find_ruff

    command = [find_ruff(), "check", "--no-cache", "--exit-zero", "--output-format", "json", "--select", select, "."]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=True)
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return [one for one in found if one["code"] is not None and one["filename"].endswith((".py", ".pyi"))]


def _is_safe(finding: dict[str, Any]) -> bool:
    return bool(finding["fix"]) and finding["fix"]["applicability"] == "safe"


def _tests(project: Path, command: str) -> list[str]:
    """What pytest says of each test."""
    environment = {**os.environ, "PYTHONHASHSEED": "0"}
    asked = ["sh", "-c", f"{command} -q -rA --no-header"]
    done = subprocess.run(asked, cwd=project, capture_output=True, text=True, check=False, env=environment)
    told = (line.split(" - ")[0] for line in done.stdout.splitlines() if line.startswith(("PASSED", "FAILED")))
    # By function: parameters that come from a set have other numbers in every process.
    return sorted(line.split("[")[0] for line in told)
