"""Make the tasks: ``python -m benchmarks.repair.generate``.

Draws faults by fixed seeds, keeps those that real tests notice in the same way twice, and writes the manifests. What
each fault does is remembered in ``.benchmarks/generate``, so an interrupted run goes on where it stopped and a second
one writes the same files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

from benchmarks.repair.baseline import Baseline, baseline
from benchmarks.repair.environment import mutator_python, test_python
from benchmarks.repair.evaluate import Effect, effect
from benchmarks.repair.layout import build, hidden, hide, names, read
from benchmarks.repair.packages import CACHE, PACKAGES, FetchError, Package, digest, fetch, unpack
from benchmarks.repair.releases import hunks
from benchmarks.repair.suite import Definition, Limits, run_suite
from benchmarks.repair.tasks import FOLDER, Fault, Source, Split, Task, save

SEED = "2024"
MUTANTS_PER_PACKAGE = 7
HUNKS_PER_PACKAGE = 4
HUNKS_PER_PAIR = 3
HUNKS_TRIED_PER_PAIR = 12
PAIRS_PER_PACKAGE = 3
FILES_PER_PACKAGE = 6
DRAWN_PER_KIND = 3
IMPORT_PER_PACKAGE = 1
HANGS_PER_PACKAGE = 1
# What the letter in a task's id stands for.
SOURCES: dict[str, Source] = {"m": "mutant", "p": "pair", "r": "release"}
# Of the packages that appear in both splits, the share of tasks kept apart.
APART_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Release:
    """One release of a package, ready to be broken."""

    package: Package
    version: str
    archive: Path
    base: Baseline


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.generate", description=__doc__)
    parser.add_argument("--package", action="append", choices=sorted(PACKAGES), help="only this one (repeatable)")
    parser.add_argument("--source", choices=("mutant", "release", "pair"), help="only faults of this source")
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder for the manifests")
    options = parser.parse_args(arguments)
    count = 0
    for name in options.package or PACKAGES:
        for task in generate(PACKAGES[name], options.source):
            save(task, options.out)
            count += 1
            fault = task.faults[0]
            print(f"{task.id:<28} {task.split:<5} {task.stage:<7} {task.kind:<11} {fault.operator}", flush=True)
    print(f"{count} tasks in {options.out}")
    return 0


def generate(package: Package, source: str | None = None) -> Iterator[Task]:
    """The tasks of one package, in a fixed order. Pairs are made of the package's mutants."""
    python = test_python()
    latest = load_release(package, package.version, python)
    if latest is None:
        print(f"{package.name} {package.version}: tests do not all pass here; left out", file=sys.stderr)
        return
    mutants = list(mutant_tasks(latest, python))
    if source in (None, "mutant"):
        yield from mutants
    if source in (None, "pair"):
        yield from pair_tasks(latest, mutants, python)
    if source in (None, "release"):
        yield from release_tasks(package, python)


def load_release(package: Package, version: str, python: Path) -> Release | None:
    """The release, or None when it cannot be fetched or does not pass its own tests here."""
    try:
        archive = fetch(package.name, version, python=python)
    except FetchError as error:
        print(error, file=sys.stderr)
        return None
    base = baseline(package, archive, python)
    return Release(package, version, archive, base) if base.clean and base.passing else None


def mutant_tasks(release: Release, python: Path) -> Iterator[Task]:
    """Single mutants, spread over kinds of fault."""
    quota = {"import": IMPORT_PER_PACKAGE, "hang": HANGS_PER_PACKAGE, "test": MUTANTS_PER_PACKAGE}
    taken = 0
    for fault in spread(draw_mutants(release)):
        if taken >= MUTANTS_PER_PACKAGE:
            return
        found = remembered_effect(release, (fault,), python)
        if not found.usable or not quota[found.stage]:
            continue
        task = make_task(release, (fault,), found, f"m{taken + 1:02}", python)
        if task is not None:
            quota[found.stage] -= 1
            taken += 1
            yield task


def draw_mutants(release: Release) -> list[Fault]:
    """Mutants of some of the package's source files, by the independent mutators."""
    package = release.package
    kept = CACHE / "generate" / f"mutants-{package.name}-{release.version}-{SEED}.json"
    if not kept.exists():
        faults: list[dict[str, object]] = []
        with tempfile.TemporaryDirectory(prefix="bench-mutants-") as scratch:
            root = unpack(release.archive, Path(scratch) / package.name)
            for file in choose_files(root, package):
                command = [str(mutator_python()), str(Path(__file__).with_name("mutants.py"))]
                command += [str(root / file), SEED, str(DRAWN_PER_KIND)]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                faults += [{"file": file, **mutant} for mutant in json.loads(done.stdout)]
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(faults), encoding="utf-8")
    return [Fault(**fault) for fault in json.loads(kept.read_text(encoding="utf-8"))]


def choose_files(root: Path, package: Package) -> list[str]:
    """The files to mutate: drawn with a probability that grows with their size."""
    rng = random.Random(f"{SEED}:{package.name}:files")
    sizes = {path: len(read(root / path)) for path in package.sources(root)}
    order = sorted(sizes, key=lambda path: rng.random() ** (1 / (1 + sizes[path])), reverse=True)
    return sorted(order[:FILES_PER_PACKAGE])


def spread(faults: Iterable[Fault]) -> Iterator[Fault]:
    """The faults in a seeded order that goes round the kinds and, within a kind, round the files."""
    faults = list(faults)
    rng = random.Random(f"{SEED}:{[fault.file for fault in faults[:1]]}:{len(faults)}")
    by_kind: dict[str, list[Fault]] = {}
    for fault in sorted(faults, key=lambda fault: (fault.file, fault.start, fault.after)):
        by_kind.setdefault(fault.kind, []).append(fault)
    kinds = sorted(by_kind)
    rng.shuffle(kinds)
    for kind in kinds:
        rng.shuffle(by_kind[kind])
    while any(by_kind.values()):
        for kind in kinds:
            if by_kind[kind]:
                yield by_kind[kind].pop()


def pair_tasks(release: Release, mutants: Sequence[Task], python: Path) -> Iterator[Task]:
    """Two of the package's faults at once, in different files, each with a failing test of its own."""
    singles = [task for task in mutants if task.stage == "test"]
    # Both of the same split, and so the pair: no fault of it is known to whoever tunes on the other one.
    couples = [
        (left.faults[0], right.faults[0], left.split)
        for index, left in enumerate(singles)
        for right in singles[index + 1 :]
        if left.split == right.split and left.faults[0].file != right.faults[0].file
    ]
    random.Random(f"{SEED}:{release.package.name}:pairs").shuffle(couples)
    taken = 0
    for left, right, split in couples:
        if taken >= PAIRS_PER_PACKAGE:
            return
        found = remembered_effect(release, (left, right), python)
        if not found.usable or found.stage != "test":
            continue
        task = make_task(release, (left, right), found, f"p{taken + 1:02}", python)
        if task is not None:
            taken += 1
            yield replace(task, split=split)


def release_tasks(package: Package, python: Path) -> Iterator[Task]:
    """Single hunks of the differences between neighbouring releases, taken back; the newest releases first."""
    taken = 0
    for older, newer in reversed(list(pairwise(package.releases))):
        if taken >= HUNKS_PER_PACKAGE:
            return
        release = load_release(package, newer, python)
        if release is None:
            continue
        here = 0
        for fault in release_faults(release, older)[:HUNKS_TRIED_PER_PAIR]:
            if here >= HUNKS_PER_PAIR or taken >= HUNKS_PER_PACKAGE:
                break
            found = remembered_effect(release, (fault,), python)
            if not found.usable:
                continue
            task = make_task(release, (fault,), found, f"r{taken + 1:02}", python)
            if task is not None:
                here += 1
                taken += 1
                yield task


def release_faults(release: Release, older: str) -> list[Fault]:
    """Every small hunk between `older` and the release, in a seeded order."""
    package = release.package
    faults: list[Fault] = []
    with tempfile.TemporaryDirectory(prefix="bench-releases-") as scratch:
        try:
            old = unpack(fetch(package.name, older), Path(scratch) / "old")
        except FetchError as error:
            print(error, file=sys.stderr)
            return []
        new = unpack(release.archive, Path(scratch) / "new")
        for file in sorted({*package.sources(old)} & {*package.sources(new)}):
            label = f"{older} -> {release.version}"
            faults += hunks(file, read(old / file), read(new / file), label)
    random.Random(f"{SEED}:{package.name}:{release.version}").shuffle(faults)
    return faults


def make_task(release: Release, faults: tuple[Fault, ...], found: Effect, suffix: str, python: Path) -> Task | None:
    """The task, once its visible half has been seen to fail where it should and nowhere else; None if it is not so."""
    package, base = release.package, release.base
    identity = f"{package.name}-{release.version}-{suffix}"
    shown = choose_shown(release, faults, found, identity, python)
    if shown is None:
        return None
    failing = names(base.definitions, found.failing)
    all_fail = found.stage == "import"
    secret = hidden(identity, base.definitions, failing, shown, package, all_fail=all_fail)
    if not remembered_soundness(release, faults, found, secret, python):
        return None
    return Task(
        id=identity,
        package=package.name,
        version=release.version,
        sha256=digest(release.archive),
        split=split_of(package, identity),
        source=SOURCES[suffix[0]],
        kind=faults[0].kind if len(faults) == 1 else "pair",
        stage=found.stage,
        faults=faults,
        shown=shown,
        failing=() if all_fail else failing,
        failing_count=len(found.failing),
        passing_count=len(base.passing),
    )


def choose_shown(
    release: Release, faults: tuple[Fault, ...], found: Effect, identity: str, python: Path
) -> tuple[str, ...] | None:
    """One failing test function for each fault, drawn by the task's id; for a pair, one that only that fault breaks."""
    rng = random.Random(f"{SEED}:{identity}")
    definitions = release.base.definitions
    if len(faults) == 1:
        pools = [found.hung or found.failing]
    else:
        alone = [remembered_effect(release, (fault,), python).failing for fault in faults]
        pools = [(own - other) & found.failing for own, other in (alone, reversed(alone))]
    shown = []
    for pool in pools:
        functions = [name for name in names(definitions, pool) if "<" not in name]
        if not functions:
            return None
        shown.append(rng.choice(functions))
    return tuple(shown)


def split_of(package: Package, identity: str) -> Split:
    """Kept apart: whole packages, and a share of the others' tasks by a hash of their id."""
    draw = int.from_bytes(hashlib.sha256(f"{SEED}:{identity}".encode()).digest()[:4], "big") / 2**32
    return "test" if package.apart or draw < APART_SHARE else "dev"


def is_sound(
    release: Release, faults: Sequence[Fault], found: Effect, secret: frozenset[Definition], python: Path
) -> bool:
    """Whether without the `secret` tests just those visible tests fail that should, and there are some."""
    package, base = release.package, release.base
    with tempfile.TemporaryDirectory(prefix="bench-task-") as scratch:
        root = build(release.archive, faults, Path(scratch) / package.name)
        if hide(root, secret) != secret:
            return False
        seen = run_suite(package, root, python, limits=Limits.after(base.seconds, max_hangs=4))
    visible = {test for test in base.passing if base.definitions.get(test) not in secret}
    return seen.complete and bool(visible & found.failing) and visible - seen.passed == visible & found.failing


def remembered_soundness(
    release: Release, faults: Sequence[Fault], found: Effect, secret: frozenset[Definition], python: Path
) -> bool:
    """`is_sound`, looked up among those measured before."""
    key = [digest(release.archive), [asdict(fault) for fault in faults], sorted(map(str, secret))]
    kept = _memory("sound", key)
    if not kept.exists():
        kept.write_text(json.dumps(is_sound(release, faults, found, secret, python)), encoding="utf-8")
    return bool(json.loads(kept.read_text(encoding="utf-8")))


def remembered_effect(release: Release, faults: tuple[Fault, ...], python: Path) -> Effect:
    """`effect`, looked up among those measured before."""
    kept = _memory("effects", [digest(release.archive), [asdict(fault) for fault in faults]])
    if kept.exists():
        data = json.loads(kept.read_text(encoding="utf-8"))
        return Effect(frozenset(data["failing"]), frozenset(data["hung"]), data["stage"], data["usable"])
    found = effect(release.package, release.archive, release.base, faults, python)
    data = {"failing": sorted(found.failing), "hung": sorted(found.hung), "stage": found.stage, "usable": found.usable}
    kept.write_text(json.dumps(data), encoding="utf-8")
    return found


def _memory(kind: str, key: object) -> Path:
    """The file that remembers what was measured for `key`."""
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:24]
    kept = CACHE / "generate" / kind / f"{name}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    return kept


if __name__ == "__main__":
    sys.exit(main())
