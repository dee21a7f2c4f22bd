"""How a server is to behave."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """``token``: what requests have to bear, None: nothing. ``hosts``: names under which it may be called, beside those
    of the loopback. ``concurrency``: requests at once, more get a 429. ``body_bytes``: the longest request.
    ``answers``: the most that one request may ask for. ``grace``: seconds that running answers get at the end.
    """

    token: str | None
    hosts: tuple[str, ...] = ()
    concurrency: int = 64
    body_bytes: int = 4 << 20
    answers: int = 32
    grace: float = 30.0
