"""Uniform numbers without state: a hash of what they are for."""

from __future__ import annotations

import hashlib
import secrets

import numpy as np
from numpy.typing import NDArray

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def key_of(seed: int | None, index: int) -> int:
    """The key, 64 bits, of sample ``index`` of a request with ``seed``; a new one each time for None."""
    if seed is None:
        return secrets.randbits(64)
    return int.from_bytes(hashlib.blake2b(f"{seed}/{index}".encode(), digest_size=8).digest(), "little")


def uniforms(keys: NDArray[np.uint64], positions: NDArray[np.uint64]) -> NDArray[np.float64]:
    """A number in [0, 1) with 53 random bits for each key and position: SplitMix64 (Steele et al., 2014)."""
    with np.errstate(over="ignore"):
        x = keys + (positions + np.uint64(1)) * _GOLDEN
        x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        x = x ^ (x >> np.uint64(31))
    found: NDArray[np.float64] = (x >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return found
