"""Thoughts, nodes and their values, and the two protocols a search is made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Thought:
    """One step that could be taken from a node. ``action`` is for the evaluator; ``score`` its log-prior, in nats."""

    action: Any
    score: float = 0.0
    text: str = ""


@dataclass(frozen=True, slots=True)
class Value:
    """What an evaluator found out about a node.

    ``score`` is comparable between nodes, higher is better. ``solved`` ends this path with success; ``promising`` says
    that going on from here may be better than where it came from. ``data`` is the evaluator's own.
    """

    score: float
    solved: bool = False
    promising: bool = False
    data: Any = None


@dataclass(eq=False, slots=True)
class Node:
    """A state, named by the thoughts that lead to it. ``number`` counts evaluations: the root is 0."""

    parent: Node | None = None
    thought: Thought | None = None
    value: Value = field(default_factory=lambda: Value(float("-inf")))
    number: int = 0

    @property
    def depth(self) -> int:
        return 0 if self.parent is None else self.parent.depth + 1

    @property
    def path(self) -> list[Thought]:
        """The thoughts from the root to here."""
        thoughts: list[Thought] = []
        node: Node | None = self
        while node is not None and node.thought is not None:
            thoughts.append(node.thought)
            node = node.parent
        return thoughts[::-1]


class Proposer(Protocol):
    def propose(self, node: Node, k: int) -> Sequence[Thought]:
        """The next (up to) `k` thoughts from `node`, best first; empty when there are no more.

        Called again and again for the same node, and never twice at once: it may keep a generator per node.
        """
        ...


class Evaluator(Protocol):
    def evaluate(self, node: Node) -> Value:
        """Find out what `node` is worth. Called from several threads at once when the search has several slots."""
        ...
