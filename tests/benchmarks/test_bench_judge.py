"""What faults do to a real suite, and the verdicts on patches."""

from __future__ import annotations

from dataclasses import replace

import pytest
from bench_support import FILES, PACKAGE

from benchmarks.repair import evaluate
from benchmarks.repair.evaluate import all_passed, effect, judge
from benchmarks.repair.layout import build
from benchmarks.repair.suite import Limits, Outcomes, run_suite
from benchmarks.repair.tasks import Fault

COUNT = "coins/count.py"


def fault(before: str, after: str, file: str = COUNT) -> Fault:
    return Fault(file, 1, FILES[file].index(before), before, after, "", "")


def test_the_baseline_knows_every_test_and_where_it_is_written(base):
    assert base.clean and len(base.passing) == 7
    where = base.definitions["tests/test_show.py::TestShow::test_unit"]
    assert str(where) == "tests/test_show.py::Shared.test_unit"


def test_a_fault_is_known_by_the_tests_it_breaks(archive, base, python):
    found = effect(PACKAGE, archive, base, [fault("result += coin", "result = coin")], python)
    assert (found.usable, found.stage) == (True, "test")
    assert found.failing == {"tests/test_count.py::test_sum[coins1]", "tests/test_count.py::test_three"}


def test_a_fault_no_test_notices_is_of_no_use(archive, base, python):
    assert not effect(PACKAGE, archive, base, [fault("coins.pop()", "coins.pop(0)")], python).usable


def test_a_fault_at_import_takes_the_whole_module(archive, base, python):
    found = effect(PACKAGE, archive, base, [fault("def total(", "def totals(")], python)
    assert (found.usable, found.stage, found.failing) == (True, "import", base.passing)


def test_a_fault_that_hangs_is_cut_off_and_named(archive, base, python, monkeypatch):
    monkeypatch.setattr(evaluate.Limits, "after", lambda seconds, **more: Limits(30, 0.5, 4))
    found = effect(PACKAGE, archive, base, [fault("coins.pop()", "coins.append(1)")], python)
    assert (found.usable, found.stage) == (True, "hang")
    assert found.hung == found.failing == {"tests/test_count.py::test_drain"}


def test_a_process_that_dies_is_not_complete(archive, base, python, tmp_path):
    faults = [fault("    result = 0\n", "    import os\n    os._exit(0)\n")]
    root = build(archive, faults, tmp_path / "coins")
    seen = run_suite(PACKAGE, root, python)
    assert not seen.complete and not seen.passed >= base.passing
    assert not effect(PACKAGE, archive, base, faults, python, runs=1).usable


def test_a_run_that_takes_too_long_is_killed(archive, base, python, tmp_path):
    root = build(archive, [fault("coins.pop()", "__import__('time').sleep(60)")], tmp_path / "coins")
    seen = run_suite(PACKAGE, root, python, limits=Limits(1.5, 60))
    assert not seen.complete and seen.seconds < 10


@pytest.mark.parametrize(
    ("line", "verdict"),
    [
        ("        result += coin\n", "correct"),
        ("        result = sum(coins)\n", "correct"),
        ("        result = 6 if coins == [1, 2, 3] else coin\n", "plausible"),
        ("        result = coin\n", "wrong"),
        ("        result = exit(0)\n", "wrong"),
    ],
)
def test_verdicts(archive, base, python, tmp_path, line, verdict):
    root = build(archive, [fault("        result += coin\n", line)] if "+=" not in line else [], tmp_path / "coins")
    visible = frozenset(base.passing - {"tests/test_count.py::test_sum[coins1]"})
    assert judge(PACKAGE, root, base, visible, python) == verdict


def test_a_test_that_is_skipped_has_not_passed(archive, base, python, tmp_path):
    root = build(archive, [], tmp_path / "coins")
    path = root / COUNT
    path.write_text("import pytest\npytest.skip('later', allow_module_level=True)\n" + path.read_text())
    assert judge(PACKAGE, root, base, base.passing, python) == "wrong"


def test_nothing_visible_is_never_plausible(archive, base, python, tmp_path):
    root = build(archive, [fault("result += coin", "result = coin")], tmp_path / "coins")
    assert judge(PACKAGE, root, base, frozenset(), python) == "wrong"
    assert judge(PACKAGE, root, replace(base, passing=frozenset()), frozenset(), python) == "correct"


@pytest.mark.parametrize(
    ("passed", "failed", "complete", "verdict"),
    [
        ({"t.py::f[a-0]", "t.py::g"}, set(), True, True),
        ({"t.py::f[a-1]", "t.py::g"}, set(), True, True),
        ({"t.py::f[a-1]", "t.py::g"}, set(), False, False),
        ({"t.py::f[a-1]", "t.py::g"}, {"t.py::f[b-0]"}, True, False),
        ({"t.py::g"}, set(), True, False),
        ({"t.py::f[a-0]"}, set(), True, False),
    ],
)
def test_ids_that_differ_in_every_process(passed, failed, complete, verdict):
    seen = Outcomes(frozenset(passed), frozenset(failed), frozenset(), frozenset(), {}, complete, 1.0)
    assert all_passed(frozenset({"t.py::f[a-0]", "t.py::g"}), seen) is verdict
