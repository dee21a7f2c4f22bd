"""Bugs in projects with tests: kept when a real test fails on them, with what it said."""

import os
import shutil
import subprocess
import sys
from collections import Counter

import pytest
from synthetic_support import corrected, wrong_text

from quantatissu.corpus.document import Origin
from quantatissu.corpus.synthetic import SyntheticSettings, inject_tested
from quantatissu.foundation import QuantaError

SHOP = '''"""Prices in cents."""

import functools


def discount(cents, percent=10):
    """What is left after a discount, rounded down."""
    if not 0 <= percent <= 100:
        raise ValueError(f"no percentage: {percent}")
    return cents * (100 - percent) // 100


class Basket:
    def __init__(self, limit=3):
        self.items = []
        self.limit = limit

    def add(self, name, cents):
        if len(self.items) >= self.limit:
            raise OverflowError("full")
        self.items.append((name, cents))
        return self

    def total(self):
        return sum(cents for _, cents in self.items)


def never_run(x):
    return x + 1
'''
PYTEST = """import pytest

from shop import Basket, discount


@pytest.fixture
def basket():
    return Basket().add("tea", 250).add("milk", 120)


def test_total(basket):
    assert basket.total() == 370


def test_discount():
    assert discount(1000) == 900
    assert discount(999, 50) == 499


def test_no_such_discount():
    with pytest.raises(ValueError, match="no percentage: 101"):
        discount(5, 101)


def test_full(basket):
    basket.add("bread", 300)
    with pytest.raises(OverflowError):
        basket.add("jam", 1)


def test_already_failing():
    assert discount(100) == 1
"""
UNITTEST = """import unittest

from shop import Basket, discount


class ShopTest(unittest.TestCase):
    def test_total(self):
        self.assertEqual(Basket().add("tea", 250).total(), 250)

    def test_discount(self):
        self.assertEqual(discount(1000), 900)
"""
SETTINGS = SyntheticSettings(mutants_per_function=4, workers=2, test_seconds=1.0)


def make(root, tests=PYTEST):
    root.mkdir()
    (root / "shop.py").write_text(SHOP)
    (root / "test_shop.py").write_text(tests)
    (root / "pyproject.toml").write_text("[project]\nname = 'shop'\n")
    return root


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    root = make(tmp_path_factory.mktemp("tested") / "shop")
    tally = Counter()
    origin = Origin("archives", "shop", "1.2", "", "2024-01-01")
    records = list(inject_tested(root, SETTINGS, 0, origin=origin, licences=("MIT",), tally=tally))
    return root, records, tally


def test_the_failing_test_fails_without_us_and_passes_on_the_right_code(found, tmp_path):
    root, records, _ = found
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)

    def passes(text, *tests):
        (copy / "shop.py").write_text(text)
        command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
        environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return subprocess.run(command, cwd=copy, capture_output=True, env=environment).returncode == 0

    some = records[:: len(records) // 2]
    assert passes(SHOP, *(record.evidence.test for record in some))
    for record in some:
        assert not passes(wrong_text(record, SHOP), record.evidence.test)


def test_records_carry_the_failure(found):
    root, records, tally = found
    assert len(records) >= 8 and tally["killed"] == len(records) and tally["survived"] > 0
    asserted = [record for record in records if record.evidence.code == "AssertionError"]
    compared = [record.evidence for record in asserted if record.evidence.expected]
    assert compared
    for evidence in compared:
        assert evidence.actual and evidence.assertion.startswith("assert ")
    for record in records:
        evidence = record.evidence
        assert corrected(record)[0] == corrected(record)[1]
        assert (record.source, record.revision, record.path) == ("archives", "1.2", "shop.py")
        assert evidence.method == "tests" and evidence.tool.startswith("pytest ")
        assert evidence.test.startswith("test_shop.py::") and evidence.test_source.lstrip().startswith(("def", "@"))
        assert evidence.test != "test_shop.py::test_already_failing"
        assert str(root) not in repr(record)
        lines = {"shop.py": wrong_text(record, SHOP).split("\n"), "test_shop.py": PYTEST.split("\n")}
        for frame in evidence.frames:
            if frame.path in lines:
                assert lines[frame.path][frame.line - 1].strip() == frame.source
        assert evidence.output


def test_what_no_test_runs_is_left_alone(found):
    _, records, _ = found
    assert {record.function for record in records} == {"discount", "Basket.__init__", "Basket.add", "Basket.total"}


def test_the_project_is_not_written_to(found):
    root, _, _ = found
    assert (root / "shop.py").read_text() == SHOP and (root / "test_shop.py").read_text() == PYTEST
    assert {path.name for path in root.iterdir()} <= {"shop.py", "test_shop.py", "pyproject.toml"}


def test_neither_the_number_of_workers_nor_the_place_changes_the_records(found, tmp_path):
    _, records, _ = found
    root = make(tmp_path / "shop")
    origin = Origin("archives", "shop", "1.2", "", "2024-01-01")
    settings = SETTINGS.model_copy(update={"workers": 1, "records": 5})
    assert list(inject_tested(root, settings, 0, origin=origin, licences=("MIT",))) == records[:5]


def test_unittest_suites_tell_mutants_apart_too(tmp_path):
    root = make(tmp_path / "shop", UNITTEST)
    settings = SETTINGS.model_copy(update={"test_command": "python -m unittest"})
    records = list(inject_tested(root, settings, 2))
    assert len(records) >= 6
    assert all(record.evidence.test.startswith("test_shop.ShopTest.") for record in records)
    assert any(record.evidence.code == "AssertionError" and record.evidence.expected for record in records)
    assert records[0].repository == "shop"


def test_a_generator_that_is_dropped_ends_its_workers(tmp_path):
    found = inject_tested(make(tmp_path / "shop"), SETTINGS, 0)
    assert next(found).kind == "bug"
    found.close()


def test_projects_without_usable_tests_are_refused(tmp_path):
    with pytest.raises(QuantaError):
        next(inject_tested(make(tmp_path / "none", "x = 1\n"), SETTINGS, 0))
    with pytest.raises(QuantaError, match="No test of"):
        next(inject_tested(make(tmp_path / "red", "def test_red():\n    assert 0\n"), SETTINGS, 0))
    with pytest.raises(QuantaError, match="neither pytest nor unittest"):
        settings = SETTINGS.model_copy(update={"test_command": "make check"})
        next(inject_tested(make(tmp_path / "odd"), settings, 0))
