"""Advice while the search is on, where trying an edit takes long: elsewhere edits are tried sooner than a model has put
them in order.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from quantatissu.foundation import QuantaError

if TYPE_CHECKING:
    from quantatissu.inference.local import LocalEngine
    from quantatissu.planning import Node
    from quantatissu.repair.localise import Place
    from quantatissu.repair.propose import EditProposer, Situation
    from quantatissu.rewriting import Source

FUNCTIONS, STATEMENTS, _SECONDS = 160, 96, 5.0  # looked at, judged, and for how long
_READY = 10  # edits drawn with advice before it takes effect: about a second's trying where that is slow


class Advising:
    """A model at work beside a search; use it in a ``with``, or `close` it."""

    def __init__(self, model: str, source_of: Callable[[str], Source | None]) -> None:
        """Begin to open ``model``: a packaged one by its name, or a folder. ``source_of`` parses files as they are."""
        self._stop = threading.Event()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="advice")
        self._engine: Future[LocalEngine] = self._pool.submit(_opened, model)
        self._source_of = source_of
        self._work: Future[None] | None = None

    def begin(self, proposer: EditProposer, root: Node, situation: Situation) -> None:
        """Advise `proposer` on what to try at ``root``, as soon as there is something to be said. Once is enough."""
        if self._work is None:
            self._work = self._pool.submit(self._advise, proposer, root, situation)

    def stop(self) -> None:
        """Advise no more: there is a patch."""
        self._stop.set()

    @property
    def trouble(self) -> tuple[str, ...]:
        """Why there was no advice, one line each; what is still at work has none yet."""
        works: list[Future[Any]] = [self._engine, *([self._work] if self._work is not None else [])]
        failed = [work.exception() for work in works if work.done() and not work.cancelled()]
        return tuple(f"The search went on without the model: {error}" for error in dict.fromkeys(failed) if error)

    def close(self) -> None:
        """Stop soon, and give back memory."""
        self.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)
        if self._engine.done() and not self._engine.cancelled() and self._engine.exception() is None:
            self._engine.result().close()

    def __enter__(self) -> Advising:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _advise(self, proposer: EditProposer, root: Node, situation: Situation) -> None:
        from quantatissu.repair.learned.adviser import Adviser
        from quantatissu.repair.learned.faults import FaultModel

        adviser = Adviser(FaultModel(self._engine.result()), self._source_of)
        places = self._until_stopped(situation.places)
        adviser.look(places, functions=FUNCTIONS, statements=STATEMENTS, seconds=_SECONDS)
        if not self._stop.is_set():
            proposer.advise(root, situation, adviser, _READY, self._stop.is_set)

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
