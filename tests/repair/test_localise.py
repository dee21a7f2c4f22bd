"""Ochiai against its formula, and what adds to it."""

import math

from hypothesis import given
from hypothesis import strategies as st

from quantatissu.repair.localise import Coverage, localise, ochiai
from quantatissu.rewriting import Source
from quantatissu.testing.records import Raised, TestResult

TEXT = """\
RATE = 2
OTHER = 3


def f(x):
    if x:
        y = x * RATE
    else:
        y = 0
    return y


def unused():
    return OTHER
"""

SOURCES = {"/p/m.py": Source(TEXT, "/p/m.py")}


def places(coverage, failing=()):
    return localise(failing, coverage, SOURCES.get, lambda path: path == "/p/m.py", lambda path: TEXT)


spectra = st.dictionaries(st.text(min_size=1, max_size=3), st.sets(st.integers(1, 9)), max_size=6)


@given(spectra.filter(bool), spectra)
def test_ochiai_is_its_formula(failing, passing):
    coverage = Coverage(
        {name: {"/p/m.py": sorted(lines)} for name, lines in failing.items()},
        {name: {"/p/m.py": sorted(lines)} for name, lines in passing.items()},
    )
    scores = ochiai(coverage).get("/p/m.py", {})
    for line in range(1, 10):
        ef = sum(line in lines for lines in failing.values())
        ep = sum(line in lines for lines in passing.values())
        assert math.isclose(scores.get(line, 0.0), ef / math.sqrt(len(failing) * (ef + ep)) if ef else 0.0)


def test_a_line_only_failing_tests_run_comes_first():
    coverage = Coverage({"t1": {"/p/m.py": [6, 7, 10]}}, {"t2": {"/p/m.py": [6, 9, 10]}})
    assert places(coverage)[0].line == 7


def test_the_raising_line_outranks_its_equals():
    coverage = Coverage({"t1": {"/p/m.py": [6, 7, 10]}})
    failing = [TestResult("t1", "failed", raised=Raised("ValueError", "", (("/p/m.py", 10, "f"), ("/x.py", 1, "g"))))]
    first = places(coverage, failing)[0]
    assert (first.line, first.reason) == (10, "ValueError raised here")


def test_a_constant_inherits_suspicion_from_where_it_is_used():
    coverage = Coverage({"t1": {"/p/m.py": [6, 7, 10]}}, imports={"/p/m.py": [1, 2, 5, 13]})
    lines = {place.line: place.score for place in places(coverage)}
    assert 0 < lines[2] < lines[1] < lines[7]


def test_without_coverage_the_traceback_is_enough():
    failing = [TestResult("t1", "failed", raised=Raised("TypeError", "", (("/p/m.py", 7, "f"),)))]
    assert places(Coverage(), failing)[0].line == 7


def test_files_that_may_not_be_edited_are_left_out():
    coverage = Coverage({"t1": {"/p/test_m.py": [1], "/p/m.py": [7]}})
    assert {place.path for place in places(coverage)} == {"/p/m.py"}


def test_a_function_that_is_named_but_never_entered_is_faintly_suspected():
    text = "class Version:\n    def parse(cls, text):\n        return text\n\n\ndef bump(text):\n    return Version.parse(text)\n"
    source = Source(text, "/p/m.py")
    coverage = Coverage(failing={"t": {"/p/m.py": [7]}}, imports={"/p/m.py": [1, 2, 6]})
    found = localise((), coverage, {"/p/m.py": source}.get, lambda path: True, lambda path: text)
    by_line = {place.line: place for place in found}
    assert by_line[2].reason == "header of a function that failing tests name"
    assert 0 < by_line[2].score < by_line[7].score
