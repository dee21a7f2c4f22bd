"""Records on disk, and where they go."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch

from quantatissu.foundation import QuantaError
from quantatissu.training.metrics import (
    JsonLines,
    bits_per_byte,
    measure_peak,
    open_sinks,
    perplexity,
    read_records,
)
from quantatissu.training.metrics.plot import plot_runs


def test_records_come_back_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    lines = JsonLines(path)
    for step in (1, 2, 3):
        lines.write({"step": step, "kind": "step", "loss": math.nan if step == 2 else 1.5})
    lines.close()
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 4, "kind": "st')
    assert [(one["step"], one["loss"]) for one in read_records(path)] == [(1, 1.5), (2, None), (3, 1.5)]
    JsonLines(path, keep_to=2).write({"step": 3, "kind": "step", "loss": 9.0})
    assert [one.get("loss") for one in read_records(path)] == [1.5, None, 9.0]


def test_there_is_nothing_to_read_before_a_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read_records(tmp_path / "metrics.jsonl")


def test_perplexity_and_bits_per_byte() -> None:
    assert perplexity(math.log(7)) == pytest.approx(7)
    assert perplexity(1e6) == math.inf
    assert bits_per_byte(math.log(2), 8, 4) == pytest.approx(2)
    assert math.isnan(bits_per_byte(1.0, 1, 0))


def test_tensorboard_gets_curves_and_an_unknown_sink_a_name(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    sinks = open_sinks(tmp_path, ["tensorboard"], {}, keep_to=None)
    sinks.write({"step": 5, "kind": "eval", "loss": 2.5})
    sinks.close()
    events = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [(one.step, one.value) for one in events.Scalars("eval/loss")] == [(5, 2.5)]
    with pytest.raises(QuantaError, match="no sink 'wandbb'"):
        open_sinks(tmp_path, ["wandbb"], {}, keep_to=None)


def test_runs_are_drawn_side_by_side(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "metrics.jsonl").write_text(
            "".join(json.dumps({"step": s, "kind": "step", "loss": 5 / s, "lr": 1.0}) + "\n" for s in range(1, 80))
        )
    picture = plot_runs([tmp_path / "one", tmp_path / "two"], tmp_path / "runs.svg")
    text = picture.read_text(encoding="utf-8")
    assert text.lstrip().startswith("<?xml") and len(text) > 5000
    with pytest.raises(QuantaError, match="holds no run"):
        plot_runs([tmp_path], tmp_path / "no.png")


def test_the_peak_is_a_rate_of_this_machine() -> None:
    peak = measure_peak(torch.device("cpu"), torch.float32, seconds=0.02)
    assert 1e8 < peak.flops < 1e15
    assert "float32" in str(peak)
