"""The warm worker on real projects: hot and cold candidates, hostile ones, tracing, old interpreters."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantatissu.testing.client import Limit, Trace, Unit
from quantatissu.testing.records import Collected

LIMITS = {"*": Limit(2.0, 10.0)}

MODULE = """\
import functools

RATE = 3


def logged(function):
    @functools.wraps(function)
    def wrapper(*args):
        return function(*args)

    return wrapper


class Base:
    def __init__(self, start):
        self.start = start

    @logged
    def add(self, amount):
        if amount < 0:
            return self.start
        return self.start + amount + 1


class Derived(Base):
    def add(self, amount):
        return super().add(amount) * 2


def outer(size):
    def inner(value):
        return value + size

    return inner


TABLE = [outer(1)(n) for n in range(3)]
KEPT = outer(10)


def count_down(number):
    while number > 0:
        number -= 1
    return number


def priced(amount):
    return amount * RATE
"""

TESTS = """\
import os
import pytest
import shop
from shop import Base, Derived, count_down, priced, KEPT, TABLE


@pytest.mark.parametrize("amount", [1, 2])
def test_add(amount):
    assert Base(1).add(amount) == 1 + amount


def test_negative():
    assert Base(1).add(-1) == 1


def test_derived():
    assert Derived(1).add(1) == 4


def test_count_down(tmp_path, capsys, monkeypatch):
    print("x")
    (tmp_path / "f").write_text("y")
    assert count_down(3) == 0


def test_priced():
    assert priced(2) == 6


def test_kept():
    assert KEPT(1) == 11 and TABLE == [1, 2, 3]


@pytest.mark.skip
def test_skipped():
    pass


@pytest.mark.xfail
def test_expected():
    assert False
"""

FILES = {"src/shop.py": MODULE, "tests/test_shop.py": TESTS, "pytest.ini": "[pytest]\npythonpath = src\n"}


def opened(slot):
    collected = slot.open(60)
    assert isinstance(collected, Collected), collected
    slot.watch()
    return collected


def unit(slot, name, new, classes=(), old=None):
    """The function ``name`` with ``old`` replaced by ``new`` in it."""
    lines = MODULE.splitlines(keepends=True)
    first = next(i for i, line in enumerate(lines) if line.lstrip().startswith(f"def {name}(")) + 1
    if classes:
        start = next(i for i, line in enumerate(lines) if line.startswith(f"class {classes[0]}"))
        first = next(i for i in range(start, len(lines)) if lines[i].lstrip().startswith(f"def {name}(")) + 1
    width = len(lines[first - 1]) - len(lines[first - 1].lstrip())
    last = first
    while last < len(lines) and (not lines[last].strip() or len(lines[last]) - len(lines[last].lstrip()) > width):
        last += 1
    while lines[first - 2].lstrip().startswith("@"):
        first -= 1
    text = "".join(lines[first - 1 : last])
    assert old in text
    return Unit(str(slot.setup.root / "src/shop.py"), tuple(classes), name, first, text.replace(old, new))


def outcomes(ran):
    return {result.id.split("::")[-1]: result.outcome for result in ran.results}


def test_outcomes_with_details(make_slot):
    slot = make_slot(FILES)
    collected = opened(slot)
    ran = slot.run(None, limits=LIMITS, total=60, detail=True)
    assert outcomes(ran) == {
        "test_add[1]": "failed",
        "test_add[2]": "failed",
        "test_negative": "passed",
        "test_derived": "failed",
        "test_count_down": "passed",
        "test_priced": "passed",
        "test_kept": "passed",
        "test_skipped": "skipped",
        "test_expected": "xfailed",
    }
    assert [result.id for result in ran.results] == list(collected.ids)
    failed = ran.results[0]
    assert failed.raised.type == "AssertionError"
    assert failed.raised.frames[-1][2] == "test_add"
    assert "assert 3 == (1 + 1)" in failed.text


def test_a_hot_change_reaches_decorated_and_inherited_methods(make_slot):
    slot = make_slot(FILES)
    collected = opened(slot)
    change = unit(slot, "add", "amount\n", classes=["Base"], old="amount + 1\n")
    ran = slot.run(collected.ids, limits=LIMITS, total=60, units=[change])
    assert {k: v for k, v in outcomes(ran).items() if v == "failed"} == {}
    again = slot.run(collected.ids, limits=LIMITS, total=60)
    assert outcomes(again)["test_add[1]"] == "failed"  # the change was the child's alone


def test_a_closure_made_at_import_sees_the_change(make_slot):
    slot = make_slot(FILES)
    opened(slot)
    ran = slot.run(
        ["tests/test_shop.py::test_kept"],
        limits=LIMITS,
        total=60,
        units=[unit(slot, "outer", "value - size", old="value + size")],
    )
    assert outcomes(ran) == {"test_kept": "failed"}


def test_a_failing_test_does_not_spoil_the_next_one(make_slot):
    slot = make_slot(FILES)
    collected = opened(slot)
    for hot in (True, False):
        ran = slot.run(collected.ids, limits=LIMITS, total=60, hot=hot)
        assert sorted(outcomes(ran).values()) == ["failed"] * 3 + ["passed"] * 4 + ["skipped", "xfailed"]


def test_a_cold_run_sees_module_level_changes(make_slot):
    slot = make_slot(FILES)
    opened(slot)
    test = "tests/test_shop.py::test_priced"
    slot.write({"src/shop.py": MODULE.replace("RATE = 3", "RATE = 4").encode()})
    assert outcomes(slot.run([test], limits=LIMITS, total=60, hot=False)) == {"test_priced": "failed"}
    slot.reset()
    assert (slot.branch.root / "src/shop.py").read_text() == MODULE
    assert outcomes(slot.run([test], limits=LIMITS, total=60, hot=False)) == {"test_priced": "passed"}


def test_a_cold_run_makes_only_the_tests_it_is_asked_for(make_slot):
    tests = """\
import unittest

import pytest


@pytest.mark.parametrize("n", [1, 2])
def test_n(n):
    assert n == 1


class TestIn:
    class TestDeeper:
        def test_a(self):
            pass

    def test_a(self):
        assert False

    def test_b(self):
        pass


class Case(unittest.TestCase):
    def test_a(self):
        pass

    def test_b(self):
        self.fail()


@pytest.fixture
def costly():
    raise RuntimeError("not asked for")


def test_other(costly):
    pass
"""
    slot = make_slot({"test_m.py": tests})
    opened(slot)
    wanted = ["test_n[2]", "TestIn::TestDeeper::test_a", "TestIn::test_b", "Case::test_b"]
    ran = slot.run([f"test_m.py::{name}" for name in wanted], limits=LIMITS, total=60, hot=False)
    assert {result.id.partition("::")[2]: result.outcome for result in ran.results} == {
        "test_n[2]": "failed",
        "TestIn::TestDeeper::test_a": "passed",
        "TestIn::test_b": "passed",
        "Case::test_b": "failed",
    }


def test_an_unknown_function_asks_for_a_fresh_import(make_slot):
    slot = make_slot(FILES)
    opened(slot)
    missing = Unit(str(slot.setup.root / "src/shop.py"), (), "nowhere", 999, "def nowhere():\n    pass\n")
    assert slot.run(["tests/test_shop.py::test_priced"], limits=LIMITS, total=9, units=[missing]).needs_fresh_import


def test_hostile_candidates_neither_win_nor_disturb(make_slot):
    slot = make_slot(FILES)
    opened(slot)
    test = "tests/test_shop.py::test_count_down"
    bodies = {
        "os._exit": "import os; os._exit(0)",
        "loop": "\n    while True: pass",
        "memory": "\n    x = [0]\n    while True: x = x + x",
        "kill parent": "import os; os.kill(os.getppid(), 9)",
        "fork bomb": "\n    import os\n    for _ in range(6): os.fork()\n    import time; time.sleep(60)",
        "orphan": "\n    import os, time\n    if os.fork() == 0:\n        os.setsid()\n        time.sleep(60)\n    number = 1",
        "close all": "import os; os.closerange(0, 100); os._exit(0)",
        "crash": "import ctypes; ctypes.string_at(0)",
        "exit": "raise SystemExit(0)",
        "copy that would pass": "import os; number = 0 if os.fork() == 0 else 1 / 0",
        "write": "open('src/shop.py', 'w').write('broken'); number = 1",
    }
    for name, body in bodies.items():
        change = unit(slot, "count_down", body + "\n    while number > 0:", old="while number > 0:")
        ran = slot.run([test], limits={"*": Limit(0.3, 1.0)}, total=5, units=[change])
        harmless = name in ("orphan", "write")  # what they do to the test's own answer is nothing
        assert harmless or not any(result.passed for result in ran.results), name
        slot.reset()
        after = slot.run([test], limits=LIMITS, total=30)
        assert outcomes(after) == {"test_count_down": "passed"}, name
    assert (slot.branch.root / "src/shop.py").read_text() == MODULE


def test_a_hanging_test_is_named_and_the_others_still_run(make_slot):
    tests = "import time\ndef test_a(): pass\ndef test_b():\n    while True: pass\ndef test_c(): pass\n"
    slot = make_slot({"test_it.py": tests})
    collected = opened(slot)
    ran = slot.run(collected.ids, limits={"*": Limit(0.5, 5.0)}, total=20)
    assert outcomes(ran) == {"test_a": "passed", "test_b": "timeout"}


def test_lines_are_traced_by_test(make_slot):
    slot = make_slot(FILES)
    opened(slot)
    path = str(slot.setup.root / "src/shop.py")
    ids = ["tests/test_shop.py::test_negative", "tests/test_shop.py::test_priced"]
    ran = slot.run(ids, limits={"*": Limit(None, 20)}, total=60, trace=Trace(files=(path,)))
    lines = {result.id.split("::")[1]: set(result.lines[path]) for result in ran.results}
    text = MODULE.splitlines()
    negative = {text[line - 1].strip() for line in lines["test_negative"]}
    assert {"if amount < 0:", "return self.start"} <= negative
    assert "return self.start + amount + 1" not in negative
    assert {text[line - 1].strip() for line in lines["test_priced"]} == {"return amount * RATE"}


def test_a_hanging_test_is_traced_within_its_budget(make_slot):
    files = {"m.py": "def spin(n):\n    while n:\n        n += 1\n", "test_m.py": "import m\ndef test(): m.spin(1)\n"}
    slot = make_slot(files)
    collected = opened(slot)
    ran = slot.run(collected.ids, limits={"*": Limit(None, 20)}, total=60, trace=Trace(budget=5000))
    (result,) = ran.results
    assert result.outcome == "budget"
    assert result.lines[str(slot.setup.root / "m.py")] == [2, 3]
    assert result.raised.frames[-1][2] == "spin"


def test_imports_are_traced(make_slot):
    slot = make_slot(FILES)
    collected = slot.open(60, trace_imports=True)
    path = str(slot.setup.root / "src/shop.py")
    text = MODULE.splitlines()
    ran_at_import = {text[line - 1].strip() for line in collected.imports[path]}
    assert {"RATE = 3", "return value + size"} <= ran_at_import
    assert "return amount * RATE" not in ran_at_import


def test_a_module_that_does_not_import_stands_for_its_tests(make_slot):
    slot = make_slot({"m.py": "import nowhere_to_be_found\n", "test_m.py": "import m\ndef test(): pass\n"})
    collected = opened(slot)
    assert [error.id for error in collected.errors] == ["test_m.py"]
    assert collected.errors[0].raised.missing_import[0] == "nowhere_to_be_found"
    slot.write({"m.py": b"x = 1\n"})
    ran = slot.run(["test_m.py"], limits=LIMITS, total=60, hot=False)
    assert [(result.id, result.outcome) for result in ran.results] == [("test_m.py::test", "passed")]


def test_user_options_are_honoured(make_slot):
    files = dict(FILES)
    files["pytest.ini"] = "[pytest]\npythonpath = src\naddopts = -x --strict-markers -p no:warnings\n"
    slot = make_slot(files, "python -W error -m pytest -k 'not derived' tests")
    collected = opened(slot)
    assert not any("derived" in name for name in collected.ids)
    assert len(slot.run(None, limits=LIMITS, total=60).results) == len(
        collected.ids
    )  # -x does not end the worker's run


def test_a_usage_error_is_reported_as_the_runner_s_status(make_slot):
    slot = make_slot(FILES, "python -m pytest --no-such-option")
    assert slot.open(60) == "4"


def test_threads_at_import_are_noticed(make_slot):
    files = {
        "test_t.py": "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
        "def test(): pass\n"
    }
    slot = make_slot(files)
    assert opened(slot).threads > 1


def test_clean_run_reports_each_test(make_slot):
    slot = make_slot(FILES)
    clean = slot.clean_run(60)
    assert clean.complete
    assert clean.results["tests/test_shop.py::test_negative"].passed
    assert clean.results["tests/test_shop.py::test_add[1]"].outcome == "failed"
    assert clean.results["tests/test_shop.py::test_expected"].outcome == "xfailed"
    assert clean.finished.exit_code == 1


def test_what_a_clean_run_compiled_is_not_taken_for_another_text_as_long(make_slot):
    slot = make_slot({"m.py": "A = 0\n", "test_m.py": "import m\n\n\ndef test_it():\n    assert m.A == 2\n"})
    for text, outcome in ((b"A = 1\n", "failed"), (b"A = 2\n", "passed")):
        slot.write({"m.py": text})
        assert slot.clean_run(60).results["test_m.py::test_it"].outcome == outcome
        slot.reset()


def test_clean_run_under_xdist(make_slot):
    slot = make_slot(FILES, "python -m pytest -n 2")
    clean = slot.clean_run(60)
    assert clean.results["tests/test_shop.py::test_negative"].passed
    assert len(clean.results) == 9
    assert len(opened(slot).ids) == 9  # the warm worker runs without it


UNITTEST = """\
import unittest
import calc


class TestCalc(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.ready = True

    def test_add(self):
        self.assertTrue(self.ready)
        self.assertEqual(calc.add(1, 2), 3)

    def test_sub(self):
        for n in range(3):
            with self.subTest(n=n):
                self.assertEqual(calc.add(n, 0), n)

    @unittest.skip("no")
    def test_skip(self):
        pass

    @unittest.expectedFailure
    def test_expected(self):
        self.fail()
"""


def interpreters():
    folder = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    found = sorted(folder.glob("3.*/bin/python")) if folder.is_dir() else []
    return [p for p in found if int(p.parts[-3].split(".")[1]) >= 9] or [Path(sys.executable)]


@pytest.mark.parametrize("python", interpreters(), ids=lambda path: path.parts[-3])
def test_unittest_on_every_interpreter_there_is(make_slot, python):
    files = {
        "calc.py": "def add(a, b):\n    return a - b\n",
        "test_calc.py": UNITTEST,
        "test_broken.py": "import gone\n",
    }
    slot = make_slot(files, f"{python} -m unittest")
    collected = opened(slot)
    assert [error.id for error in collected.errors] == ["test_broken"]
    first = outcomes(slot.run(None, limits=LIMITS, total=60, detail=True))
    expected = {"add": "failed", "sub": "passed", "skip": "skipped", "expected": "xfailed"}
    assert {name.rpartition("_")[2]: outcome for name, outcome in first.items()} == expected
    change = Unit(str(slot.setup.root / "calc.py"), (), "add", 1, "def add(a, b):\n    return a + b\n")
    assert set(outcomes(slot.run(collected.ids[:1], limits=LIMITS, total=60, units=[change])).values()) == {"passed"}
    traced = slot.run(collected.ids, limits={"*": Limit(None, 20)}, total=60, trace=Trace())
    assert traced.results[0].lines[str(slot.setup.root / "calc.py")] == [2]
    clean = slot.clean_run(60)
    assert clean.complete and clean.results["test_calc.TestCalc.test_sub"].passed


def test_generic_command(make_slot):
    script = "import sys, m\ntry:\n    assert m.f() == 2\nexcept AssertionError:\n    raise\n"
    slot = make_slot({"m.py": "def f():\n    return 1\n", "check.py": script}, "python check.py")
    collected = opened(slot)
    ran = slot.run(collected.ids, limits=LIMITS, total=30, detail=True)
    assert [result.outcome for result in ran.results] == ["failed"]
    slot.write({"m.py": b"def f():\n    return 2\n"})
    assert [result.outcome for result in slot.run(collected.ids, limits=LIMITS, total=30).results] == ["passed"]


def test_the_worker_s_source_runs_on_python_3_9():
    folder = Path(__file__).parents[2] / "src/quantatissu/testing/worker"
    done = subprocess.run(
        [str(Path(sys.executable).with_name("vermin")), "-t=3.9-", "--no-tips", "--violations", str(folder)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
