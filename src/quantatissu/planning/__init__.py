"""Search over states: thoughts as nodes, proposed, evaluated, kept or dropped, within a budget.

The room knows nothing of code or tests. Repair brings edits as thoughts and a test suite as evaluator; an agent brings
tool calls. The result is *anytime*: whenever the search ends, by itself, by budget or by Ctrl-C, it holds the best so
far, and its frontier can be searched further.
"""

from quantatissu.planning.nodes import Evaluator, Node, Proposer, Thought, Value
from quantatissu.planning.search import Budget, SearchResult, search
from quantatissu.planning.strategies import Beam, BestFirst, Greedy, Strategy

__all__ = [
    "Beam",
    "BestFirst",
    "Budget",
    "Evaluator",
    "Greedy",
    "Node",
    "Proposer",
    "SearchResult",
    "Strategy",
    "Thought",
    "Value",
    "search",
]
