"""The rest of a line, by choosing: candidates drawn as continuations, ranked by what follows.

A small model continues text better than it fills in: what it puts between two texts fits the second badly, and does
not end in time. So lines are drawn from what stands before, and the text behind judges them: a line is worth
``log p(line) + w log p(next lines | line)``. Of 100 lines of packages that training left out, tissu has 19 right that
way, 12 by greedy continuation and 1 by greedy fill-in-the-middle; candidates filled in added none.
"""

from __future__ import annotations

from dataclasses import dataclass

from quantatissu.inference.engine import Engine, Request
from quantatissu.inference.sampling import Sampling

_DRAWN, _TEMPERATURE = 24, 0.8  # 16: 17 of the 100, 8: 16
_WEIGHT = 0.3  # of what follows; 0: 15 of the 100 instead of 20, up to 0.7: 19
_TAIL_LINES = 3
_TAIL_TOKENS = 96
_BEFORE_TOKENS = 512  # more is slower and not better


@dataclass(frozen=True, slots=True)
class Line:
    """The rest of a line, without its end: natural log-probability, and that with what follows weighed in."""

    text: str
    logprob: float
    score: float


def can_choose(suffix: str) -> bool:
    """Whether the rest of the line may be chosen: nothing but blanks stands behind the place on its own line."""
    return not suffix.split("\n", 1)[0].strip()


def infill_lines(engine: Engine, prefix: str, suffix: str, *, max_tokens: int = 48, seed: int = 0) -> list[Line]:
    """What could stand at the end of a line between ``prefix`` and ``suffix``, best first; the same for a ``seed``.

    Nothing where nothing stands before. Raises QuantaError when the context has no room.
    """
    encode = engine.tokenizer.encode
    indent = _open_indent(prefix)
    bare = prefix[: len(prefix) - len(indent)]  # up to where the line begins: tokens of words begin with a blank
    room = min(_BEFORE_TOKENS, engine.context - max_tokens - _TAIL_TOKENS)
    before = tuple(encode(bare).tolist()[-max(1, room) :])
    if not before:
        return []
    texts = _drawn(engine, before, max_tokens, seed)
    if indent:  # which was typed, so it is meant
        texts = [text.lstrip() for text in texts if text[: len(text) - len(text.lstrip())] == indent]
    texts = list(dict.fromkeys(texts))
    texts = [text for text in texts if text.strip()] or texts[:1]
    tail = "".join(suffix.partition("\n")[2].splitlines(keepends=True)[:_TAIL_LINES])
    most = engine.context - len(before)
    alone = [encode(f"{indent}{text}\n").tolist()[:most] for text in texts]
    joined = [encode(f"{indent}{text}\n{tail}").tolist() for text in texts]
    joined = [both[: min(most, len(one) + _TAIL_TOKENS)] for one, both in zip(alone, joined, strict=True)]
    scores = engine.score(before, [*alone, *joined])
    found = [
        Line(text, one, one + _WEIGHT * (both - one))
        for text, one, both in zip(texts, scores[: len(texts)], scores[len(texts) :], strict=True)
    ]
    return sorted(found, key=lambda line: -line.score)


def _drawn(engine: Engine, before: tuple[int, ...], max_tokens: int, seed: int) -> list[str]:
    """The likeliest end of the line, and some drawn at random."""
    likeliest = Sampling(max_tokens=max_tokens, stop=("\n",))
    drawn = Sampling(_TEMPERATURE, max_tokens=max_tokens, stop=("\n",), seed=seed)
    works = [engine.submit(Request(before, likeliest)), engine.submit(Request(before, drawn, n=_DRAWN))]
    return [answer.text.rstrip() for work in works for answer in work.answers()]


def _open_indent(prefix: str) -> str:
    """The blanks that end a text, where its last line holds nothing else."""
    last = prefix.rsplit("\n", 1)[-1]
    return last if not last.strip() else ""
