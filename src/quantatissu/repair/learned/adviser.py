"""The model's advice in a search: it looks at the suspicious functions once, then weighs their statements and edits.

What it says of a statement is the log-odds of a fault there, and of an edit its log-probability at that place. The
weights, in nats a nat, were chosen on development tasks (docs/log.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

from quantatissu.repair.learned.faults import FaultModel, Look, function_of
from quantatissu.repair.learned.lines import line_change
from quantatissu.repair.localise import Place
from quantatissu.rewriting import Rewrite, Source
from quantatissu.rewriting.source import Statement

PLACE = 0.5
EDIT = 0.3
UNSEEN = -1.2  # log-odds of a statement that was not shown
UNSEEN_EDIT = -6.0  # log-probability of an edit that the model was not asked about
LOWEST, HIGHEST = -12.0, 6.0


class Adviser:
    """See `quantatissu.repair.candidates.Advice`. Not to be asked before `look` has returned."""

    most = PLACE * HIGHEST

    def __init__(self, model: FaultModel, source_of: Callable[[str], Source | None]) -> None:
        self._model, self._source_of = model, source_of
        self._looks: dict[tuple[str, int], Look | None] = {}
        self._judged: set[tuple[str, int]] = set()

    def look(self, places: Iterable[Place], *, functions: int, statements: int, seconds: float) -> None:
        """Look at the functions of the first places, at most so many and for about so long. Of as many ``statements``
        edits are judged later.
        """
        deadline = time.monotonic() + seconds
        for place in places:
            source = self._source_of(place.path)
            for statement in source.statements_on(place.line) if source is not None else ():
                if statement.lineno != place.line or source is None:
                    continue
                key = self._key(place.path, source, statement)
                if key is not None and key not in self._looks:
                    if len(self._looks) == functions or time.monotonic() > deadline:
                        return
                    self._looks[key] = self._model.look(source, function_of(source, statement))  # type: ignore[arg-type]
                if len(self._judged) < statements:
                    self._judged.add((place.path, statement.lineno))

    def place(self, path: str, source: Source, statement: Statement) -> float:
        """See `Advice.place`."""
        look = self._look_at(path, source, statement)
        return PLACE * held(None if look is None else odds(look, source, statement), UNSEEN)

    def edits(self, path: str, source: Source, statement: Statement, found: Sequence[Rewrite]) -> Sequence[float]:
        """See `Advice.edits`."""
        look = self._look_at(path, source, statement)
        if look is None or (path, statement.lineno) not in self._judged:
            return [EDIT * UNSEEN_EDIT] * len(found)
        return [EDIT * held(score, UNSEEN_EDIT) for score in of_edits(look, source, statement, found)]

    def _look_at(self, path: str, source: Source, statement: Statement) -> Look | None:
        key = self._key(path, source, statement)
        return self._looks.get(key) if key is not None else None

    def _key(self, path: str, source: Source, statement: Statement) -> tuple[str, int] | None:
        function = function_of(source, statement) if source is self._source_of(path) else None
        return None if function is None else (path, function.lineno)


def odds(look: Look, source: Source, statement: Statement) -> float | None:
    """Log-odds that a statement's own lines are wrong; None where they were not shown."""
    lines = source.header_lines(statement)
    return look.odds(min(lines), max(lines) + 1)


def of_edits(look: Look, source: Source, statement: Statement, found: Sequence[Rewrite]) -> list[float | None]:
    """Log-probability of each rewrite of a statement, given that something there is wrong."""
    changes = [line_change(source, rewrite.edits) for rewrite in found]
    asked = [change for change in changes if change is not None]
    scores = iter(look.edits(asked))
    lines = source.header_lines(statement)
    base = look.begins(min(lines), max(lines) + 1)
    return [
        None if change is None or (score := next(scores)) is None or base is None else score - base
        for change in changes
    ]


def held(value: float | None, otherwise: float) -> float:
    """Within what the weights were fitted on."""
    return otherwise if value is None else min(max(value, LOWEST), HIGHEST)
