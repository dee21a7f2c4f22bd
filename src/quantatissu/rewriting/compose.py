"""Two rewrites made into one: two operators within a statement, one operator at two places, a name changed throughout.

Compositions come lazily and best first, so a search may stop anywhere.
"""

from __future__ import annotations

import ast
import heapq
import string
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice

from quantatissu.foundation.syntax import parsed
from quantatissu.rewriting.edits import Edit, Rewrite, apply_edits
from quantatissu.rewriting.operators import LAST, OPERATORS, rewrites
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import FunctionNode, Source, Statement

MAX_PARTNERS = 150
_WORD = string.ascii_letters + string.digits + "_"
Weigh = Callable[[Rewrite], float]


def weight(rewrite: Rewrite) -> float:
    """How unlikely a rewrite is, in nats: its cost less the prior of each operator in it."""
    priors = (OPERATORS[name].prior for name in rewrite.operator.split("+") if name in OPERATORS)
    return rewrite.cost - sum(priors)


def compatible(first: Rewrite, second: Rewrite) -> bool:
    """Whether the edits of two rewrites can be made at once, in either order, without touching one another."""
    for one in first.edits:
        for two in second.edits:
            if one.start < two.end and two.start < one.end:
                return False
            if one.start == two.start and (one.start == one.end or two.start == two.end):
                return False
            if (one.start == one.end and two.start < one.start < two.end) or (
                two.start == two.end and one.start < two.start < one.end
            ):
                return False
    return True


def combine(first: Rewrite, second: Rewrite) -> Rewrite | None:
    """Both rewrites as one (operator ``a+b``, costs added); None when they touch."""
    if not compatible(first, second):
        return None
    edits = tuple(sorted((*first.edits, *second.edits)))
    operator = f"{first.operator}+{second.operator}"
    return Rewrite(operator, edits, min(first.line, second.line), first.cost + second.cost)


def compose(
    source: Source,
    statement: Statement,
    project: Project,
    first: Rewrite | None = None,
    *,
    budget: int = 200,
    weigh: Weigh = weight,
    parse: bool = True,
) -> Iterator[Rewrite]:
    """Compositions within one statement, best first (by the sum of what `weigh` says), at most `budget` of them.

    With `first`: that rewrite together with each other rewrite of the statement, the same change elsewhere in the
    function, and its new name in place of the old one throughout the function. Without: every pair of rewrites.
    What `weigh` says of two edits made at once must be what it says of each, added.
    Results that another composition has given already are left out, and those whose text does not parse; `parse=False`
    spares that check, for a caller who will compile them anyway.
    """
    seen = {source.text}
    if first is not None:
        seen.add(first.apply(source.text))
        parts = _partners(source, statement, project, weigh)
        streams = [
            _with_first(first, parts, weigh),
            _sorted(repeat_elsewhere(source, statement, project, first), weigh),
            _sorted(rename_consistently(source, statement, first), weigh),
        ]
        found: Iterator[Rewrite] = heapq.merge(*streams, key=weigh)
    else:
        found = _pairs(_partners(source, statement, project, weigh), weigh)
    yield from islice(_distinct(source, statement, found, seen, parse), budget)


@lru_cache(maxsize=1)  # the table is full before anything is composed
def _combined_rows() -> frozenset[str]:
    """The rows whose rewrites are worth combining: not those that go through all that can be said."""
    return frozenset(name for name, row in OPERATORS.items() if row.prior > LAST)


def _partners(source: Source, statement: Statement, project: Project, weigh: Weigh) -> list[Rewrite]:
    """The statement's rewrites, best first, each text once, as many as are worth combining."""
    found = rewrites(source, statement, project, only=_combined_rows())
    ranked = sorted(found, key=lambda rewrite: (weigh(rewrite), rewrite.edits))
    distinct: dict[tuple[Edit, ...], Rewrite] = {}
    for rewrite in ranked:
        distinct.setdefault(rewrite.edits, rewrite)
    return list(distinct.values())[:MAX_PARTNERS]


def _sorted(found: Iterator[Rewrite], weigh: Weigh) -> Iterator[Rewrite]:
    yield from sorted(found, key=lambda rewrite: (weigh(rewrite), rewrite.edits))


def _with_first(first: Rewrite, parts: Sequence[Rewrite], weigh: Weigh) -> Iterator[Rewrite]:
    for part in parts:
        both = combine(first, part)
        if both is not None:
            yield both


def _pairs(parts: Sequence[Rewrite], weigh: Weigh) -> Iterator[Rewrite]:
    """Pairs of a list sorted by weight, lightest pair first: a heap holds the next partner of each first part."""
    heap = [(weigh(parts[i]) + weigh(parts[i + 1]), i, i + 1) for i in range(len(parts) - 1)]
    heapq.heapify(heap)
    while heap:
        _, i, j = heapq.heappop(heap)
        if j + 1 < len(parts):
            heapq.heappush(heap, (weigh(parts[i]) + weigh(parts[j + 1]), i, j + 1))
        both = combine(parts[i], parts[j])
        if both is not None:
            yield both


def _distinct(
    source: Source, statement: Statement, found: Iterator[Rewrite], seen: set[str], parse: bool
) -> Iterator[Rewrite]:
    first, last = statement.lineno, statement.end_lineno or statement.lineno
    for rewrite in found:
        text = rewrite.apply(source.text)
        if text in seen:
            continue
        seen.add(text)
        if not parse or _parses_near(source, rewrite, text, first, last):
            yield rewrite


def _parses_near(source: Source, rewrite: Rewrite, text: str, first: int, last: int) -> bool:
    """Whether the changed text still parses: of the top-level statements the edits touch, to spare the rest."""
    start = min(edit.start for edit in rewrite.edits)
    end = max(edit.end for edit in rewrite.edits)
    low, high = source.line_starts[first - 1], source.line_span(1, last)[1]
    low, high = min(low, start), max(high, end)
    for node in source.tree.body:
        top = min([node.lineno, *(item.lineno for item in getattr(node, "decorator_list", []))])
        node_start, node_end = source.line_starts[top - 1], source.line_span(1, node.end_lineno or node.lineno)[1]
        if node_start <= high and node_end >= low:
            low, high = min(low, node_start), max(high, node_end)
    changed = text[low : len(text) - (len(source.text) - high)]
    try:
        parsed(changed)
    except (SyntaxError, ValueError):
        return False
    return True


# -- the same change at several places ------------------------------------------------------------------------------


def repeat_elsewhere(
    source: Source, statement: Statement, project: Project, first: Rewrite, limit: int = 8
) -> Iterator[Rewrite]:
    """`first` together with the same change (same operator, same old and new text) in other statements of the function.

    At each other place alone, and at all of them.
    """
    function = source.function_of(statement)
    if function is None or "+" in first.operator:
        return
    change = _change(source, first)
    others: list[Rewrite] = []
    for other in source.statements:
        inside = other is not function and other is not statement and function in source.ancestors(other)
        if not inside or not _mentions(source, other, change):
            continue
        for rewrite in rewrites(source, other, project):
            if rewrite.operator == first.operator and _change(source, rewrite) == change:
                others.append(rewrite)
                break
        if len(others) >= limit:
            break
    everywhere: Rewrite | None = first
    for again in others:
        both = combine(first, again)
        if both is not None:
            yield both
        if everywhere is not None:
            together = combine(everywhere, again)
            everywhere = None if together is None else Rewrite(
                f"{first.operator}+{first.operator}", together.edits, together.line, first.cost + again.cost
            )  # fmt: skip
    if len(others) > 1 and everywhere is not None:
        yield everywhere


def _change(source: Source, rewrite: Rewrite) -> tuple[tuple[str, str], ...]:
    return tuple((source.text[edit.start : edit.end], edit.text.strip()) for edit in sorted(rewrite.edits))


def _mentions(source: Source, statement: Statement, change: tuple[tuple[str, str], ...]) -> bool:
    """Whether a statement's own lines hold the old text of a change: those without it need no closer look."""
    lines = source.header_lines(statement)
    start, end = source.line_span(lines.start, lines.stop - 1)
    text = source.text[start:end]
    return all(old in text for old, _ in change)


def rename_consistently(source: Source, statement: Statement, first: Rewrite) -> Iterator[Rewrite]:
    """The replacement of one name by another that `first` makes, at every other use of the old name in the function.

    Once for the uses that read the name, once for those from the statement on, and once for all of them.
    """
    function = source.function_of(statement)
    edit = _word_change(source.text, first)
    if function is None or edit is None:
        return
    old, new = source.text[edit.start : edit.end], edit.text
    places = _uses(source, function, old)
    if edit.start not in {start for start, _ in places}:
        return
    here = next(is_read for start, is_read in places if start == edit.start)
    choices = [
        [start for start, is_read in places if is_read == here],
        [start for start, _ in places if start >= edit.start],
        [start for start, _ in places],
    ]
    done: set[tuple[int, ...]] = {(edit.start,)}
    for index, choice in enumerate(choices):
        chosen = tuple(sorted({*choice, edit.start}))
        if chosen not in done:
            done.add(chosen)
            edits = tuple(Edit(start, start + len(old), new) for start in chosen)
            yield Rewrite(f"{first.operator}+{first.operator}", edits, first.line, first.cost + 0.2 * index)


def _word_change(text: str, rewrite: Rewrite) -> Edit | None:
    """The one name that a rewrite replaces by another, however large its edit is; None when it does more."""
    if len(rewrite.edits) != 1:
        return None
    edit = rewrite.edits[0]
    (small,) = _one_edit(text[edit.start : edit.end], edit.text)
    start, end = edit.start + small.start, edit.start + small.end
    before = len(text[:start]) - len(text[:start].rstrip(_WORD))
    behind = len(text[end : end + 100]) - len(text[end : end + 100].lstrip(_WORD))
    old, new = text[start - before : end + behind], text[start - before : start] + small.text + text[end : end + behind]
    return Edit(start - before, end + behind, new) if old.isidentifier() and new.isidentifier() else None


def _uses(source: Source, function: ast.AST, name: str) -> list[tuple[int, bool]]:
    """(offset, whether it is read) of every use of a name in a function, as far as the text bears it out."""
    assert isinstance(function, FunctionNode)
    found: dict[int, bool] = {}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id == name:
            start, end = source.span(node)
            if source.text[start:end] == name:
                found[start] = isinstance(node.ctx, ast.Load)
    return sorted(found.items())


# -- one after the other --------------------------------------------------------------------------------------------


def merge_edits(text: str, first: Sequence[Edit], second: Sequence[Edit]) -> tuple[Edit, ...]:
    """Edits of `text` that do what `first` and then `second` (edits of the text after `first`) do."""
    back: list[Edit] = []
    for edit in second:
        shift = 0
        for done in sorted(first):
            start = done.start + shift
            if edit.start >= start + len(done.text):
                shift += len(done.text) - (done.end - done.start)
            elif edit.end > start or (edit.start == edit.end == start):
                return _one_edit(text, apply_edits(apply_edits(text, first), second))
            else:
                break
        back.append(Edit(edit.start - shift, edit.end - shift, edit.text))
    merged = tuple(sorted((*first, *back)))
    final = apply_edits(apply_edits(text, first), second)
    try:
        if apply_edits(text, merged) == final:
            return merged
    except ValueError:
        pass
    return _one_edit(text, final)


def _one_edit(old: str, new: str) -> tuple[Edit, ...]:
    """The smallest single edit between two texts."""
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    return (Edit(start, len(old) - end, new[start : len(new) - end]),)
