"""Where to draw the next thought from: greedy, beam and best-first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from quantatissu.planning.nodes import Node


class Strategy(Protocol):
    def admit(self, frontier: Sequence[Node], node: Node) -> list[Node]:
        """The frontier after a promising `node` was found."""
        ...

    def select(self, frontier: Sequence[Node], turn: int) -> Node:
        """The open node whose next thought is tried at this turn. The frontier is not empty."""
        ...


def _best(frontier: Sequence[Node]) -> Node:
    return max(frontier, key=lambda node: (node.value.score, -node.number))


@dataclass(frozen=True, slots=True)
class Greedy:
    """Commit to the first promising node and never look back."""

    def admit(self, frontier: Sequence[Node], node: Node) -> list[Node]:
        return [node] if node.value.score > _best(frontier).value.score else list(frontier)

    def select(self, frontier: Sequence[Node], turn: int) -> Node:
        return _best(frontier)


@dataclass(frozen=True, slots=True)
class Beam:
    """Keep the ``width`` best nodes of the deepest level, and draw from them in turn."""

    width: int = 4

    def admit(self, frontier: Sequence[Node], node: Node) -> list[Node]:
        deepest = max(other.depth for other in (*frontier, node))
        level = [other for other in (*frontier, node) if other.depth == deepest]
        return sorted(level, key=lambda other: (-other.value.score, other.number))[: self.width]

    def select(self, frontier: Sequence[Node], turn: int) -> Node:
        return frontier[turn % len(frontier)]


@dataclass(frozen=True, slots=True)
class BestFirst:
    """Draw from the best open node, but every ``explore``-th time from the others in turn.

    Without that share a misleading first improvement would starve the path that leads to the solution. At most
    ``width`` nodes of each depth are kept open.
    """

    explore: int = 3
    width: int = 16

    def admit(self, frontier: Sequence[Node], node: Node) -> list[Node]:
        # A quota for each depth: a long false trail must not push out the first step of the right one.
        level = sorted(
            (other for other in (*frontier, node) if other.depth == node.depth),
            key=lambda other: (-other.value.score, other.number),
        )
        return [*(other for other in frontier if other.depth != node.depth), *level[: self.width]]

    def select(self, frontier: Sequence[Node], turn: int) -> Node:
        best = _best(frontier)
        others = [node for node in frontier if node is not best]
        if others and turn % self.explore == self.explore - 1:
            return others[(turn // self.explore) % len(others)]
        return best
