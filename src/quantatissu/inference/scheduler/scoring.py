"""Log-probabilities of given continuations: the prefix goes through once, then all continuations side by side."""

from __future__ import annotations

from collections.abc import Generator, Sequence

import numpy as np

from quantatissu.inference.runner import Runner, Segment
from quantatissu.inference.scheduler.cache import KeyValueCache


class OutOfPages(Exception):
    """There is no room now; there is when running samples end."""


class Scoring:
    """One call of `Engine.score`. `work` does a part at a time, so that running samples go on in between."""

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
        """Yields after every pass through the model; at the end `scores` are complete. Raises OutOfPages before a pass
        for which there is no room; nothing is held then but what `close` of the iterator gives back.
        """
        pages = self._cache.begin(self._prefix, self._adapter)
        try:
            yield from self._through(pages)
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

    def _through(self, pages: list[int]) -> Generator[None]:
        """Prefill all of the prefix but its last token."""
        end, start = len(self._prefix) - 1, len(pages) * self._cache.page
        if not self._cache.grow(pages, end):
            raise OutOfPages
        while start < end:
            count = min(self._step_tokens, end - start)
            tokens = np.array(self._prefix[start : start + count], dtype=np.int64)
            self._runner.run([Segment(tokens, start, tuple(pages), 0, self._adapter)])
            start += count
            yield
        self._cache.remember(self._prefix[:end], pages, self._adapter)

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
