"""A model at work beside a search: it orders edits where trying one takes long, and writes some where none helped.

Elsewhere edits are tried sooner than a model has put them in order, and found sooner than it has written them.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.inference.local import LocalEngine
    from quantatissu.planning import Node
    from quantatissu.repair.arrivals import Arrivals
    from quantatissu.repair.localise import Place
    from quantatissu.repair.propose import EditProposer, Situation
    from quantatissu.rewriting import Source

FUNCTIONS, STATEMENTS, _SECONDS = 160, 96, 5.0  # looked at, judged, and for how long
_WRITTEN_FUNCTIONS, _DRAWS, _ROUNDS = 12, 64, 24  # a draw is an edit; a round takes about a second
_BUSY_ROUNDS = 3  # while the search has something else to try, which writing slows
_PAUSE = 0.2  # seconds
_READY = 10  # edits drawn with advice before it takes effect: about a second's trying where that is slow


class Advising:
    """A model at work beside a search; use it in a ``with``, or `close` it. It is opened when it is first asked."""

    def __init__(self, model: str, source_of: Callable[[str], Source | None], seed: int = 0) -> None:
        """``model``: a packaged one by its name, or a folder. ``source_of`` parses files as they are."""
        self._model, self._source_of, self._seed = model, source_of, seed
        self._stop, self._idle = threading.Event(), threading.Event()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(2, thread_name_prefix="advice")
        self._engine: Future[LocalEngine] | None = None
        self._works: dict[str, Future[None]] = {}

    def order(self, proposer: EditProposer, root: Node, situation: Situation) -> None:
        """Advise `proposer` on what to try at ``root``, as soon as there is something to be said. Once is enough."""
        self._submit("order", lambda: self._order(proposer, root, situation))

    def write(self, arrivals: Arrivals, situation: Situation, deadline: float, *, idle: bool) -> None:
        """Write edits of the suspicious functions, some at once, and on until ``deadline`` (`time.monotonic`) when the
        search was ``idle`` once: nothing else is left for it to try.
        """
        if idle:
            self._idle.set()
        if self._submit("write", lambda: self._write(arrivals, situation, deadline)):
            self._works["write"].add_done_callback(lambda _: arrivals.end())

    def stop(self) -> None:
        """Advise no more: there is a patch, or no time."""
        self._stop.set()

    @property
    def trouble(self) -> tuple[str, ...]:
        """Why there was no advice, one line each; what is still at work has none yet."""
        works: list[Future[Any]] = [*([self._engine] if self._engine is not None else []), *self._works.values()]
        failed = [work.exception() for work in works if work.done() and not work.cancelled()]
        return tuple(f"The search went on without the model: {error}" for error in dict.fromkeys(failed) if error)

    def close(self) -> None:
        """Stop soon, and give back memory."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        engine = self._engine
        if engine is not None and engine.done() and not engine.cancelled() and engine.exception() is None:
            engine.result().close()

    def __enter__(self) -> Advising:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _submit(self, name: str, work: Callable[[], None]) -> bool:
        """Whether that work was not begun before."""
        with self._lock:
            if name in self._works:
                return False
            if self._engine is None:
                self._engine = self._pool.submit(_opened, self._model)
            self._works[name] = self._pool.submit(work)
            return True

    def _opened_engine(self) -> LocalEngine:
        assert self._engine is not None
        return self._engine.result()

    def _order(self, proposer: EditProposer, root: Node, situation: Situation) -> None:
        from quantatissu.repair.learned.adviser import Adviser
        from quantatissu.repair.learned.faults import FaultModel

        adviser = Adviser(FaultModel(self._opened_engine()), self._source_of)
        places = self._until_stopped(situation.places)
        adviser.look(places, functions=FUNCTIONS, statements=STATEMENTS, seconds=_SECONDS)
        if not self._stop.is_set():
            proposer.advise(root, situation, adviser, _READY, self._stop.is_set)

    def _write(self, arrivals: Arrivals, situation: Situation, deadline: float) -> None:
        from quantatissu.repair.learned.writing import Writer, worth_going_on

        writer = Writer(self._opened_engine(), self._source_of, self._seed)
        writer.look(self._until_stopped(situation.places), functions=_WRITTEN_FUNCTIONS, seconds=_SECONDS)
        for number in range(_ROUNDS):
            while number >= _BUSY_ROUNDS and not self._idle.wait(_PAUSE) and not self._stop.is_set():
                if time.monotonic() > deadline:
                    return
            if self._stop.is_set() or time.monotonic() > deadline:
                return
            found = writer.write(_DRAWS)
            arrivals.put(found)
            if not worth_going_on(found, _DRAWS):
                return

    def _until_stopped(self, places: Sequence[Place]) -> Iterator[Place]:
        for place in places:
            if self._stop.is_set():
                return
            yield place


def _opened(model: str) -> LocalEngine:
    from quantatissu.inference import open_engine
    from quantatissu.repair.learned.marks import Marks

    engine = open_engine(model, threads=1)
    try:
        Marks(engine.tokenizer)
    except ValueError as error:
        engine.close()
        raise QuantaError(f"{model} cannot advise repairs: {error}") from None
    return engine
