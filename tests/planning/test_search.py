"""The search core on problems small enough to know the answer: finding a string letter by letter."""

import threading
import time

import pytest

from quantatissu.planning import Beam, BestFirst, Budget, Greedy, Node, Thought, Value, search

LETTERS = "abcdefgh"


class Letters:
    """Proposes every letter after a node; counts how often it is asked about each node."""

    def __init__(self, letters=LETTERS):
        self.letters = letters
        self.asked = {}

    def propose(self, node, k):
        start = self.asked.get(node.number, 0)
        batch = self.letters[start : start + k]
        self.asked[node.number] = start + len(batch)
        return [Thought(letter, text=letter) for letter in batch]


class Target:
    """Scores the length of the matching prefix; solved when the whole word is spelt."""

    def __init__(self, word):
        self.word = word

    def evaluate(self, node):
        spelt = "".join(thought.action for thought in node.path)
        match = self.word.startswith(spelt)
        return Value(len(spelt) if match else -1, solved=spelt == self.word, promising=match)


@pytest.mark.parametrize("strategy", [Greedy(), Beam(2), BestFirst()])
def test_every_strategy_spells_the_word(strategy):
    result = search(Node(), Letters(), Target("hedge"), strategy=strategy, budget=Budget(solutions=1))
    assert ["".join(t.action for t in node.path) for node in result.solutions] == ["hedge"]
    assert result.ended == "solved"
    assert result.best is result.solutions[0]


def test_an_exhausted_search_says_so_and_keeps_the_best():
    result = search(Node(), Letters("abc"), Target("abx"), budget=Budget())
    assert result.ended == "exhausted"
    assert not result.solutions
    assert [thought.action for thought in result.best.path] == ["a", "b"]


def test_depth_bounds_the_search():
    result = search(Node(), Letters(), Target("abcd"), budget=Budget(depth=2))
    assert result.ended == "exhausted"
    assert result.best.depth == 2


def test_evaluations_are_counted_and_bounded():
    result = search(Node(), Letters(), Target("zzz"), budget=Budget(evaluations=5))
    assert (result.ended, result.evaluations) == ("evaluations", 5)


def test_a_search_goes_on_where_it_stopped():
    proposer, target = Letters(), Target("hedge")
    first = search(Node(), proposer, target, budget=Budget(evaluations=10))
    assert not first.solutions
    second = search(Node(), proposer, target, budget=Budget(solutions=1), resume=first.frontier)
    assert len(second.solutions) == 1
    straight = search(Node(), Letters(), target, budget=Budget(solutions=1))
    assert second.evaluations == straight.evaluations


def test_a_misleading_improvement_does_not_starve_the_way_to_the_solution():
    class Trap:
        """'a' looks best and leads nowhere, for ever; 'b' then 'c' is the answer."""

        def evaluate(self, node):
            spelt = "".join(thought.action for thought in node.path)
            if spelt == "bc":
                return Value(0.0, solved=True)
            return Value(-0.1 if spelt.startswith("a") else -1.0, promising=spelt[0] == "a" or spelt == "b")

    budget = Budget(evaluations=2000, solutions=1, depth=50)
    assert search(Node(), Letters("abc"), Trap(), strategy=BestFirst(width=8), budget=budget).solutions
    assert not search(Node(), Letters("abc"), Trap(), strategy=Greedy(), budget=budget).solutions


def test_grace_keeps_looking_for_a_better_solution():
    class Slow:
        def evaluate(self, node):
            time.sleep(0.01)
            return Value(0.0, solved=True)

    quick = search(Node(), Letters(), Slow(), budget=Budget(grace=0.0))
    patient = search(Node(), Letters(), Slow(), budget=Budget(grace=5.0))
    assert len(quick.solutions) == 1
    assert len(patient.solutions) == len(LETTERS)


def test_what_took_long_to_find_is_given_as_long_again():
    class Late:
        tried = 0

        def evaluate(self, node):
            self.tried += 1
            time.sleep(0.02)
            return Value(0.0, solved=self.tried >= 10)

    class Endless:
        def propose(self, node, k):
            return [Thought(number, 0.0) for number in range(k)]

    result = search(Node(), Endless(), Late(), budget=Budget(patience=1.0))
    assert 15 <= result.evaluations <= 22


def test_slots_evaluate_at_once():
    barrier = threading.Barrier(3, timeout=10)

    class Together:
        def evaluate(self, node):
            barrier.wait()  # passes only when three evaluations are under way at the same time
            return Value(-1.0)

    result = search(Node(), Letters("abc"), Together(), slots=3)
    assert result.evaluations == 3


def test_an_error_in_the_evaluator_reaches_the_caller():
    class Broken:
        def evaluate(self, node):
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        search(Node(), Letters(), Broken(), slots=2)


def test_an_interrupt_keeps_what_was_found():
    class Endless:
        def propose(self, node, k):
            return [Thought(number) for number in range(k)]

    class First:
        def evaluate(self, node):
            time.sleep(0.002)
            return Value(0.0, solved=node.number == 1)

    def interrupt(tried, best):
        if tried > 3:
            raise KeyboardInterrupt

    result = search(Node(), Endless(), First(), budget=Budget(grace=60), on_progress=interrupt)
    assert result.ended == "interrupted"
    assert result.solutions[0].number == 1


def test_time_is_bounded():
    class Endless:
        def propose(self, node, k):
            return [Thought(number) for number in range(k)]

    class Dull:
        def evaluate(self, node):
            return Value(-1.0)

    began = time.monotonic()
    result = search(Node(), Endless(), Dull(), budget=Budget(seconds=0.3), slots=2)
    assert result.ended == "seconds"
    assert time.monotonic() - began < 3
