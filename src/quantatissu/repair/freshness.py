"""Which changes show only after a fresh import, and what that costs.

A changed function is swapped into the warm process in milliseconds. That misses what ran while the tests were being
imported: module level code, and functions whose results live on from then.
"""

from __future__ import annotations

from quantatissu.repair.localise import Coverage
from quantatissu.repair.texts import Texts
from quantatissu.repair.units import lines_of
from quantatissu.rewriting import Source
from quantatissu.rewriting.source import FunctionNode, Statement

_FRESH_IMPORT = 1.5  # log of how much longer a candidate takes from fresh imports than in the warm process


class Freshness:
    """Tells changes that can be swapped in from those that need a fresh import. ``hot``: whether any can be."""

    def __init__(self, hot: bool, coverage: Coverage, texts: Texts) -> None:
        self.hot = hot
        self._imports = coverage.imports
        self._texts = texts
        self._ran_at_import: dict[tuple[str, int], bool] = {}
        self._failing_lines: dict[str, set[int]] = {}
        for files in coverage.failing.values():
            for path, lines in files.items():
                self._failing_lines.setdefault(path, set()).update(lines)

    def toll(self, path: str, source: Source, statement: Statement) -> float:
        """Nats by which trying an edit of a statement takes longer than swapping a function body in."""
        if not self.hot:
            return 0.0
        functions = [up for up in source.ancestors(statement) if isinstance(up, FunctionNode)]
        if functions and not self.needed(path, lines_of(functions[-1]), statement.lineno):
            return 0.0
        return _FRESH_IMPORT

    def needed(self, path: str, function: range, line: int) -> bool:
        """Whether a change at a line of a function may show only after a fresh import.

        The body ran while the tests were being imported, so its results may live on, and no failing test runs the line.
        """
        if line in self._failing_lines.get(path, ()):
            return False
        key = (path, function.start)
        if key not in self._ran_at_import:
            source = self._texts.source(path)
            self._ran_at_import[key] = source is not None and any(
                source.function_of(statement) is not None
                for at in self._imports.get(path, ())
                if at in function
                for statement in source.statements_on(at)
            )
        return self._ran_at_import[key]
