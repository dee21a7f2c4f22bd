"""What stands between the scheduler and a device: runs segments of sequences against pages of keys and values.

The scheduler knows tokens, pages and requests, and nothing of tensors. A runner knows tensors and pages, and nothing of
requests. So one scheduler serves every backend.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from quantatissu.model.config import ModelConfig

Logits = NDArray[np.float32]  # [rows, vocabulary]


@dataclass(frozen=True, slots=True)
class Segment:
    """New tokens of one sequence: those at positions ``start`` to ``start + len(tokens)``.

    ``pages`` hold the keys and values of positions 0 on, ``Runner.page`` positions each, with room for the new ones;
    what lies before ``start`` is there already. ``wanted``: how many of the last tokens get logits, perhaps none.
    Sequences whose first pages are the same page numbers share that prefix: runners may read it once for all.
    """

    tokens: NDArray[np.int64]
    start: int
    pages: tuple[int, ...]
    wanted: int = 1
    adapter: str | None = None


class Runner(Protocol):
    """A model on a device with its paged key-value cache. Called by one thread at a time."""

    config: ModelConfig
    page: int
    """Tokens in a page."""
    page_bytes: int
    """Memory of a page, all layers."""

    def reserve(self, pages: int) -> None:
        """Make the pool, once, before the first `run`: pages 0 to ``pages - 1``."""

    def run(self, segments: Sequence[Segment]) -> Logits:
        """Write the keys and values of all new tokens; logits of the wanted ones, float32, in the order of segments and
        tokens. Segments of one call do not depend on each other, but may share pages that lie before their starts.
        """

    def score(self, segments: Sequence[Segment], targets: NDArray[np.int64]) -> NDArray[np.float32]:
        """`run`, but of each wanted row only the log-probability of its target [rows]."""

    def copy_page(self, source: int, target: int) -> None:
        """Copy keys and values of a page: a sample leaves the half-filled page it shared."""

    def describe(self) -> dict[str, Any]:
        """Device, precision and the like, for people."""

    def close(self) -> None:
        """Give back memory."""
