"""The example project of ``make demo``: red as committed, and repaired by the real command."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "subscriptions"
FAILING = [
    "tests/test_invoice.py::test_credit_counts_the_leap_day_of_the_next_year",
    "tests/test_report.py::test_statement_across_a_leap_day",
]


@pytest.fixture
def copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return shutil.copytree(EXAMPLE, tmp_path / "project", ignore=shutil.ignore_patterns("__pycache__", ".pytest_cache"))


def quanta(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "quantatissu", *map(str, words)], capture_output=True, text=True, timeout=120
    )


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def test_the_example_is_repaired_proven_and_taken_back(copy: Path) -> None:
    before = contents(copy)
    done = quanta("fix", copy, "--json", "--apply", "--max-seconds", "60")
    answer = json.loads(done.stdout)
    assert (done.returncode, answer["status"]) == (0, "fixed"), answer["message"]
    assert answer["failing_before"] == FAILING and answer["failing_after"] == []
    changed = {name for name, data in contents(copy).items() if before.get(name) != data}
    assert changed and all(name.startswith("src/billing/") for name in changed)

    tests = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], cwd=copy, capture_output=True, text=True
    )
    assert tests.returncode == 0, tests.stdout
    for cache in copy.rglob("__pycache__"):
        shutil.rmtree(cache)

    assert quanta("undo", copy).returncode == 0
    assert contents(copy) == before


def test_without_apply_the_patch_goes_to_standard_output_and_nothing_is_written(copy: Path) -> None:
    before = contents(copy)
    done = quanta("fix", copy, "--files", "src/billing/dates.py")
    assert done.returncode == 0, done.stderr
    assert contents(copy) == before
    assert subprocess.run(["git", "apply", "-"], cwd=copy, input=done.stdout, text=True).returncode == 0
    assert contents(copy) != before
