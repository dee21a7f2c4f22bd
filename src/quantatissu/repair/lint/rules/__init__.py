"""Our own edits for lint findings, by rule. Importing this fills the table; `candidates` asks it."""

from quantatissu.repair.lint.rules import (  # noqa: F401 -- fill the table
    blocks,
    branches,
    calls,
    characters,
    comparisons,
    docstrings,
    exceptions,
    forms,
    imports,
    indentation,
    long_lines,
    loops,
    names,
    statements,
)
from quantatissu.repair.lint.rules.table import FIXERS, Candidate, Promise, candidates

__all__ = ["FIXERS", "Candidate", "Promise", "candidates"]
