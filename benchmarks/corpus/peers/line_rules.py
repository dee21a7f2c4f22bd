"""A quality filter that both sides of ``corpus-throughput`` apply: the line rules of StarCoder (Li et al., 2023)."""

from __future__ import annotations

import string

MAX_LINE, MAX_MEAN_LINE, MIN_ALPHANUMERIC = 1000, 100, 0.25
_ALPHANUMERIC = (string.ascii_letters + string.digits).encode()


def keeps(text: str) -> bool:
    """Whether lines have at most 1,000 characters, 100 on average, and a quarter of all bytes are alphanumeric."""
    lines = text.split("\n")
    if max(map(len, lines)) > MAX_LINE or len(text) / len(lines) > MAX_MEAN_LINE:
        return False
    data = text.encode("utf-8", "surrogatepass")
    return len(data) - len(data.translate(None, _ALPHANUMERIC)) >= MIN_ALPHANUMERIC * len(data)
