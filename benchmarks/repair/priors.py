"""Fit the operators' priors: `python -m benchmarks.repair.priors --write`.

Edits that are known to be right come from two places, neither of them part of the split kept apart: mutants of the
development packages (drawn with another seed than the tasks), taken back, and small hunks between consecutive releases
of other packages. For each, every rewrite of the faulty statement competes; the priors are those under which the right
one is likeliest (a conditional logit), held to the present ones by a Gaussian of width `--width`. What an operator's
prior means stays the same: nats, at most 0.
"""

from __future__ import annotations

import argparse
import itertools
import json
import math
import random
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.repair.environment import mutator_python
from benchmarks.repair.packages import CACHE, PACKAGES, ROOT, FetchError, fetch
from benchmarks.repair.ranks import bare
from benchmarks.repair.releases import hunks
from benchmarks.repair.tasks import Fault, load_all
from quantatissu.repair.candidates import EDIT_SIZE, edit_size, normalised, use
from quantatissu.rewriting import OPERATORS, Project, Source, rewrites
from quantatissu.rewriting.unused import unused_names

MOST_PER_PACKAGE = 60
MOST_CHARACTERS = 120_000
STEPS, RATE = 150, 0.5
# Hunks between releases are refactorings as often as repairs, and mutators have habits of their own: priors go part of
# the way to where the fit puts them, and less far up than down.
SHARE, MOST_UP, MOST_DOWN, LEAST = 0.6, 1.0, 1.5, 0.3
OTHERS = (
    "markdown", "jinja2", "click", "werkzeug", "pyparsing", "mistune", "bottle", "simplejson", "idna", "packaging",
    "attrs", "jsonschema", "sqlparse", "prettytable", "pluggy", "h11", "pycodestyle", "pyflakes", "mako", "parso",
    "tomlkit", "hyperlink", "arrow", "cattrs",
)  # fmt: skip
RELEASES = 7


@dataclass(frozen=True, slots=True)
class Choice:
    """One right edit among its rivals: (operator, score without its prior) of each, and which are right."""

    rivals: tuple[tuple[str, float], ...]
    right: tuple[int, ...]


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.priors", description=__doc__)
    parser.add_argument("--width", type=float, default=0.7, help="how far a prior may go from where it is, in nats")
    parser.add_argument("--write", action="store_true", help="put the fitted priors into the operators' source")
    chosen = parser.parse_args(arguments)
    sets = {"mutants": choices("mutants", mutants()), "releases": choices("releases", releases())}
    held = {name: members[::5] for name, members in sets.items()}
    seen = {name: [c for i, c in enumerate(members) if i % 5] for name, members in sets.items()}
    before = {name: row.prior for name, row in OPERATORS.items()}
    after = fit(seen, before, chosen.width)
    for name, members in held.items():
        print(
            f"{name}: {len(sets[name])} edits; held out, median rank within the statement"
            f" {median_rank(members, before)} -> {median_rank(members, after)}, mean log-likelihood"
            f" {likelihood(members, before):.3f} -> {likelihood(members, after):.3f}"
        )
    after = fit(sets, before, chosen.width)
    taken = {name: partly(before[name], after[name]) for name in before}
    for name in sorted(after, key=lambda name: after[name] - before[name]):
        if taken[name] != before[name]:
            print(f"  {name:32} {before[name]:6.2f} -> {taken[name]:6.2f} (fitted {after[name]:.2f})")
    if chosen.write:
        write({name: prior for name, prior in taken.items() if prior != before[name]})


# -- edits --------------------------------------------------------------------------------------------------------


def mutants() -> Iterator[tuple[str, Fault]]:
    """Mutants of the development packages: (right text, fault)."""
    apart = {(task.package, fault.start, fault.after) for task in load_all(split="test") for fault in task.faults}
    for package in PACKAGES.values():
        if package.apart:
            continue
        archive = fetch(package.name, package.version)
        for path, text in texts(archive):
            if package.is_source(path) and len(text) < MOST_CHARACTERS:
                for fault in drawn(text, path, f"{package.name}-{package.version}"):
                    if (package.name, fault.start, fault.after) not in apart:
                        yield text, fault


def drawn(text: str, path: str, label: str) -> list[Fault]:
    """At most three mutants of each kind of one file, remembered."""
    kept = CACHE / "priors" / label / (path.replace("/", "-") + ".json")
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        copy = kept.with_suffix(".py")
        copy.write_bytes(text.encode("utf-8"))
        command = [str(mutator_python()), str(Path(__file__).with_name("mutants.py")), str(copy), "priors", "3"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"{label} {path}: no mutants: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return []
        kept.write_text(done.stdout, encoding="utf-8")
    return [Fault(**{"file": path, **mutant}) for mutant in json.loads(kept.read_text(encoding="utf-8"))]


def releases() -> Iterator[tuple[str, Fault]]:
    """Hunks of at most three lines between neighbouring releases: (right text, fault)."""
    for name in OTHERS:
        found: list[tuple[str, Fault]] = []
        versions = known_versions(name)[:RELEASES]
        for new, old in itertools.pairwise(versions):
            try:
                before, after = (dict(texts(fetch(name, version))) for version in (old, new))
            except FetchError as error:
                print(f"{name} {new}: {error}", file=sys.stderr)
                continue
            for path, text in after.items():
                earlier = before.get(path)
                if earlier and "test" not in path and "docs/" not in path and len(text) < MOST_CHARACTERS:
                    found += [(text, fault) for fault in hunks(path, earlier, text, name, max_lines=3)]
        random.Random(name).shuffle(found)
        yield from found[:MOST_PER_PACKAGE]


def known_versions(name: str) -> list[str]:
    """A package's releases, newest first, as pip lists them."""
    kept = CACHE / "priors" / f"{name}.versions"
    if not kept.exists():
        kept.parent.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "pip", "index", "versions", name], capture_output=True, text=True, check=False
        )
        if done.returncode:
            print(f"{name}: pip lists no releases: {done.stderr.strip()[-200:]}", file=sys.stderr)
            return []
        kept.write_text(done.stdout, encoding="utf-8")
    line = next((line for line in kept.read_text().splitlines() if line.startswith("Available versions:")), "")
    return [version.strip() for version in line.partition(":")[2].split(",") if version.strip()]


def texts(archive: Path) -> Iterator[tuple[str, str]]:
    """The Python files of a source archive: path below its top folder, text."""
    with tarfile.open(archive) as tar:
        for member in tar:
            if member.isfile() and member.name.endswith(".py"):
                handle = tar.extractfile(member)
                assert handle is not None
                try:
                    yield member.name.partition("/")[2], handle.read().decode("utf-8")
                except UnicodeDecodeError:
                    continue


def choices(name: str, edits: Iterable[tuple[str, Fault]]) -> list[Choice]:
    """The edits that some operator proposes, each among its rivals; says how many are not proposed."""
    found: list[Choice] = []
    total = 0
    for right, fault in edits:
        total += 1
        try:
            choice = choice_of(right, fault)
        except (SyntaxError, ValueError, RecursionError):
            continue
        if choice is not None:
            found.append(choice)
        if total % 200 == 0:
            print(f"{name}: {len(found)} of {total} edits are proposed", file=sys.stderr, flush=True)
    print(f"{name}: {len(found)} of {total} edits are proposed by an operator", flush=True)
    return found


def choice_of(right: str, fault: Fault) -> Choice | None:
    source = Source(fault.apply(right))
    project = Project()
    project.add(source)
    line = source.line_of(min(fault.start, len(source.text) - 1))
    wanted = bare(right)
    fault_end = fault.start + len(fault.after)
    for statement in source.statements_on(line):
        idle = unused_names(source, statement)
        best: dict[tuple[object, ...], tuple[str, float]] = {}
        hits: set[tuple[object, ...]] = set()
        for rewrite in rewrites(source, statement, project):
            rest = use(source, statement, idle, rewrite) - rewrite.cost - EDIT_SIZE * edit_size(rewrite)
            key = normalised(source.text, rewrite)
            known = best.get(key)
            if known is not None and OPERATORS[known[0]].prior + known[1] >= OPERATORS[rewrite.operator].prior + rest:
                continue
            best[key] = (rewrite.operator, rest)
            near = any(edit.start <= fault_end + 2 and fault.start <= edit.end + 2 for edit in rewrite.edits)
            if near and bare(rewrite.apply(source.text)) == wanted:
                hits.add(key)
        if hits:
            return Choice(tuple(best.values()), tuple(i for i, key in enumerate(best) if key in hits))
    return None


# -- the fit --------------------------------------------------------------------------------------------------------


def fit(sets: dict[str, list[Choice]], start: dict[str, float], width: float) -> dict[str, float]:
    """Priors by gradient ascent; each set weighs the same, whatever its size."""
    priors = dict(start)
    total = sum(len(members) for members in sets.values())
    for _ in range(STEPS):
        slope = {name: (start[name] - priors[name]) / width**2 for name in priors}
        for members in sets.values():
            weight = total / (len(sets) * max(1, len(members)))
            for choice in members:
                chances = softmax([priors[name] + rest for name, rest in choice.rivals])
                mass = sum(chances[i] for i in choice.right)
                for (name, _), chance in zip(choice.rivals, chances, strict=True):
                    slope[name] -= weight * chance
                for i in choice.right:
                    slope[choice.rivals[i][0]] += weight * chances[i] / mass
        for name, prior in priors.items():
            step = RATE * slope[name] / (20.0 + total / 40)
            priors[name] = min(-0.5, prior + max(-0.3, min(0.3, step)))
    return priors


def partly(before: float, after: float) -> float:
    """The prior to take: part of the way to the fitted one; small differences are left alone."""
    if abs(after - before) < LEAST:
        return before
    return round(before + max(-MOST_DOWN, min(MOST_UP, SHARE * (after - before))), 1)


def softmax(scores: Sequence[float]) -> list[float]:
    top = max(scores)
    parts = [math.exp(score - top) for score in scores]
    total = sum(parts)
    return [part / total for part in parts]


def likelihood(members: Sequence[Choice], priors: dict[str, float]) -> float:
    """Mean log-probability of the right edit, nats."""
    total = 0.0
    for choice in members:
        chances = softmax([priors[name] + rest for name, rest in choice.rivals])
        total += math.log(sum(chances[i] for i in choice.right))
    return total / max(1, len(members))


def median_rank(members: Sequence[Choice], priors: dict[str, float]) -> int:
    ranks = []
    for choice in members:
        scores = [priors[name] + rest for name, rest in choice.rivals]
        best = max(scores[i] for i in choice.right)
        ranks.append(1 + sum(score > best for score in scores))
    return sorted(ranks)[len(ranks) // 2] if ranks else 0


def write(priors: dict[str, float]) -> None:
    """Put priors into the source of the operators, rounded to a tenth."""
    for path in sorted((ROOT / "src" / "quantatissu" / "rewriting").glob("*.py")):
        text = path.read_text(encoding="utf-8")

        def put(match: re.Match[str]) -> str:
            name = match.group(2)
            return f"{match.group(1)}prior={priors[name]:.1f}" if name in priors else match.group(0)

        changed = re.sub(r'((?:@operator|@expression)\(\s*"(\w+)"[^()]*?)prior=-?[\d.]+', put, text)
        if changed != text:
            path.write_text(changed, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
