"""Hand-written programs: every one of them is what it claims to be, and stand-ins for the tool are judged rightly."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from benchmarks.repair.programs import Program, answers_alike, load_programs, repaired

SMALL = Program(
    name="fares",
    family="rules",
    kind="wrong value",
    right="def fare(ages):\n    return sum(2 if age < 14 else 3 for age in ages)\n",
    faults=[
        {
            "line": 2,
            "before": "    return sum(2 if age < 14 else 3 for age in ages)\n",
            "after": "    return sum(2 if age < 12 else 3 for age in ages)\n",
        }
    ],
    tests="from fares import fare\n\ndef test_fare():\n    assert fare([13, 30]) == 5\n    assert fare([14]) == 3\n",
    inputs='FUNCTION = "fare"\nINPUTS = [([age],) for age in range(20)] + [([],), (["x"],)]\n',
)
TOOL = """
import difflib, json, pathlib, sys
path = pathlib.Path(sys.argv[2], "fares.py")
old = path.read_text()
new = old.replace(*sys.argv[-1].split("->"))
def diff(new):
    return "".join(difflib.unified_diff(old.splitlines(True), new.splitlines(True), "a/fares.py", "b/fares.py"))
path.write_text(new)
others = [{"patch": diff(old.replace("12", number))} for number in ("15", "14")]
print(json.dumps({"status": "fixed", "patch": diff(new), "alternatives": others, "found_at": 3}))
"""


def attempt(tmp_path: Path, change: str, program: Program = SMALL):
    script = tmp_path / "tool.py"
    # `fix` puts its options last; the change is handed over as if it were the model's name.
    script.write_text(TOOL)
    return repaired(program, [sys.executable, str(script)], Path(sys.executable), model=change, seconds=10)


def test_a_right_patch_is_correct(tmp_path):
    record = attempt(tmp_path, "12->14")
    assert (record.verdict, record.rank, record.false_claim, record.found_at) == ("correct", 1, False, 3)


def test_a_patch_that_only_passes_is_plausible_and_the_right_one_is_found_behind_it(tmp_path):
    record = attempt(tmp_path, "if age < 12->if age < 14 and ages or age == 13")
    assert record.verdict == "correct"  # it answers alike on all inputs, whatever it looks like
    record = attempt(tmp_path, "age < 12->age == 13")
    assert (record.verdict, record.rank, record.false_claim) == ("plausible", 3, False)


def test_a_claim_that_does_not_hold_is_seen(tmp_path):
    record = attempt(tmp_path, "12->11")
    assert (record.verdict, record.false_claim) == ("wrong", True)


def test_arguments_that_are_changed_and_exceptions_count():
    wrong = SMALL.right.replace("return", "ages.sort()\n    return")
    assert not answers_alike(SMALL, wrong.replace("ages.sort()", "ages.append(0)"))
    assert answers_alike(SMALL, wrong)
    assert not answers_alike(SMALL, SMALL.right.replace("age in ages", "age in map(int, ages)"))
    assert not answers_alike(SMALL, "def fare(ages)")


def test_there_are_programs_of_both_splits_and_names_are_checked():
    programs = load_programs()
    assert {program.split for program in programs} == {"dev", "test"}
    with pytest.raises(ValueError, match="no such program: nobody"):
        load_programs(names=["nobody"])
    assert json.dumps([program.name for program in load_programs(split="dev")])


@pytest.mark.parametrize("program", load_programs()[:8], ids=lambda program: program.name)
def test_a_program_and_its_bug(program, tmp_path):
    assert answers_alike(program, program.right)
    assert not answers_alike(program, program.wrong)
    compile(program.tests, "tests", "exec")
