"""What an answer has to look like: specifications as plain data, and matchers that follow an answer."""

from quantatissu.inference.constraints.grammars import python_expression, python_statements, unified_diff
from quantatissu.inference.constraints.specs import Constraint, Grammar, JsonSchema, Regex

__all__ = ["Constraint", "Grammar", "JsonSchema", "Regex", "python_expression", "python_statements", "unified_diff"]
