"""Counts what the expression operators offer on real files: rewrites by operator and statement, broken ones, speed.

    python tests/rewriting/census.py [FILES]      # how many files of the standard library to sample

`sample` and `statements_of` also feed the tests, so that both look at the same code.
"""

from __future__ import annotations

import ast
import random
import sys
import sysconfig
import time
import tokenize
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from quantatissu.rewriting import OPERATORS, Project, Rewrite, Source, rewrites

SEED = 20
MODULES = ("arithmetic", "call_forms", "calls", "comparisons", "displays", "formats", "literals", "names", "strings")
FORMS = ("bounds", "comparison_forms", "divisions", "keys", "lookalikes", "memberships")
EXPRESSION_MODULES = (*MODULES, *FORMS, "subscripts", "wrapping")


EXPRESSION_OPERATORS = frozenset(
    name for name, row in OPERATORS.items() if row.apply.__module__.rpartition(".")[2] in EXPRESSION_MODULES
)


def sample(files: int, seed: int = SEED, longest: int = 700) -> list[Source]:
    """Files of the standard library (no tests, 20 to `longest` lines), the same for the same seed and Python."""
    root = Path(sysconfig.get_paths()["stdlib"])
    paths = sorted(
        path
        for path in root.rglob("*.py")
        if not {"test", "tests", "idlelib", "site-packages", "lib2to3", "turtledemo"}
        & set(path.relative_to(root).parts)
    )
    random.Random(seed).shuffle(paths)
    found: list[Source] = []
    for path in paths:
        try:
            with tokenize.open(path) as file:
                text = file.read()
            if 20 <= text.count("\n") <= longest:
                found.append(Source(text, path.name))
        except (SyntaxError, UnicodeDecodeError):
            continue
        if len(found) == files:
            break
    return found


def statements_of(source: Source, count: int, seed: int = SEED) -> list[ast.stmt]:
    """Some of a file's statements, definitions and imports included."""
    statements = source.statements
    return random.Random(seed).sample(statements, min(count, len(statements)))


def offered(source: Source, project: Project, statement: ast.stmt) -> Iterator[Rewrite]:
    """The rewrites of one statement that expression operators make."""
    return rewrites(source, statement, project, only=EXPRESSION_OPERATORS)


def parses(text: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def comes_back(source: Source, rewrite: Rewrite) -> bool:
    """Whether the row that the operator names as its inverse offers the original text on the rewritten one."""
    changed = rewrite.apply(source.text)
    after = Source(changed, source.path)
    project = Project([after])
    first = after.line_of(min(edit.start for edit in rewrite.edits))
    lines = {rewrite.line, first, after.line_of(max(rewrite.edits).start)}
    statements = dict.fromkeys(statement for line in sorted(lines) for statement in after.statements_on(line))
    inverse = OPERATORS[rewrite.operator].inverse
    return any(
        back.apply(changed) == source.text
        for statement in statements
        for back in rewrites(after, statement, project, only={inverse})
    )


def return_rates(files: int, each: int, longest: int = 700) -> dict[str, tuple[int, int]]:
    """Operator -> (sampled rewrites that come back, sampled rewrites), up to `each` samples an operator."""
    pool: dict[str, list[tuple[Source, Rewrite]]] = {}
    for source in sample(files, longest=longest):
        project = Project([source])
        for statement in statements_of(source, 40):
            for rewrite in offered(source, project, statement):
                pool.setdefault(rewrite.operator, []).append((source, rewrite))
    rates = {}
    for name, found in sorted(pool.items()):
        # A generator of its own, so that a new row leaves the samples of the others as they are.
        chosen = random.Random(f"{SEED} {name}").sample(found, min(each, len(found)))
        rates[name] = (sum(comes_back(source, rewrite) for source, rewrite in chosen), len(chosen))
    return rates


def main(files: int) -> None:
    by_operator: Counter[str] = Counter()
    per_statement: list[tuple[int, str, str]] = []
    worst: dict[str, tuple[int, str]] = {}
    seconds = 0.0
    broken: Counter[str] = Counter()
    checked = 0
    chance = random.Random(SEED)
    for source in sample(files):
        project = Project([source])
        started = time.process_time()
        made = [(statement, list(offered(source, project, statement))) for statement in source.statements]
        seconds += time.process_time() - started
        for statement, found in made:
            counts = Counter(rewrite.operator for rewrite in found)
            by_operator.update(counts)
            line = source.lines[statement.lineno - 1].strip()
            per_statement.append((len(found), type(statement).__name__, line))
            for name, count in counts.items():
                worst[name] = max(worst.get(name, (0, "")), (count, line))
        everything = [rewrite for _, found in made for rewrite in found]
        for rewrite in chance.sample(everything, min(400, len(everything))):
            checked += 1
            if not parses(rewrite.apply(source.text)):
                broken[rewrite.operator] += 1
                if broken[rewrite.operator] <= 3:
                    print("broken:", rewrite.operator, repr(source.lines[rewrite.line - 1]), rewrite.edits)
    total = sum(by_operator.values())
    counts_only = sorted(count for count, _, _ in per_statement)
    simple = sorted(
        count for count, kind, _ in per_statement if kind in ("Assign", "Return", "Expr", "AugAssign", "If")
    )
    print(
        f"{files} files, {len(per_statement)} statements, {total} rewrites in {seconds:.2f} s: {total / seconds:,.0f}/s"
    )
    for title, numbers in (("all statements", counts_only), ("simple statements and ifs", simple)):
        cut = [numbers[min(len(numbers) - 1, int(len(numbers) * q))] for q in (0.5, 0.9, 0.99)]
        print(f"rewrites per statement, {title}: median {cut[0]}, 90% {cut[1]}, 99% {cut[2]}, most {numbers[-1]}")
    print(f"broken: {sum(broken.values())} of {checked} checked {dict(broken)}")
    for name, count in by_operator.most_common():
        most, line = worst[name]
        print(f"{name:22} {count:7} {count / len(per_statement):6.2f} a statement, at most {most:3}: {line[:70]}")
    never = [name for name in OPERATORS if name in EXPRESSION_OPERATORS and not by_operator[name]]
    print("never:", ", ".join(never))
    per_statement.sort(reverse=True)
    for count, kind, line in per_statement[:8]:
        print(count, kind, line[:90])


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 25)
