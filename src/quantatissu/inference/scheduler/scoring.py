"""Log-probabilities of given continuations: the prefix goes through once, then all continuations side by side."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from quantatissu.inference.runner import Runner, Segment
from quantatissu.inference.scheduler.cache import KeyValueCache
from quantatissu.inference.scheduler.passes import OutOfPages, prefill


class Scoring:
    """One call of `Engine.score`. See `Passes`."""

    def __init__(
        self,
        runner: Runner,
        cache: KeyValueCache,
        prefix: Sequence[int],
        continuations: Sequence[Sequence[int]],
        *,
        adapter: str | None,
        step_tokens: int,
    ) -> None:
        self._runner, self._cache, self._adapter, self._step_tokens = runner, cache, adapter, step_tokens
        self._prefix, self._continuations = list(prefix), continuations
        self.scores = [0.0] * len(continuations)

    def work(self) -> Generator[None]:
        """See `Passes.work`; at the end `scores` are complete."""
        pages = self._cache.begin(self._prefix, self._adapter)
        try:
            yield from prefill(
                self._runner,
                self._cache,
                self._prefix,
                pages,
                adapter=self._adapter,
                step_tokens=self._step_tokens,
            )
            # The last token of the prefix goes through with every continuation: its logits score the first token.
            kept = len(self._prefix) - 1
            todo = [number for number, tokens in enumerate(self._continuations) if len(tokens)]
            while todo:
                batch: list[int] = []
                cost = 0
                while todo and (not batch or cost + len(self._continuations[todo[-1]]) <= self._step_tokens):
                    cost += len(self._continuations[todo[-1]])
                    batch.append(todo.pop())
                done = self._score(batch, pages, kept)
                todo.extend(batch[done:][::-1])
                yield
        finally:
            self._cache.end(pages)

    def _score(self, batch: list[int], pages: list[int], kept: int) -> int:
        """Score the first of ``batch`` that there are pages for; returns how many."""
        held: list[list[int]] = []
        segments: list[Segment] = []
        targets: list[int] = []
        try:
            for number in batch:
                tokens = self._continuations[number]
                own = self._cache.fork(pages, kept)
                if own is None or not self._cache.grow(own, kept + len(tokens)):
                    if own is not None:
                        self._cache.end(own)
                    break
                held.append(own)
                through = np.array([self._prefix[-1], *tokens[:-1]], dtype=np.int64)
                segments.append(Segment(through, kept, tuple(own), len(through), self._adapter))
                targets.extend(tokens)
            if not segments:
                raise OutOfPages
            found = self._runner.score(segments, np.array(targets, dtype=np.int64))
            first = 0
            for number, segment in zip(batch, segments, strict=False):
                self.scores[number] = float(found[first : first + segment.wanted].sum(dtype=np.float64))
                first += segment.wanted
            return len(segments)
        finally:
            for own in held:
                self._cache.end(own)
