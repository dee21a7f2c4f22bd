"""The pages of sequences: found, taken, shared, given back."""

from __future__ import annotations

from collections.abc import Sequence

from quantatissu.inference.pages import PagePool, PrefixTree
from quantatissu.inference.runner import Runner


class KeyValueCache:
    """All pages of a runner, and what is known of earlier prompts, by adapter."""

    def __init__(self, runner: Runner, pages: int) -> None:
        self._runner, self.page = runner, runner.page
        self.pool = PagePool(pages)
        self._trees: dict[str | None, PrefixTree] = {}

    @property
    def room(self) -> int:
        """Tokens that one sequence can have if it has all pages."""
        return self.pool.count * self.page

    def begin(self, tokens: Sequence[int], adapter: str | None) -> list[int]:
        """Pages that hold the beginning of ``tokens`` already; never all of it: the last token has to go through."""
        return self._tree(adapter).find(tokens[: len(tokens) - 1])

    def remember(self, tokens: Sequence[int], pages: Sequence[int], adapter: str | None) -> None:
        """Keep the full pages of ``tokens``, whose keys and values are written, for prompts that begin so."""
        self._tree(adapter).add(tokens, pages)

    def grow(self, pages: list[int], tokens: int) -> bool:
        """Take what ``pages`` lack for so many ``tokens``. False, and nothing taken, when there is not enough."""
        lacking = -(-tokens // self.page) - len(pages)
        if lacking <= 0:
            return True
        if self.pool.free < lacking:
            for tree in self._trees.values():
                tree.evict(lacking)
        taken = self.pool.take(lacking, after=pages[-1] if pages else None)
        if taken is None:
            return False
        pages.extend(taken)
        return True

    def fork(self, pages: Sequence[int], tokens: int) -> list[int] | None:
        """Pages of a second sequence that shares the first ``tokens``: full pages are shared, a half-filled one is
        copied. None when there is no page for the copy.
        """
        full = tokens // self.page
        forked = list(pages[:full])
        self.pool.hold(forked)
        if tokens % self.page:
            if not self.grow(forked, tokens):
                self.pool.give_back(forked)
                return None
            self._runner.copy_page(pages[full], forked[full])
        return forked

    def end(self, pages: list[int]) -> None:
        """Give ``pages`` back."""
        self.pool.give_back(pages)
        pages.clear()

    def forget(self) -> None:
        """Empty the trees."""
        for tree in self._trees.values():
            tree.evict(self.pool.count + 1)

    def spare(self) -> int:
        """Pages that are kept for later prompts only."""
        return sum(tree.spare() for tree in self._trees.values())

    def _tree(self, adapter: str | None) -> PrefixTree:
        if adapter not in self._trees:
            self._trees[adapter] = PrefixTree(self.pool, self.page)
        return self._trees[adapter]
