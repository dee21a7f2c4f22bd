"""One answer on its way: its tokens, pages, text, and when it ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

import numpy as np

from quantatissu.inference.constraints.specs import Matcher
from quantatissu.inference.engine import Finish, Piece, Request, TokenScore
from quantatissu.inference.runner import Segment
from quantatissu.inference.sampling import Row, Seen
from quantatissu.inference.scheduler.text import Detokeniser, StopStrings

Emit = Callable[[Piece], None]


@dataclass(slots=True, eq=False)
class Sample:
    """Sample ``index`` of ``request``. Keys and values of its first ``cached`` tokens are in ``pages``."""

    request: Request
    index: int
    key: int
    emit: Emit
    ends: Collection[int]
    room: int
    """Most tokens of prompt and answer together."""
    detokeniser: Detokeniser
    stops: StopStrings
    matcher: Matcher | None = None
    seen: Seen | None = None
    tokens: list[int] = field(default_factory=list)
    pages: list[int] = field(default_factory=list)
    cached: int = 0
    found: int | None = None
    """Of the prompt's tokens, those that were in the cache when it began."""
    drafted: list[int] = field(default_factory=list)
    followers: list[Sample] = field(default_factory=list)
    """Samples of the same prompt, which begin when it has gone through."""
    finished: bool = False
    cancelled: bool = False

    @property
    def prompt_length(self) -> int:
        """Tokens of the prompt."""
        return len(self.request.prompt)

    @property
    def left(self) -> int:
        """Tokens that may still be drawn."""
        drawn = len(self.tokens) - self.prompt_length
        return min(self.request.sampling.max_tokens - drawn, self.room - len(self.tokens))

    def segment(self, count: int) -> Segment:
        """The next ``count`` tokens that are not in the cache, drafted ones included; logits where they are needed."""
        ahead = self.tokens + self.drafted
        end = self.cached + count
        wanted = len(self.drafted) + 1 if end == len(ahead) else 0
        return Segment(
            np.array(ahead[self.cached : end], dtype=np.int64),
            self.cached,
            tuple(self.pages),
            wanted,
            self.request.adapter,
        )

    def row(self) -> Row:
        """For the next draw."""
        mask = None if self.matcher is None else self.matcher.mask()
        assert self.matcher is None or mask is not None, "an answer that may not go on has been ended"
        return Row(self.request.sampling, self.key, len(self.tokens), self.seen, mask)

    def take(self, score: TokenScore) -> bool:
        """The answer goes on with a token. Emits what can be shown; returns whether it goes on behind it."""
        token = score.token
        self.tokens.append(token)
        if self.seen is not None:
            self.seen.add(token)
        if token in self.ends or token in self.request.sampling.stop_tokens:
            self.end("stop", (score,))
            return False
        text, stopped_by = self.stops.push(self.detokeniser.push(token))
        if stopped_by is not None:
            self._finish(text, (score,), "stop", stopped_by)
            return False
        if self.left <= 0:
            self.end("length", (score,), text)
            return False
        if self.matcher is not None and self.matcher.mask() is None:
            self.end("stop", (score,), text)
            return False
        self.emit(Piece(self.index, text, (score,)))
        return True

    def end(self, finish: Finish, scores: tuple[TokenScore, ...] = (), text: str = "") -> None:
        """Emit the last piece, with all that was held back."""
        last, stopped_by = self.stops.push(self.detokeniser.end())
        if stopped_by is None:
            last += self.stops.end()
        else:
            finish = "stop"
        self._finish(text + last, scores, finish, stopped_by)

    def _finish(self, text: str, scores: tuple[TokenScore, ...], finish: Finish, stopped_by: str | None) -> None:
        complete = self.matcher is None or self.matcher.satisfied
        self.finished = True
        self.emit(Piece(self.index, text, scores, finish, stopped_by, complete))
