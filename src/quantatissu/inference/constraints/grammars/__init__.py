"""Grammars ready to use: Python, unified diffs."""

from quantatissu.inference.constraints.grammars.diff import unified_diff
from quantatissu.inference.constraints.grammars.python import python_expression, python_statements

__all__ = ["python_expression", "python_statements", "unified_diff"]
