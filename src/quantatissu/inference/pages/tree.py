"""Prefixes whose keys and values are in the cache: a radix tree over whole pages of tokens (Zheng et al., 2024)."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from quantatissu.inference.pages.pool import PagePool


@dataclass(slots=True, eq=False)
class _Node:
    """A page of tokens behind those of its parent. The tree is one holder of its page."""

    page: int
    parent: _Node | None
    key: bytes
    used: int = 0
    children: dict[bytes, _Node] = field(default_factory=dict)


class PrefixTree:
    """Remembers full pages by the tokens up to their end, in as many pages of ``pool`` as nobody else needs.

    One tree for each set of weights: keys and values under an adapter are others.
    """

    def __init__(self, pool: PagePool, page: int) -> None:
        """``page`` is the number of tokens in a page."""
        self._pool, self._page = pool, page
        self._root = _Node(-1, None, b"")
        self._clock = 0
        self.nodes = 0

    def find(self, tokens: Sequence[int]) -> list[int]:
        """The pages of the longest known prefix of ``tokens``, each held once more for the caller."""
        self._clock += 1
        node, pages = self._root, []
        for key in self._keys(tokens):
            child = node.children.get(key)
            if child is None:
                break
            child.used = self._clock
            pages.append(child.page)
            node = child
        self._pool.hold(pages)
        return pages

    def add(self, tokens: Sequence[int], pages: Sequence[int]) -> None:
        """Remember the full ``pages`` of ``tokens``. Where the tokens are known already, their own pages stay."""
        self._clock += 1
        node = self._root
        for key, page in zip(self._keys(tokens), pages, strict=False):
            child = node.children.get(key)
            if child is None:
                child = _Node(page, node, key)
                node.children[key] = child
                self._pool.hold([page])
                self.nodes += 1
            child.used = self._clock
            node = child

    def evict(self, count: int) -> int:
        """Forget the longest unused pages that nobody else holds, until ``count`` are free or none is left. Returns how
        many were forgotten.
        """
        # A leaf first, then perhaps its parent: no page is forgotten before what follows it.
        waiting = [(node.used, id(node), node) for node in self._leaves() if self._pool.holders(node.page) == 1]
        heapq.heapify(waiting)
        forgotten = 0
        while waiting and self._pool.free < count:
            _, _, node = heapq.heappop(waiting)
            parent = node.parent
            assert parent is not None
            del parent.children[node.key]
            self._pool.give_back([node.page])
            self.nodes -= 1
            forgotten += 1
            if parent is not self._root and not parent.children and self._pool.holders(parent.page) == 1:
                heapq.heappush(waiting, (parent.used, id(parent), parent))
        return forgotten

    def spare(self) -> int:
        """Pages that only the tree holds."""
        return sum(self._pool.holders(node.page) == 1 for node in self._every())

    def _keys(self, tokens: Sequence[int]) -> Iterator[bytes]:
        packed = np.asarray(tokens, dtype=np.int32).tobytes()
        size = 4 * self._page
        return (packed[start : start + size] for start in range(0, len(packed) - size + 1, size))

    def _every(self) -> Iterator[_Node]:
        waiting = list(self._root.children.values())
        while waiting:
            node = waiting.pop()
            yield node
            waiting.extend(node.children.values())

    def _leaves(self) -> Iterator[_Node]:
        return (node for node in self._every() if not node.children)
