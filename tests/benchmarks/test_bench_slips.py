"""Hand-written slips: that they are well-formed, and where the edit that mends one stands."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from benchmarks.repair.slips import Slip, load_slips, reach


def test_every_slip_changes_what_its_code_does() -> None:
    slips = load_slips()
    assert len(slips) >= 300
    assert {slip.kind for slip in slips} == {
        "missing logic", "excess logic", "wrong value", "wrong operator", "wrong name", "wrong function",
    }  # fmt: skip
    for slip in slips:
        assert ast.dump(ast.parse(slip.right)) != ast.dump(ast.parse(slip.wrong))


def test_right_lines_must_be_unique(tmp_path: Path) -> None:
    (tmp_path / "some.txt").write_text("=== other\nx = 1\ny = 2\nx = 1\n--- right\nx = 1\n--- wrong\nx = 2\n")
    with pytest.raises(ValueError, match="block 1"):
        load_slips(tmp_path)


def test_reach() -> None:
    right = "def least(a, b):\n    return a if a < b else b\n"
    found = reach(Slip("least", "wrong operator", right, right.replace("<", ">")))
    assert found.rank is not None
    assert found.rank <= 3
    assert found.operator == "swap_comparison"
    lost = Slip(
        "lost", "missing logic", "def f(a):\n    return frobnicate(a, 3, 5, 'x')\n", "def f(a):\n    return a\n"
    )
    assert reach(lost, most=500).rank is None
    assert "frobnicate" in lost.patch
