"""Figures of the report, and what of a results file is read back."""

from __future__ import annotations

import json
import math

import pytest
from bench_support import TASK
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.registry import Skip
from benchmarks.repair.bench import measure, order, outcome, read_results
from benchmarks.repair.report import quantile, report, wilson
from benchmarks.repair.tasks import save


def record(number: int, verdict: str, **more):
    return {
        "task": f"t{number}",
        "source": "mutant",
        "kind": "number",
        "stage": "test",
        "package": "coins",
        "status": "fixed" if verdict != "none" else "not_fixed",
        "verdict": verdict,
        "rank": 1 if verdict == "correct" else None,
        "false_claim": False,
        "touched": [],
        "seconds": float(number),
        "candidates_tried": 10 * number,
        "candidates_per_second": 5.0,
        "found_at": number,
        "operators": ["shift_number"] if verdict != "none" else [],
        "problems": [],
    } | more


# Values from Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_interval(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=6e-5)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(pair):
    low, high = wilson(*pair)
    assert 0 <= low <= pair[0] / pair[1] + 1e-12 and pair[0] / pair[1] - 1e-12 <= high <= 1


def test_quantiles():
    assert quantile([3.0, 1.0, 2.0], 0.5) == 2.0
    assert quantile(range(1, 11), 0.9) == 9
    assert math.isnan(quantile([], 0.5))


def test_the_report_says_what_matters():
    records = [
        record(1, "correct"),
        record(2, "plausible", rank=3),
        record(3, "wrong", false_claim=True, touched=["tests/t.py"]),
        record(4, "none", problems=["took 90 s of 60"]),
    ]
    text = report(records, operators=True)
    assert "correct          1 of 4  25.0%" in text and "plausible        2 of 4" in text
    assert "false claims     1\n  t3" in text and "touched tests    1\n  t3: tests/t.py" in text
    assert "t4: took 90 s of 60" in text
    operators = next(line for line in text.splitlines() if "shift_number" in line)
    assert operators.split() == ["shift_number", "1", "1", "1"]


def test_the_bar_asks_for_the_share_and_for_honesty():
    good = [record(number, "correct") for number in range(6)]
    bad = [record(number, "none") for number in range(4)]
    assert outcome(good + bad).passed
    assert not outcome(good + bad + bad).passed
    assert not outcome([*good, record(9, "correct", touched=["tests/t.py"])]).passed
    assert not outcome([*good, record(9, "wrong", false_claim=True)]).passed


def test_a_line_cut_off_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(record(1, "none")) + '\n{"task": "t2", "sour')
    assert [found["task"] for found in read_results(path)] == ["t1"]
    assert read_results(tmp_path / "none.jsonl") == []


def test_the_order_does_not_depend_on_where_it_starts():
    import dataclasses

    tasks = [dataclasses.replace(TASK, id=f"t{number}") for number in range(50)]
    assert order(tasks) == order(tasks[::-1]) != tasks


def test_a_stored_run_is_reported_without_running_anything(tmp_path, capsys):
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(record(1, "correct")) + "\n")
    assert measure(["--report", "--results", str(path)]).value.startswith("100.0%")
    assert "correct          1 of 1" in capsys.readouterr().out


def test_tasks_that_are_done_are_not_run_again(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("benchmarks.repair.environment.test_python", lambda: tmp_path / "python")
    save(TASK, tmp_path / "tasks")
    path = tmp_path / "results.jsonl"
    path.write_text(json.dumps(record(1, "correct", task=TASK.id)) + "\n")
    arguments = [
        "--tasks",
        str(tmp_path / "tasks"),
        "--split",
        "dev",
        "--quanta",
        "/nonexistent",
        "--results",
        str(path),
    ]
    assert measure(arguments).passed


def test_nothing_to_report_is_a_skip(tmp_path):
    with pytest.raises(Skip):
        measure(["--report", "--results", str(tmp_path / "none.jsonl")])


def test_the_report_compares_with_a_fresh_process_for_each_candidate():
    records = [
        record(1, "correct", fresh_seconds=0.5, limit=60.0, found_at=240),
        record(2, "correct", fresh_seconds=0.5, limit=60.0, found_at=241),
        record(3, "none", fresh_seconds=0.5, limit=60.0, found_at=None),
    ]
    text = report(records)
    assert "0.50 s a candidate (median), 4.0 candidates/s on 2 cores" in text
    assert "1 of the 2 patches offered would have been reached in the same time" in text
    assert "not measured" in report([record(1, "correct")])
