"""The operator table run backwards: wrong versions of a right function, drawn by how likely their repair is.

A row of the table repairs a bug; its inverse makes that bug. A row is therefore drawn for injection with the prior of
the rows that it undoes, less the cost of the application at hand; one that undoes none is never drawn. Rows that undo
several (deleting a statement undoes the insertion of a guard, an update, a jump, a copy) get their mean: a prior holds
where its row applies, and which of them would apply to the bug is not known before it is made.

BugLab (Allamanis et al., 2021, "Self-Supervised Bug Detection and Repair") draws uniformly or learns a selector; here
the distribution is the one fitted to real repairs.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator
from functools import lru_cache

from quantatissu.corpus.synthetic.functions import Function, inside
from quantatissu.rewriting import OPERATORS, Project, Rewrite, Source, rewrites
from quantatissu.rewriting.operators import LAST


@lru_cache(maxsize=1)
def backward_priors() -> dict[str, float]:
    """Row -> log-probability (nats) that a bug is one which this row makes: the mean over the rows it undoes."""
    undone: dict[str, list[float]] = {}
    for row in OPERATORS.values():
        if row.prior <= LAST:  # it adds whatever can be added, so what it undoes says nothing of how people err
            continue
        undone.setdefault(row.inverse, []).append(row.prior)
    return {
        name: math.log(sum(math.exp(prior) for prior in priors) / len(priors))
        for name, priors in sorted(undone.items())
        if name in OPERATORS
    }


def draw(
    source: Source, project: Project, function: Function, chance: random.Random, count: int, temperature: float = 1.0
) -> Iterator[Rewrite]:
    """Up to ``count`` different mutants of one function, no two with the same text.

    Statements take turns in random order, so that long ones are not likelier to be wrong. Within one, a row is as
    likely as its prior, however many rewrites it has to offer, and its rewrites share that by ``exp(-cost)``;
    ``temperature`` divides the logarithm of the product. Drawn by the Gumbel-max trick.
    """
    left = function.statements()
    streams: dict[int, Iterator[Rewrite]] = {}
    seen = {source.text}
    while left:
        chance.shuffle(left)
        for statement in tuple(left):
            if id(statement) not in streams:
                found = rewrites(source, statement, project, only=backward_priors())
                streams[id(statement)] = _in_drawn_order(found, chance, temperature)
            for rewrite in streams[id(statement)]:
                wrong = rewrite.apply(source.text)
                if wrong not in seen and inside(source, function, rewrite.edits):
                    seen.add(wrong)
                    yield rewrite
                    break
            else:
                left.remove(statement)
            if len(seen) > count:
                return


def _in_drawn_order(found: Iterable[Rewrite], chance: random.Random, temperature: float) -> Iterator[Rewrite]:
    """Rewrites as drawn one after another without putting any back."""
    weighed = _weighed(found, temperature)
    order = sorted((-weight - _gumbel(chance), number) for number, (weight, _) in enumerate(weighed))
    return iter([weighed[number][1] for _, number in order])


def _weighed(found: Iterable[Rewrite], temperature: float) -> list[tuple[float, Rewrite]]:
    """Rewrites of one statement with the log-weight of each, in an order that depends on nothing but them."""
    ordered = sorted(found, key=_identity)
    shares: dict[str, float] = {}
    for rewrite in ordered:
        shares[rewrite.operator] = shares.get(rewrite.operator, 0.0) + math.exp(-rewrite.cost)
    priors = backward_priors()
    return [
        ((priors[rewrite.operator] - rewrite.cost - math.log(shares[rewrite.operator])) / temperature, rewrite)
        for rewrite in ordered
    ]


def _identity(rewrite: Rewrite) -> tuple[object, ...]:
    return rewrite.operator, rewrite.edits


def _gumbel(chance: random.Random) -> float:
    return -math.log(-math.log(max(chance.random(), 1e-300)) or 1e-300)


def undone_by(right: str, wrong: Source, lines: Iterable[int], operator: str) -> str:
    """The likeliest row that gives the right text back, of those that name ``operator`` as their inverse; or ``""``.

    ``lines`` are where the wrong text may be at fault, from 1.
    """
    statements = dict.fromkeys(statement for line in sorted(lines) for statement in wrong.statements_on(line))
    wanted = {row.name for row in OPERATORS.values() if row.inverse == operator} | {OPERATORS[operator].inverse}
    project = Project([wrong])
    found = {
        back.operator
        for statement in statements
        for back in rewrites(wrong, statement, project, only=wanted)
        if back.apply(wrong.text) == right
    }
    return max(sorted(found), key=lambda name: OPERATORS[name].prior, default="")


def lines_at_fault(source: Source, rewrite: Rewrite) -> set[int]:
    """Lines on which to look for a rewrite that undoes this one: its statement's first, its first edit's, those beside
    it (where a statement is gone, its neighbours are what it would be put back by).
    """
    first = source.line_of(min(edit.start for edit in rewrite.edits))
    return {rewrite.line, max(1, first - 1), first}
