"""Results of every kind, as the engine would give them, about a small project that exists on disk."""

from __future__ import annotations

import difflib
from pathlib import Path

from quantatissu.repair.report import FixResult, Patch, Suspect

NAME = "shop/cart.py"
BEFORE = 'def total(prices, rebate):\n    """Sum less rebate."""\n    return sum(prices) + rebate\n'
AFTER = BEFORE.replace("+ rebate", "- rebate")
FAILING = ("tests/test_cart.py::test_rebate", "tests/test_cart.py::test_no_less_than_zero")


def make_project(root: Path, text: str = BEFORE) -> Path:
    (root / "shop").mkdir(parents=True)
    (root / NAME).write_text(text)
    return root


def make_patch(after: str = AFTER, before: str = BEFORE, **changes: object) -> Patch:
    diff = "".join(
        difflib.unified_diff(before.splitlines(True), after.splitlines(True), f"a/{NAME}", f"b/{NAME}", lineterm="\n")
    )
    values: dict[str, object] = {
        "diff": diff,
        "contents": {NAME: after.encode()},
        "before": {NAME: before.encode()},
        "explanation": "In total (shop/cart.py, line 3) + becomes -.",
        "fixes": FAILING,
        "verified": True,
        "score": -1.25,
        "found_at": 7,
        "operators": ("operator.arithmetic",),
    }
    return Patch(**(values | changes))  # type: ignore[arg-type]


SUSPECTS = (
    Suspect(NAME, 3, 0.97, "run by both failing tests and by no passing one", "    return sum(prices) + rebate"),
    Suspect(NAME, 1, 0.5, "in the traceback of test_rebate", "def total(prices, rebate):"),
)
COMMON: dict[str, object] = {
    "failing_before": FAILING,
    "suspects": SUSPECTS,
    "candidates_tried": 1234,
    "candidates_per_second": 308.5,
    "seconds": {"prepare": 0.25, "baseline": 1.0, "localise": 0.1, "search": 2.0, "verify": 0.65, "total": 4.0},
}
FIXED = FixResult(
    "fixed",
    "Both failing tests pass now and nothing else broke.",
    patch=make_patch(),
    alternatives=(make_patch(BEFORE.replace("+ rebate", "+ -rebate"), found_at=90, explanation="+ becomes + -."),),
    flaky=("tests/test_cart.py::test_clock",),
    **COMMON,  # type: ignore[arg-type]
)
NOT_FIXED = FixResult(
    "not_fixed",
    "No patch made every failing test pass.",
    partial=make_patch(fixes=FAILING[:1], verified=False),
    failing_after=FAILING,
    not_run=12,
    hint="More time may help: --max-seconds 300.",
    **COMMON,  # type: ignore[arg-type]
)
NOTHING = FixResult("nothing_to_fix", "All 12 tests pass.", seconds={"total": 0.8})
INTERRUPTED = FixResult(
    "not_fixed",
    "Stopped; nothing was changed.",
    interrupted=True,
    partial=NOT_FIXED.partial,
    **COMMON,  # type: ignore[arg-type]
)
