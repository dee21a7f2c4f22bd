"""A model on its way into the light engine, from the moment that somebody knows he will want it."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from onnxruntime import InferenceSession

from quantatissu.inference.light.embedding import Embedding
from quantatissu.inference.light.prepared import Prepared, forget_prepared, keep_prepared, load_prepared, prepare
from quantatissu.inference.light.sessions import Threads, open_session

if TYPE_CHECKING:
    from quantatissu.model.config import ModelConfig

_OPENED_AT_ONCE = 2


class Loading:
    """A checkpoint of which the cache has what it needs is opened in threads, while its owner imports the rest."""

    def __init__(self, folder: Path, threads: int | None) -> None:
        """``threads`` are to multiply, by default as many as there are cores; see `Threads.make`."""
        self._folder = folder
        self.threads = Threads.make(threads)
        self._pool = ThreadPoolExecutor(_OPENED_AT_ONCE, thread_name_prefix="loading")
        self._known = load_prepared(folder)
        self._begun = [] if self._known is None else self._open(self._known)

    def finish(self, config: ModelConfig) -> tuple[list[InferenceSession], Embedding]:
        """Wait for the graphs, made now if they were not kept. KeyError for a weight that is missing."""
        with self._pool:
            if self._known is not None and self._known.fits(config):
                try:
                    return [future.result() for future in self._begun], self._known.embedding
                except Exception:  # onnxruntime's own; a disk that was full, or lost its power
                    forget_prepared(self._folder)
            made = prepare(self._folder, config)
            begun = self._open(made)
            keep_prepared(self._folder, made)
            return [future.result() for future in begun], made.embedding

    def _open(self, prepared: Prepared) -> list[Future[InferenceSession]]:
        return [self._pool.submit(open_session, graph) for graph in prepared.graphs]
