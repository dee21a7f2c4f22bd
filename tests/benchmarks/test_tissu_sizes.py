"""The sizes that are compared, and what is read off a run."""

import dataclasses
import json
from pathlib import Path

import pytest

from benchmarks.tissu.sizes import _KEY_VALUE_HEADS, HEAD, SIZES, Row, seconds_a_step
from quantatissu.model.shapes import shape


@pytest.mark.parametrize(("name", "parameters"), [("6M", 5.8e6), ("28M", 27.8e6), ("60M", 58.2e6)])
def test_each_has_the_parameters_that_its_name_says(name: str, parameters: float) -> None:
    values = SIZES[name] | ({"num_key_value_heads": _KEY_VALUE_HEADS[name]} if name in _KEY_VALUE_HEADS else {})
    config = dataclasses.replace(shape("tissu"), **values)
    assert config.parameters == pytest.approx(parameters, rel=0.01)


def test_the_first_steps_do_not_count(tmp_path: Path) -> None:
    records = [{"kind": "step", "seconds": seconds} for seconds in (9.0, 9.0, 1.0, 3.0, 2.0)]
    records.insert(2, {"kind": "evaluation", "seconds": 50.0})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    assert seconds_a_step(tmp_path) == 2.0


def test_a_row_has_as_many_cells_as_the_head() -> None:
    row = str(Row("6M", 5_787_008, 3_661_824, 0.18, 0.367, 55.38, 4.1, 1.09))
    assert row.count("|") == HEAD.splitlines()[0].count("|")
    assert "18.0%" in row
