"""Distributions of lengths in fixed space: counts in bins a sixteenth of an octave wide (4.4%)."""

from __future__ import annotations

from math import floor, log10
from typing import TYPE_CHECKING

from quantatissu.corpus.report.model import Lengths

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_PER_OCTAVE = 16
_BINS = 48 * _PER_OCTAVE  # up to 2**48


def histogram(lengths: NDArray[np.int64]) -> NDArray[np.int64]:
    """Counts of `lengths` by bin; 0 counts with 1."""
    import numpy as np

    places = np.floor(np.log2(np.maximum(lengths, 1)) * _PER_OCTAVE).astype(np.int64)
    return np.bincount(np.minimum(places, _BINS - 1), minlength=_BINS)


def empty() -> NDArray[np.int64]:
    """The histogram of no documents."""
    import numpy as np

    return np.zeros(_BINS, dtype=np.int64)


def quantile(counts: NDArray[np.int64], part: float) -> int:
    """The length that `part` of the documents do not exceed, to two digits; 0 when there are none."""
    import numpy as np

    running = np.cumsum(counts)
    if not running[-1]:
        return 0
    place = int(np.searchsorted(running, part * running[-1]))
    edge = 2 ** ((place + 1) / _PER_OCTAVE)
    step: int = 10 ** max(floor(log10(edge)) - 1, 0)
    return round(edge / step) * step


def lengths(counts: NDArray[np.int64]) -> Lengths:
    """The distribution for a report: octaves from the first to the last that has documents."""
    octaves = counts.reshape(-1, _PER_OCTAVE).sum(axis=1)
    filled = octaves.nonzero()[0]
    span = range(int(filled[0]), int(filled[-1]) + 1) if filled.size else range(0)
    return Lengths(
        tuple((2**octave, int(octaves[octave])) for octave in span),
        quantile(counts, 0.5),
        quantile(counts, 0.9),
        quantile(counts, 0.99),
    )
