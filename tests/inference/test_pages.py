"""Pages are never lost, never handed out twice, and found again by the tokens they hold."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from quantatissu.inference.pages import PagePool, PrefixTree

PAGE = 2


def test_runs_follow_on_where_they_can() -> None:
    pool = PagePool(8)
    first = pool.take(3)
    assert first == [0, 1, 2]
    assert pool.take(2, after=2) == [3, 4]
    pool.give_back([1])
    assert pool.take(2) == [5, 6]
    assert pool.take(3) is None and pool.free == 2
    assert sorted(pool.take(2) or []) == [1, 7]


def test_a_prefix_is_found_by_whole_pages() -> None:
    pool = PagePool(8)
    tree = PrefixTree(pool, PAGE)
    pages = pool.take(3) or []
    tree.add([1, 2, 3, 4, 5], pages[:2])
    assert tree.find([1, 2, 3, 4, 9, 9]) == pages[:2]
    assert tree.find([1, 2, 9, 9]) == pages[:1]
    assert tree.find([9, 1, 2]) == []
    assert pool.holders(pages[0]) == 4  # who took it, the tree, and two who found it


def test_what_was_not_used_for_longest_is_forgotten_first() -> None:
    pool = PagePool(4)
    tree = PrefixTree(pool, PAGE)
    for tokens in ([1, 1], [2, 2], [3, 3]):
        page = pool.take(1) or []
        tree.add(tokens, page)
        pool.give_back(page)
    pool.give_back(tree.find([1, 1]))
    assert tree.evict(2) == 1
    assert tree.find([2, 2]) == [] and tree.find([1, 1]) != []


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=9), max_size=12))
def test_what_was_added_is_found(sequences: list[list[int]]) -> None:
    pool = PagePool(100)
    tree = PrefixTree(pool, PAGE)
    for tokens in sequences:
        known = tree.find(tokens)
        own = pool.take(len(tokens) // PAGE - len(known)) or []
        tree.add(tokens, known + own)
        pool.give_back(known + own)
    assert pool.free == 100 - tree.nodes == 100 - tree.spare()
    for tokens in sequences:
        found = tree.find(tokens)
        assert len(found) == len(tokens) // PAGE
        pool.give_back(found)
    assert tree.evict(101) == 100 - pool.free or pool.free == 100


class Machine(RuleBasedStateMachine):
    """Sequences that come, grow, share and go, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.pool = PagePool(12)
        self.tree = PrefixTree(self.pool, PAGE)
        self.held: list[tuple[list[int], list[int]]] = []

    @rule(tokens=st.lists(st.integers(0, 1), min_size=2, max_size=12))
    def begin(self, tokens: list[int]) -> None:
        pages = self.tree.find(tokens)
        lacking = len(tokens) // PAGE - len(pages)
        if self.pool.free < lacking:
            self.tree.evict(lacking)
        own = self.pool.take(lacking, after=pages[-1] if pages else None)
        if own is None:
            self.pool.give_back(pages)
            return
        assert not set(own) & set(pages)
        self.held.append((tokens, pages + own))

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        tokens, pages = self.held.pop(data.draw(st.integers(0, len(self.held) - 1)))
        if data.draw(st.booleans()):
            self.tree.add(tokens, pages)
        self.pool.give_back(pages)

    @invariant()
    def every_page_is_accounted_for(self) -> None:
        holders = [0] * self.pool.count
        for _, pages in self.held:
            for page in pages:
                holders[page] += 1
        found = [self.pool.holders(page) for page in range(self.pool.count)]
        assert sum(found) - sum(holders) == self.tree.nodes
        assert all(0 <= mine - others <= 1 for mine, others in zip(found, holders, strict=True))
        assert self.pool.free == found.count(0)


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=60, stateful_step_count=30)
