"""Which tests of a release pass here when nothing is wrong with it; measured once and kept in the cache."""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.repair.layout import build
from benchmarks.repair.packages import CACHE, Package, digest
from benchmarks.repair.suite import Definition, run_suite


@dataclass(frozen=True, slots=True)
class Baseline:
    """``passing`` are the ids that passed in two runs with different hash seeds; ``clean`` when no test failed in
    either; ``seconds`` is what one run took."""

    passing: frozenset[str]
    definitions: Mapping[str, Definition | None]
    clean: bool
    seconds: float


def baseline(package: Package, archive: Path, python: Path, *, cache: Path = CACHE / "baselines") -> Baseline:
    """The baseline of the release in `archive`, from the cache or by running its suite twice."""
    tag = f"{sys.version_info.major}.{sys.version_info.minor}"
    how = hashlib.sha256(" ".join((package.command("python"), *package.tests)).encode()).hexdigest()
    kept = cache / f"{package.name}-{digest(archive)[:12]}-{how[:6]}-{tag}.json"
    if kept.exists():
        data = json.loads(kept.read_text(encoding="utf-8"))
        definitions = {test: Definition(*where) if where else None for test, where in data["definitions"].items()}
        return Baseline(frozenset(data["passing"]), definitions, data["clean"], data["seconds"])
    found = measure(package, archive, python)
    kept.parent.mkdir(parents=True, exist_ok=True)
    data = {
        "clean": found.clean,
        "seconds": found.seconds,
        "passing": sorted(found.passing),
        "definitions": {
            test: [where.file, where.line, where.name] if where else None for test, where in found.definitions.items()
        },
    }
    kept.write_text(json.dumps(data), encoding="utf-8")
    return found


def measure(package: Package, archive: Path, python: Path) -> Baseline:
    """Run the suite of the release in `archive` twice."""
    with tempfile.TemporaryDirectory(prefix="bench-baseline-") as scratch:
        root = build(archive, (), Path(scratch) / package.name)
        runs = [run_suite(package, root, python, hash_seed=seed) for seed in (0, 1)]
    return Baseline(
        passing=runs[0].passed & runs[1].passed,
        definitions=runs[0].definitions,
        clean=all(run.complete and not run.failed and not run.broken for run in runs),
        seconds=min(run.seconds for run in runs),
    )
