"""Curves of runs side by side, as one picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.training.metrics.record import read_records

_SMOOTHING = 0.9
_PANELS = (
    ("step", "loss", "loss (nats a token)"),
    ("eval", "loss", "held-out loss (nats a token)"),
    ("step", "accuracy", "token accuracy"),
    ("step", "gradient_norm", "gradient norm"),
    ("step", "lr", "learning rate"),
    ("step", "tokens_per_s", "tokens a second"),
    ("step", "mfu", "MFU"),
    ("eval", "infill_exact_match", "infilling exact match"),
    ("eval", "repair_top1", "repair top-1"),
)


def plot_runs(runs: Sequence[Path], target: Path) -> Path:
    """Draw the runs in the folders `runs` into `target` (its suffix decides the format: png, svg, pdf).

    A panel for each figure that some run has. Raises QuantaError for a folder without records.
    """
    records = {_name(run, runs): _records(run) for run in runs}
    panels = [panel for panel in _PANELS if any(_series(one, *panel[:2])[0] for one in records.values())]
    if not panels:
        raise QuantaError("there is nothing to draw yet: no step was recorded")
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    wide = min(3, len(panels))
    high = -(-len(panels) // wide)
    figure, axes = plt.subplots(high, wide, figsize=(5 * wide, 3.4 * high), squeeze=False, layout="constrained")
    for axis, (kind, field, title) in zip(axes.flat, panels, strict=False):
        for number, (name, one) in enumerate(records.items()):
            steps, values = _series(one, kind, field)
            colour = f"C{number}"
            if kind == "step" and field != "lr" and len(values) > 50:
                axis.plot(steps, values, color=colour, alpha=0.2, linewidth=0.8)
                values = _smooth(values)
            axis.plot(steps, values, color=colour, label=name, marker="o" if len(values) < 12 else None, markersize=3)
        axis.set_title(title, fontsize=10)
        axis.set_xlabel("step", fontsize=9)
        axis.grid(visible=True, alpha=0.25)
    if len(records) > 1:
        axes.flat[0].legend(fontsize=8)
    for axis in list(axes.flat)[len(panels) :]:
        axis.remove()
    target.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(target, dpi=130)
    plt.close(figure)
    return target


def _records(run: Path) -> list[dict[str, Any]]:
    try:
        return read_records(run / "metrics.jsonl")
    except FileNotFoundError:
        raise QuantaError(f"{run} holds no run", hint="Pass the folder that `quanta train` wrote.") from None


def _name(run: Path, runs: Sequence[Path]) -> str:
    """The folder's name; more of its path where two runs share it."""
    alike = [one for one in runs if one.resolve().name == run.resolve().name]
    return run.resolve().name if len(alike) == 1 else str(run)


def _series(records: Sequence[dict[str, Any]], kind: str, field: str) -> tuple[list[int], list[float]]:
    found = [(one["step"], one[field]) for one in records if one["kind"] == kind and one.get(field) is not None]
    return [step for step, _ in found], [value for _, value in found]


def _smooth(values: Sequence[float]) -> list[float]:
    """Exponential moving average, corrected for its start."""
    smoothed, average = [], 0.0
    for number, value in enumerate(values, start=1):
        average = _SMOOTHING * average + (1 - _SMOOTHING) * value
        smoothed.append(average / (1 - _SMOOTHING**number))
    return smoothed
