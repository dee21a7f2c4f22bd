"""A request at work, as seen by whoever asked: pieces as they come, or whole answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from queue import SimpleQueue

from quantatissu.inference.engine import Answer, Piece, TokenScore
from quantatissu.inference.scheduler.sample import Sample


class LocalGeneration:
    """See `Generation`. The engine's thread puts pieces into a queue, another takes them out."""

    def __init__(self, count: int, ended: Callable[[LocalGeneration], None]) -> None:
        """Of ``count`` samples; ``ended`` is told when somebody has seen the last piece."""
        self._count, self._ended = count, ended
        self._pieces: SimpleQueue[Piece | BaseException] = SimpleQueue()
        self.samples: list[Sample] = []

    def put(self, piece: Piece) -> None:
        """The engine's thread has one more piece."""
        self._pieces.put(piece)

    def fail(self, error: BaseException) -> None:
        """The engine's thread cannot go on."""
        self._pieces.put(error)

    def __iter__(self) -> Iterator[Piece]:
        going = self._count
        while going:
            piece = self._pieces.get()
            if isinstance(piece, BaseException):
                raise piece
            going -= piece.finish is not None
            yield piece
        self._ended(self)

    @property
    def cached_tokens(self) -> int:
        """See `Generation.cached_tokens`."""
        return (self.samples[0].found or 0) if self.samples else 0

    def cancel(self) -> None:
        """See `Generation.cancel`."""
        for sample in self.samples:
            sample.cancelled = True

    def answers(self) -> list[Answer]:
        """See `Generation.answers`."""
        texts: list[list[str]] = [[] for _ in range(self._count)]
        scores: list[list[TokenScore]] = [[] for _ in range(self._count)]
        last: dict[int, Piece] = {}
        for piece in self:
            texts[piece.index].append(piece.text)
            scores[piece.index].extend(piece.tokens)
            if piece.finish is not None:
                last[piece.index] = piece
        return [_answer("".join(texts[index]), tuple(scores[index]), last[index]) for index in range(self._count)]


def _answer(text: str, scores: tuple[TokenScore, ...], last: Piece) -> Answer:
    assert last.finish is not None
    return Answer(
        text,
        tuple(score.token for score in scores),
        sum(score.logprob for score in scores),
        last.finish,
        scores,
        last.stopped_by,
        last.complete,
    )
