"""Seeded randomness: one stream of draws for everything that a name stands for, whatever is drawn elsewhere."""

from __future__ import annotations

import random


def chance(seed: int, *names: object) -> random.Random:
    """A generator that depends on the seed and the names alone, and is the same on every machine and Python."""
    return random.Random(":".join(map(str, (seed, *names))))  # noqa: S311 -- chosen to be repeatable
