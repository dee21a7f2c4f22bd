"""Where records go: always to JSON lines, to TensorBoard by default, and to whatever somebody registered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol

from quantatissu.foundation import QuantaError
from quantatissu.training.metrics.record import JsonLines, Record

GROUP = "quantatissu.training.sinks"
"""Entry points of this group are callables ``(folder: Path, recipe: dict) -> Sink``."""


class Sink(Protocol):
    """Takes records as they come."""

    def write(self, record: Record) -> None:
        """Take one record."""

    def close(self) -> None:
        """The run is over."""


class TensorBoard:
    """Scalars of step and evaluation records as curves, samples as text."""

    def __init__(self, folder: Path, *, keep_to: int | None = None) -> None:
        from torch.utils.tensorboard import SummaryWriter

        purge = None if keep_to is None else keep_to + 1
        self._writer: Any = SummaryWriter(str(folder), purge_step=purge)

    def write(self, record: Record) -> None:
        """See `Sink.write`."""
        group, step = str(record["kind"]), int(record["step"])
        for name, value in record.items():
            if name in {"step", "kind"}:
                continue
            if isinstance(value, int | float):
                self._writer.add_scalar(f"{group}/{name}", value, step)
            elif isinstance(value, str):
                self._writer.add_text(f"{group}/{name}", f"```\n{value}\n```", step)

    def close(self) -> None:
        """See `Sink.close`."""
        self._writer.close()


class Sinks:
    """All of a run's sinks as one."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = list(sinks)

    def write(self, record: Record) -> None:
        """Hand the record to each."""
        for sink in self._sinks:
            sink.write(record)

    def close(self) -> None:
        """Close each, the first one last: it is the one that must not lose anything."""
        for sink in reversed(self._sinks):
            sink.close()


def open_sinks(folder: Path, names: Sequence[str], recipe: dict[str, Any], *, keep_to: int | None) -> Sinks:
    """JSON lines in `folder`, and the sinks `names`: "tensorboard", or a name that a package registered.

    Records after step ``keep_to`` are forgotten. Raises QuantaError for a name that nobody registered.
    """
    sinks: list[Sink] = [JsonLines(folder / "metrics.jsonl", keep_to=keep_to)]
    for name in names:
        if name == "tensorboard":
            sinks.append(TensorBoard(folder / "tensorboard", keep_to=keep_to))
            continue
        sinks.append(_registered(name)(folder, recipe))
    return Sinks(sinks)


def _registered(name: str) -> Callable[[Path, dict[str, Any]], Sink]:
    found = {point.name: point for point in entry_points(group=GROUP)}
    if name not in found:
        known = ", ".join(["tensorboard", *sorted(found)])
        raise QuantaError(f"metrics.sinks: there is no sink {name!r}; there are: {known}")
    made: Callable[[Path, dict[str, Any]], Sink] = found[name].load()
    return made
