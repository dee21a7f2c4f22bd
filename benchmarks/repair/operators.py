"""Which operators have earned their rows: `python -m benchmarks.repair.operators`.

Each known right edit (mutants of the development packages taken back, hunks between releases of other packages, the
faults of the development tasks) is credited to the likeliest operator that gives back the original text. None of these
edits was at hand when the operators were written. A row without any credit is listed last: it proposes nothing that was
ever right here, and stays only as the inverse of one that does.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from benchmarks.repair.environment import test_python
from benchmarks.repair.packages import CACHE, fetch
from benchmarks.repair.priors import choice_of, mutants, releases, texts
from benchmarks.repair.tasks import Fault, load_all
from quantatissu.rewriting import OPERATORS

SOURCES = ("mutants", "releases", "tasks")


def tasks() -> Iterator[tuple[str, Fault]]:
    """The faults of the development tasks: (right text, fault)."""
    python = test_python()
    for task in load_all(split="dev"):
        archive = fetch(task.package, task.version, sha256=task.sha256, python=python)
        files = dict(texts(archive))
        for fault in task.faults:
            right = files.get(fault.file)
            if right is not None:
                yield right, fault


def credits(name: str, edits: Iterable[tuple[str, Fault]]) -> Counter[str]:
    """Operator -> how many of the edits it gives back; ``""`` -> how many no operator does."""
    found: Counter[str] = Counter()
    for number, (right, fault) in enumerate(edits, 1):
        try:
            choice = choice_of(right, fault)
        except (SyntaxError, ValueError, RecursionError):
            continue
        if choice is None:
            found[""] += 1
        else:
            best = max(choice.right, key=lambda i: OPERATORS[choice.rivals[i][0]].prior + choice.rivals[i][1])
            found[choice.rivals[best][0]] += 1
        if number % 100 == 0:
            print(f"{name}: {number} edits", file=sys.stderr, flush=True)
    return found


def report(counts: dict[str, Counter[str]]) -> str:
    """A line for each operator, the most credited first; those without credit in the end."""
    total = sum(counts.values(), Counter())
    lines = [f"{'operator':<34}{'prior':>6}" + "".join(f"{source:>10}" for source in counts)]
    for name in sorted(OPERATORS, key=lambda name: (-total[name], name)):
        if total[name]:
            row = OPERATORS[name]
            lines.append(f"{name:<34}{row.prior:>6.1f}" + "".join(f"{counts[source][name]:>10}" for source in counts))
    lines.append(f"{'(none)':<40}" + "".join(f"{counts[source]['']:>10}" for source in counts))
    idle = sorted(name for name in OPERATORS if not total[name])
    return "\n".join([*lines, f"without credit: {len(idle)} of {len(OPERATORS)}", *(f"  {name}" for name in idle)])


def main(arguments: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.repair.operators", description=__doc__)
    parser.add_argument("--source", choices=SOURCES, action="append", help="only edits of this source (repeatable)")
    chosen = parser.parse_args(arguments)
    edits = {"mutants": mutants, "releases": releases, "tasks": tasks}
    counts = {name: credits(name, edits[name]()) for name in chosen.source or SOURCES}
    kept = CACHE / "operators.json"
    kept.write_text(json.dumps(counts, indent=1), encoding="utf-8")
    print(report(counts))


if __name__ == "__main__":
    main(sys.argv[1:])
