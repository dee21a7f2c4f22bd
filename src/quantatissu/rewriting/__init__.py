"""Source rewrite operators, each with its inverse: one table for repairing bugs and for injecting them."""

from quantatissu.rewriting import table as _table  # noqa: F401 -- fills the operator table
from quantatissu.rewriting.edits import Edit, Rewrite, apply_edits, changed, invert_edits
from quantatissu.rewriting.operators import OPERATORS, Operator, rewrites
from quantatissu.rewriting.project import Project
from quantatissu.rewriting.source import Source

__all__ = [
    "OPERATORS",
    "Edit",
    "Operator",
    "Project",
    "Rewrite",
    "Source",
    "apply_edits",
    "changed",
    "invert_edits",
    "rewrites",
]
