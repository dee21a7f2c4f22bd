"""Work that goes on behind the training."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Work = Callable[[], None]


class Behind:
    """Does what it is handed, one piece after another, in a thread of its own.

    After a failure nothing more is done; `wait` raises it. The thread does not keep a process alive, and ends when
    waited for: one that is still there while the interpreter ends can bring the whole process down.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Work | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._failure: BaseException | None = None

    def add(self, work: Work) -> None:
        """Do `work` when everything added before is done."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="quanta-behind", daemon=True)
            self._thread.start()
        self._waiting.put(work)

    def wait(self) -> None:
        """Until everything added is done. Raises what went wrong with it, once."""
        if self._thread is None:
            return
        self._waiting.put(None)
        self._thread.join()
        self._thread = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        while (item := self._waiting.get()) is not None:
            if self._failure is None:
                try:
                    item()
                except BaseException as error:  # raised where it is waited for
                    self._failure = error
