"""The operator table run backwards: what is drawn, how often, and that it is a function of the seed."""

import ast
from collections import Counter

import pytest
from synthetic_support import PURE

from quantatissu.corpus.synthetic.chances import chance
from quantatissu.corpus.synthetic.functions import functions, unit
from quantatissu.corpus.synthetic.mutants import backward_priors, draw, lines_at_fault, undone_by
from quantatissu.rewriting import OPERATORS, Edit, Project, Source


@pytest.fixture(scope="module")
def source():
    return Source(PURE, "module.py")


def drawn(source, seed, count=8, temperature=1.0):
    project = Project([source])
    return [
        (function, rewrite)
        for function in functions(source)
        for rewrite in draw(source, project, function, chance(seed, function.name), count, temperature)
    ]


def test_only_rows_that_undo_another_are_drawn():
    inverses = {row.inverse for row in OPERATORS.values()}
    assert set(backward_priors()) == inverses & set(OPERATORS)
    assert "entry_guard" not in backward_priors()
    assert all(prior <= 0 for prior in backward_priors().values())


def test_draws_depend_on_the_seed_alone(source):
    again = Source(PURE, "module.py")
    edits = [rewrite.edits for _, rewrite in drawn(source, 1)]
    assert edits == [rewrite.edits for _, rewrite in drawn(again, 1)]
    assert edits != [rewrite.edits for _, rewrite in drawn(source, 2)]


def test_mutants_differ_and_stay_in_their_function(source):
    found = drawn(source, 3)
    texts = [rewrite.apply(PURE) for _, rewrite in found]
    assert len(texts) == len(set(texts)) and PURE not in texts
    for function, rewrite in found:
        low, high = source.line_span(function.first, function.last)
        assert all(low <= edit.start <= edit.end <= high for edit in rewrite.edits)
    assert max(Counter(function.name for function, _ in found).values()) <= 8
    assert len({rewrite.operator for _, rewrite in found}) > 8


def test_likely_rows_are_drawn_more_often_than_unlikely_ones_unless_flattened(source):
    priors = backward_priors()

    def mean(temperature):
        found = [rewrite for seed in range(2) for _, rewrite in drawn(source, seed, 3, temperature)]
        return sum(priors[rewrite.operator] for rewrite in found) / len(found)

    assert mean(0.3) > mean(20.0)


def test_a_mutant_is_undone_by_a_row_of_the_table():
    right = "def f(a, b):\n    if a < b:\n        return a\n    return b\n"
    source = Source(right)
    project = Project([source])
    (function,) = functions(source)
    names = set()
    for rewrite in draw(source, project, function, chance(5), 40):
        wrong = rewrite.apply(right)
        try:
            ast.parse(wrong)
        except SyntaxError:
            continue
        name = undone_by(right, Source(wrong), lines_at_fault(source, rewrite), rewrite.operator)
        if name:
            names.add(name)
            assert rewrite.operator in (OPERATORS[name].inverse, name) or OPERATORS[rewrite.operator].inverse == name
    assert len(names) >= 8


def test_functions_are_those_of_the_module_and_its_classes():
    text = "if True:\n    def a(): pass\nclass C:\n    @staticmethod\n    def b():\n        def inner(): pass\n"
    found = [(function.name, function.first, function.last) for function in functions(Source(text))]
    assert found == [("a", 2, 2), ("C.b", 4, 6)]


def test_a_changed_body_can_be_swapped_in_and_a_changed_signature_cannot():
    text = "class C:\n    def m(self, x=1):\n        return x + 1\n"
    source = Source(text, "m.py")
    (function,) = functions(source)
    body, default = text.index("+ 1"), text.index("=1") + 1
    changed = text.replace("+ 1", "- 1")
    one = unit(source, function, [Edit(body, body + 1, "-")], changed, "/p/m.py")
    assert (one.classes, one.name, one.first) == (("C",), "m", 2)
    assert one.source == "    def m(self, x=1):\n        return x - 1\n"
    assert unit(source, function, [Edit(default, default + 1, "2")], text.replace("=1", "=2"), "/p/m.py") is None
