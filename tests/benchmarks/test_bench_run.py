"""Whole tasks with stand-ins for the tool: honest ones, and ones that cheat in every way we know."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from bench_support import FILES, PACKAGE

from benchmarks.repair.layout import names
from benchmarks.repair.packages import digest
from benchmarks.repair.run import Case, make_case, run_case
from benchmarks.repair.tasks import Fault, Task

COUNT = "coins/count.py"
FAILING = {"tests/test_count.py::test_sum[coins1]", "tests/test_count.py::test_three"}
HEAD = """
import difflib, json, pathlib, sys
root = pathlib.Path(sys.argv[2])
assert "--apply" in sys.argv and "--json" in sys.argv
def diff(path, old, new):
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "a/" + path, "b/" + path))
def fix(path, before, after, write=True):
    old = (root / path).read_text()
    new = old.replace(before, after)
    if write:
        (root / path).write_text(new)
    return diff(path, old, new)
def say(status, patch="", code=None, **more):
    more = {"candidates_tried": 12, "candidates_per_second": 3.0, "seconds": {"total": 1.0}} | more
    print(json.dumps({"status": status, "patch": patch, **more}))
    sys.exit({"fixed": 0, "not_fixed": 1, "error": 2}.get(status, 0) if code is None else code)
"""
RIGHT = 'fix("coins/count.py", "result = coin", "result += coin")'
OVERFIT = 'fix("coins/count.py", "result = coin", "result = 6 if len(coins) == 3 else coin")'


@pytest.fixture(scope="module")
def case(archive, base, python) -> Case:
    before = "result += coin"
    fault = Fault(COUNT, 4, FILES[COUNT].index(before), before, "result = coin", "by hand", "augmented")
    task = Task(
        id="coins-1.0-m01",
        package="coins",
        version="1.0",
        sha256=digest(archive),
        split="dev",
        source="mutant",
        kind="augmented",
        stage="test",
        faults=(fault,),
        shown=("tests/test_count.py::test_three",),
        failing=names(base.definitions, FAILING),
        failing_count=2,
        passing_count=len(base.passing),
    )
    return make_case(task, PACKAGE, archive, base, python)


def attempt(case: Case, tmp_path: Path, body: str, seconds: float = 10):
    script = tmp_path / "tool.py"
    script.write_text(HEAD + body)
    return run_case(case, [sys.executable, str(script)], seconds=seconds)


def test_the_tool_sees_the_one_failing_test_and_not_the_other(case, tmp_path):
    result = attempt(case, tmp_path, "say('not_fixed', message=(root / 'tests/test_count.py').read_text())")
    assert "test_three" in result.message and "test_sum" not in result.message
    assert (result.status, result.verdict, result.problems) == ("not_fixed", "none", ())


def test_a_right_patch(case, tmp_path):
    more = "operators=['augmented'], found_at=7"
    result = attempt(case, tmp_path, f"say('fixed', {RIGHT}, {more})")
    assert (result.verdict, result.rank, result.false_claim, result.touched) == ("correct", 1, False, ())
    assert (result.problems, result.operators, result.found_at) == ((), ("augmented",), 7)
    assert json.loads(json.dumps(result.record()))["candidates_tried"] == 12


def test_a_patch_made_for_the_visible_test_is_plausible_only(case, tmp_path):
    result = attempt(case, tmp_path, f"say('fixed', {OVERFIT}, alternatives=[])")
    assert (result.verdict, result.rank, result.false_claim) == ("plausible", None, False)


def test_the_right_patch_among_the_alternatives_is_found(case, tmp_path):
    body = f"right = {RIGHT[:-1]}, write=False)\n"
    body += f"say('fixed', {OVERFIT}, alternatives=[{{'patch': 'nonsense'}}, {{'patch': right}}])"
    result = attempt(case, tmp_path, body)
    assert (result.verdict, result.rank) == ("plausible", 3)


def test_a_claim_without_substance_is_false(case, tmp_path):
    result = attempt(case, tmp_path, "say('fixed', fix('coins/count.py', 'result = 0', 'result = 1'))")
    assert (result.verdict, result.false_claim) == ("wrong", True)


def test_a_claim_without_a_change_is_false(case, tmp_path):
    result = attempt(case, tmp_path, "say('fixed')")
    assert result.false_claim and result.problems == ("said fixed and changed nothing",)


def test_changing_the_test_is_seen_and_does_not_help(case, tmp_path):
    result = attempt(case, tmp_path, "say('fixed', fix('tests/test_count.py', '== 6', '== 3'))")
    assert result.touched == ("tests/test_count.py",)
    assert result.verdict == "wrong"


def test_a_new_conftest_is_seen_and_does_not_help(case, tmp_path):
    body = "(root / 'conftest.py').write_text('collect_ignore_glob = [\"*\"]')\nsay('fixed')"
    result = attempt(case, tmp_path, body)
    assert result.touched == ("conftest.py",) and result.verdict == "wrong"


def test_a_patch_other_than_what_was_written_is_a_problem(case, tmp_path):
    result = attempt(case, tmp_path, f"{RIGHT}\nsay('fixed', '')")
    assert result.verdict == "correct"
    assert result.problems == ("the patch printed is not what was written",)


def test_changing_files_without_a_fix_is_a_problem(case, tmp_path):
    result = attempt(case, tmp_path, f"{OVERFIT}\nsay('not_fixed')")
    assert result.problems == ("changed coins/count.py without a fix",)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("print('hello')", "no JSON object"),
        ("sys.exit('it broke')", "it broke"),
        ("say('not_fixed', code=0)", "status not_fixed with exit code 0"),
        ("say('error', message='no runner')", "no runner"),
        ("say('nothing_to_fix')", "nothing_to_fix"),
    ],
)
def test_breaches_of_the_contract_are_named(case, tmp_path, body, problem):
    result = attempt(case, tmp_path, body)
    assert result.verdict == "none" and problem in " ".join(result.problems)


def test_a_tool_that_does_not_end_is_killed(case, tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.repair.tool.PATIENCE_SECONDS", 0.5)
    result = attempt(case, tmp_path, "import time; time.sleep(60)", seconds=0.5)
    assert result.seconds < 10 and "killed" in result.problems[0]
