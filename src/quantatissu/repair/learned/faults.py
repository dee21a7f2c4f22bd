"""Where a function is wrong, and how likely an edit of it is, as the model has it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantatissu.inference.engine import Engine
from quantatissu.repair.learned.lines import LineChange
from quantatissu.repair.learned.marks import Marks, layout
from quantatissu.rewriting import Source
from quantatissu.rewriting.source import FunctionNode, Statement

_MOST_NEW = 64  # tokens of an answer


@dataclass(frozen=True, slots=True)
class Part:
    """Some lines of a function, as they are shown: ``lines`` by number, ``prompt`` as ids; natural log-probabilities
    ``first`` float32 [lines + 1] that the fault begins at each mark, and ``nothing`` that there is none.
    """

    lines: tuple[int, ...]
    prompt: tuple[int, ...]
    first: NDArray[np.float32]
    nothing: float


class Look:
    """What the model says of one function."""

    def __init__(self, engine: Engine, marks: Marks, source: Source, parts: Sequence[Part]) -> None:
        self._engine, self._marks, self._source, self.parts = engine, marks, source, parts
        self._marked: dict[int, tuple[int, int]] = {}  # line -> (number of a part, mark in it)
        for number, part in enumerate(parts):
            for mark, line in enumerate((*part.lines, part.lines[-1] + 1)):
                known = self._marked.get(line)
                if known is None or _central(part, mark) > _central(parts[known[0]], known[1]):
                    self._marked[line] = (number, mark)

    def odds(self, start: int, stop: int) -> float | None:
        """Log-odds in nats that a fault begins at one of the lines ``start`` until ``stop``, against there being none
        in the function; None where none of them is shown.
        """
        return _added([part.first[mark] - part.nothing for part, mark in self._marks_of(start, stop)])

    def begins(self, start: int, stop: int) -> float | None:
        """Log-probability in nats that a fault begins at one of those lines; None as in `odds`."""
        return _added([part.first[mark] for part, mark in self._marks_of(start, stop)])

    def edits(self, changes: Sequence[LineChange], *, exact: bool = False) -> list[float | None]:
        """Log-probability of each change in nats, its place included; None for one that is not shown whole.

        Not ``exact``: of a change of lines that are there, only up to the first token that differs from them, which
        takes one pass for all changes of a place. What follows is mostly copied.
        """
        found: list[float | None] = [None] * len(changes)
        groups: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for number, change in enumerate(changes):
            place = self._where(change)
            if place is not None:
                groups[place[0]].append((number, *place[1:]))
        for part_number, members in groups.items():
            part = self.parts[part_number]
            whole = [one for one in members if exact or one[1] == one[2]]
            answers = [self._answer(first, stop, changes[number].new) for number, first, stop in whole]
            begun = [one for one in members if not (exact or one[1] == one[2])]
            scores = self._engine.score(part.prompt, answers) if answers else []
            scores += self._begun(part, [(changes[number], first, stop) for number, first, stop in begun])
            for (number, _, _), score in zip([*whole, *begun], scores, strict=True):
                found[number] = score
        return found

    def _marks_of(self, start: int, stop: int) -> list[tuple[Part, int]]:
        """The parts and marks of those of some lines that are shown."""
        found = [self._marked[line] for line in range(start, stop) if line in self._marked]
        return [(self.parts[number], mark) for number, mark in found]

    def _begun(self, part: Part, wanted: Sequence[tuple[LineChange, int, int]]) -> list[float]:
        """See `edits`: the beginning of each answer, by one pass for each place."""
        places = list(dict.fromkeys((first, stop) for _, first, stop in wanted))
        kept = {
            place: self._answer(*place, [self._line(line) for line in part.lines[slice(*place)]]) for place in places
        }
        rows = dict(zip(places, self._engine.following(part.prompt, list(kept.values())), strict=True))
        scores = []
        for change, first, stop in wanted:
            old, row = kept[first, stop], rows[first, stop]
            total = 0.0
            for at, token in enumerate(self._answer(first, stop, change.new)):
                total += float(row[at][token])
                if at >= len(old) or token != old[at]:
                    break
            scores.append(total)
        return scores

    def _where(self, change: LineChange) -> tuple[int, int, int] | None:
        """(part, first mark, stop mark) of a change."""
        known = self._marked.get(change.start)
        if known is None or not all(line.isascii() for line in change.new):
            return None
        number, first = known
        stop = first + change.stop - change.start
        if self.parts[number].lines[first:stop] != tuple(range(change.start, change.stop)):
            return None
        return number, first, stop

    def _answer(self, first: int, stop: int, new: Sequence[str]) -> tuple[int, ...]:
        return tuple(self._marks.answer(first, stop, new).tolist()[:_MOST_NEW])

    def _line(self, number: int) -> str:
        return self._source.lines[number - 1]


class FaultModel:
    """Asks an engine about functions. Raises ValueError when the model's vocabulary cannot mark lines."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self.marks = engine, Marks(engine.tokenizer)

    def look(self, source: Source, node: FunctionNode) -> Look | None:
        """Show a function to the model; None for one that it is never shown, as it is too long or not ASCII."""
        place = layout(source, node)
        lines = source.lines
        if not all(lines[number - 1].isascii() for number in (*range(place.first, place.end), *place.owners)):
            return None
        owners = [lines[number - 1] for number in place.owners]
        parts = []
        for shown in place.parts():
            prompt = tuple(self.marks.prompt(owners, [lines[number - 1] for number in shown]).tolist())
            if len(prompt) + _MOST_NEW > self._engine.context:
                return None
            (row,) = self._engine.following(prompt, [()])
            first = row[0][self.marks.ids[: len(shown) + 1]]
            parts.append(Part(tuple(shown), prompt, first, float(row[0][int(self.marks.nothing[0])])))
        return Look(self._engine, self.marks, source, parts)


def function_of(source: Source, statement: Statement) -> FunctionNode | None:
    """The outermost function that a statement belongs to, its own definition included; None outside of functions."""
    found = statement if isinstance(statement, FunctionNode) else source.function_of(statement)
    return None if found is None else outermost(source, found)


def outermost(source: Source, node: FunctionNode) -> FunctionNode:
    """The function around a function that is in no other."""
    found = node
    for up in source.ancestors(node):
        if isinstance(up, FunctionNode):
            found = up
    return found


def _central(part: Part, mark: int) -> int:
    return min(mark, len(part.lines) - mark)


def _added(logs: Sequence[float]) -> float | None:
    """Of probabilities that are given as logarithms, the logarithm of their sum; None of none."""
    return float(np.logaddexp.reduce(logs)) if logs else None
