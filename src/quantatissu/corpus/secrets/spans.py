"""What is found: a kind and a place. The secret itself stays in the text it was found in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Secret:
    """A secret or a piece of personal data at ``text[start:end]``. It holds no text, so it may be logged."""

    start: int
    end: int
    kind: str


def merged(found: Iterable[Secret]) -> list[Secret]:
    """The union of overlapping places, in order, so that no part of a secret is left over beside another one.

    The most telling kind names the union: earlier in `found` wins.
    """
    ranked = sorted((secret.start, secret.end, rank, secret.kind) for rank, secret in enumerate(found))
    result: list[tuple[int, int, int, str]] = []
    for start, end, rank, kind in ranked:
        if result and start < result[-1][1]:
            first, last, best, name = result[-1]
            result[-1] = (first, max(last, end), *min((best, name), (rank, kind)))
        else:
            result.append((start, end, rank, kind))
    return [Secret(start, end, kind) for start, end, _, kind in result]
