"""Sets that merge: who is in one cluster with whom."""

from __future__ import annotations

from collections.abc import Iterable


class UnionFind:
    """Disjoint sets over the numbers ``0 .. count - 1`` with path halving (Tarjan and van Leeuwen, 1984).

    The root of a set is its least member, so clusters do not depend on the order of the unions.
    """

    def __init__(self, count: int) -> None:
        self._parent = list(range(count))

    def find(self, member: int) -> int:
        """The least member of the set that `member` is in."""
        parent = self._parent
        while parent[member] != member:
            parent[member] = parent[parent[member]]
            member = parent[member]
        return member

    def union(self, one: int, other: int) -> None:
        """Merge the sets of two members."""
        low, high = sorted((self.find(one), self.find(other)))
        self._parent[high] = low

    def clusters(self) -> list[list[int]]:
        """Every set of two or more members, each sorted, in order of their least member."""
        return sorted(group for group in self.groups(range(len(self._parent))) if len(group) > 1)

    def groups(self, members: Iterable[int]) -> list[list[int]]:
        """`members` apart by the set they are in; order is kept."""
        groups: dict[int, list[int]] = {}
        for member in members:
            groups.setdefault(self.find(member), []).append(member)
        return list(groups.values())
