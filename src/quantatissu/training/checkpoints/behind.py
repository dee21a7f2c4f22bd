"""Work that goes on behind the training."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable

Work = Callable[[], None]


class Behind:
    """Does what it is handed, one piece after another, in a thread of its own.

    After a failure nothing more is done; `wait` raises it. The thread does not keep a process alive.
    """

    def __init__(self) -> None:
        self._waiting: queue.SimpleQueue[Work | threading.Event] = queue.SimpleQueue()
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
        done = threading.Event()
        self._waiting.put(done)
        done.wait()
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _run(self) -> None:
        while True:
            item = self._waiting.get()
            if isinstance(item, threading.Event):
                item.set()
            elif self._failure is None:
                try:
                    item()
                except BaseException as error:  # raised where it is waited for
                    self._failure = error
