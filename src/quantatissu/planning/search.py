"""The search core: draw a thought, evaluate it, keep what is promising, stop when the budget says so."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from quantatissu.planning.nodes import Evaluator, Node, Proposer, Thought
from quantatissu.planning.strategies import BestFirst, Strategy

_BATCH = 32


@dataclass(frozen=True, slots=True)
class Budget:
    """When to stop: after ``seconds`` in all, after ``evaluations``, or ``grace`` seconds after the first solution, or
    ``patience`` times as long as that one took, if that is longer (at most ``solutions`` of them). None: no bound.
    Nodes deeper than ``depth`` are not searched further.
    """

    seconds: float | None = None
    evaluations: int | None = None
    grace: float = 0.0
    patience: float = 0.0
    solutions: int | None = None
    depth: int = 8


@dataclass
class SearchResult:
    """What a search found, at whatever moment it ended.

    ``solutions`` in the order found; ``best`` the node with the highest value, the root included; ``ended`` is
    ``solved``, ``exhausted``, ``seconds``, ``evaluations`` or ``interrupted``. ``frontier`` goes back into `search` as
    ``resume``.
    """

    solutions: list[Node]
    best: Node
    evaluations: int
    seconds: float
    ended: str
    frontier: Frontier = field(repr=False)


@dataclass
class Frontier:
    """Open nodes and the thoughts drawn from them but not yet tried."""

    open: list[Node]
    pending: dict[int, deque[Thought]] = field(default_factory=dict)
    turn: int = 0
    evaluations: int = 0


def search(
    root: Node,
    proposer: Proposer,
    evaluator: Evaluator,
    *,
    strategy: Strategy | None = None,
    budget: Budget = Budget(),
    slots: int = 1,
    on_progress: Callable[[int, Node], None] | None = None,
    resume: Frontier | None = None,
) -> SearchResult:
    """Search from ``root`` until the budget is spent, the frontier is exhausted or the user interrupts.

    ``slots`` evaluations run at once, each in a thread. ``on_progress(evaluations, best)`` is called from the calling
    thread a few times a second. An exception in the proposer or the evaluator ends the search and is raised here;
    KeyboardInterrupt ends it with the result so far.
    """
    run = _Run(root, proposer, evaluator, strategy or BestFirst(), budget, resume)
    threads = [threading.Thread(target=run.work, daemon=True) for _ in range(max(1, slots))]
    for thread in threads:
        thread.start()
    try:
        while any(thread.is_alive() for thread in threads):
            run.finished.wait(0.1)
            if on_progress is not None:
                on_progress(run.frontier.evaluations, run.best)
            if run.finished.is_set():
                break
    except KeyboardInterrupt:
        run.stop("interrupted")
    for thread in threads:
        thread.join()
    if run.error is not None:
        raise run.error
    return SearchResult(
        solutions=run.solutions,
        best=run.best,
        evaluations=run.frontier.evaluations,
        seconds=time.monotonic() - run.began,
        ended=run.ended or "exhausted",
        frontier=run.frontier,
    )


class _Run:
    def __init__(
        self,
        root: Node,
        proposer: Proposer,
        evaluator: Evaluator,
        strategy: Strategy,
        budget: Budget,
        resume: Frontier | None,
    ) -> None:
        self.proposer, self.evaluator, self.strategy, self.budget = proposer, evaluator, strategy, budget
        self.frontier = resume or Frontier([root])
        self.solutions: list[Node] = []
        self.best = root
        self.began = time.monotonic()
        self.solved_at: float | None = None
        self.ended: str | None = None
        self.error: BaseException | None = None
        self.busy = 0
        self.lock = threading.Condition()
        self.finished = threading.Event()
        self._spent_before = self.frontier.evaluations

    def stop(self, why: str) -> None:
        with self.lock:
            self.ended = self.ended or why
            self.finished.set()
            self.lock.notify_all()

    def work(self) -> None:
        try:
            while (node := self._draw()) is not None:
                node.value = self.evaluator.evaluate(node)
                self._record(node)
        except BaseException as error:
            self.error = error
            self.stop("error")

    def _out_of_budget(self) -> str | None:
        now = time.monotonic()
        if self.budget.seconds is not None and now - self.began >= self.budget.seconds:
            return "seconds"
        spent = self.frontier.evaluations - self._spent_before
        if self.budget.evaluations is not None and spent >= self.budget.evaluations:
            return "evaluations"
        if self.solved_at is not None:
            enough = self.budget.solutions is not None and len(self.solutions) >= self.budget.solutions
            grace = max(self.budget.grace, self.budget.patience * (self.solved_at - self.began))
            if enough or now - self.solved_at >= grace:
                return "solved"
        return None

    def _draw(self) -> Node | None:
        """The next node to evaluate; None when the search is over."""
        with self.lock:
            while self.ended is None:
                if (why := self._out_of_budget()) is not None:
                    self.stop(why)
                    return None
                if self.frontier.open:
                    parent = self.strategy.select(self.frontier.open, self.frontier.turn)
                    self.frontier.turn += 1
                    thought = self._next_thought(parent)
                    if thought is None:
                        self.frontier.open = [node for node in self.frontier.open if node is not parent]
                        continue
                    self.frontier.evaluations += 1
                    self.busy += 1
                    return Node(parent, thought, number=self.frontier.evaluations)
                if not self.busy:
                    self.stop("solved" if self.solutions else "exhausted")
                    return None
                self.lock.wait(0.05)  # what the other slots are evaluating may open a new node
            return None

    def _next_thought(self, parent: Node) -> Thought | None:
        pending = self.frontier.pending.setdefault(parent.number, deque())
        if not pending:
            pending.extend(self.proposer.propose(parent, _BATCH))
        return pending.popleft() if pending else None

    def _record(self, node: Node) -> None:
        with self.lock:
            self.busy -= 1
            value = node.value
            if value.solved:
                self.solutions.append(node)
                if self.solved_at is None:
                    self.solved_at = time.monotonic()
            elif value.promising and node.depth < self.budget.depth:
                if self.frontier.open:
                    self.frontier.open = self.strategy.admit(self.frontier.open, node)
                else:
                    self.frontier.open = [node]
            if value.score > self.best.value.score:
                self.best = node
            self.lock.notify_all()
