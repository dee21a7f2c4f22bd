"""What a run writes down of itself: one JSON object a line, in the order of the steps."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Record = Mapping[str, Any]
"""``step`` and ``kind`` ("step", "eval", "sample", "skip", "note"), and what the kind has to say."""

TIMINGS = frozenset({"seconds", "tokens_per_s", "mfu", "memory", "wait", "elapsed"})
"""The fields in which two runs of the same recipe may differ."""


def perplexity(nats: float) -> float:
    """exp of the mean loss in nats; infinite beyond what a float holds."""
    return math.exp(nats) if nats < 700 else math.inf


def bits_per_byte(nats: float, tokens: float, size: float) -> float:
    """Summed loss in bits by bytes of text: the measure that does not depend on the vocabulary."""
    return nats * tokens / math.log(2) / size if size else math.nan


class JsonLines:
    """The file ``metrics.jsonl`` of a run. Lines are complete, or cut off at the end by a kill and then left out."""

    def __init__(self, path: Path, *, keep_to: int | None = None) -> None:
        """Append to `path`; with ``keep_to`` first forget every record after that step: they will be made again."""
        self._path = path
        kept = [] if keep_to is None else [line for line, record in _lines(path) if record["step"] <= keep_to]
        if keep_to is not None or not path.exists():
            temporary = path.with_name(path.name + ".tmp")
            temporary.write_text("".join(kept), encoding="utf-8")
            temporary.replace(path)
        self._file = path.open("a", encoding="utf-8")

    def write(self, record: Record) -> None:
        """Append one record. What is not a number is null, so that the file stays JSON."""
        clean = {key: None if isinstance(v, float) and not math.isfinite(v) else v for key, v in record.items()}
        self._file.write(json.dumps(clean, ensure_ascii=False) + "\n")
        self._file.flush()

    def close(self) -> None:
        """No more records."""
        self._file.close()


def read_records(path: Path) -> list[dict[str, Any]]:
    """The records of a ``metrics.jsonl``; a line that a kill cut off is left out. Raises FileNotFoundError."""
    if not path.exists():
        raise FileNotFoundError(path)
    return [record for _, record in _lines(path)]


def _lines(path: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            if line.endswith("\n") and isinstance(record, dict) and "step" in record:
                yield line, record
