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


# Whose turn it is, where several nodes are open: half the draws are from the best one, a third from the root.
_BEST, _ROOT, _OTHER = "best", "root", "other"
_TURNS = (_BEST, _ROOT, _BEST, _OTHER, _BEST, _ROOT)


@dataclass(frozen=True, slots=True)
class BestFirst:
    """Draw from the best open node in every second turn, from the root in every third, else from the others.

    Without the root's share misleading first improvements would starve what solves all at once, which is likelier than
    several steps. At most ``width`` nodes of each depth are kept open.
    """

    width: int = 16

    def admit(self, frontier: Sequence[Node], node: Node) -> list[Node]:
        # A quota for each depth: a long false trail must not push out the first step of the right one.
        level = sorted(
            (other for other in (*frontier, node) if other.depth == node.depth),
            key=lambda other: (-other.value.score, other.number),
        )
        return [*(other for other in frontier if other.depth != node.depth), *level[: self.width]]

    def select(self, frontier: Sequence[Node], turn: int) -> Node:
        best, root = _best(frontier), min(frontier, key=lambda node: (node.depth, node.number))
        others = [node for node in frontier if node is not best and node is not root]
        whose = _TURNS[turn % len(_TURNS)]
        if whose == _OTHER and others:
            return others[(turn // len(_TURNS)) % len(others)]
        return root if whose == _ROOT else best
