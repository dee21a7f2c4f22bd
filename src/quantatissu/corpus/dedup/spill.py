"""Shingle sets of many documents on disk, so that verifying them does not need them all in memory."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

import numpy as np

from quantatissu.corpus.dedup.shingles import chunks, shingle_sets
from quantatissu.corpus.dedup.tokens import U64


class Spill:
    """A file of sorted shingle hashes, one set after another. Written in full first, then read by number."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w+b", buffering=1 << 20)
        self._offsets = [0]

    def extend(self, texts: Iterable[str]) -> None:
        """Add the shingle sets of some texts under the next numbers."""
        for chunk in chunks(texts):
            sets = shingle_sets(chunk)
            self._file.write(sets.hashes.tobytes())
            self._offsets += (self._offsets[-1] + np.cumsum(sets.counts)).tolist()

    def __getitem__(self, number: int) -> U64:
        start, stop = self._offsets[number], self._offsets[number + 1]
        self._file.seek(start * 8)
        return np.frombuffer(self._file.read((stop - start) * 8), np.uint64)

    def __enter__(self) -> Spill:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()
