"""What every expression operator promises, on real code: the standard library of the running Python."""

from __future__ import annotations

import random

import pytest
from census import EXPRESSION_OPERATORS, SEED, offered, parses, return_rates, sample, statements_of

from quantatissu.rewriting import OPERATORS, Project, Rewrite, Source, apply_edits, rewrites

# Rows that throw text away which their inverse can only guess, so that it seldom offers just that text again.
_FORGETFUL = """
    attribute_to_name change_case common_number comparison_to_truth drop_argument drop_attribute drop_bound
    drop_call drop_chain drop_clause drop_default drop_element drop_filter drop_offset drop_operand drop_passed_self
    drop_sign drop_subscript drop_ternary get_to_subscript loosen_string replace_attribute replace_base
    replace_name replace_target seen_number seen_string slice_to_index tighten_string trim_string
    truth_to_comparison unwrap_call unwrap_method yield_from
"""
FORGETFUL = frozenset(_FORGETFUL.split())


@pytest.fixture(scope="module")
def made() -> list[tuple[Source, Rewrite]]:
    """Many rewrites of statements all over the sample."""
    found = []
    for source in sample(30, longest=300):
        project = Project([source])
        for statement in statements_of(source, 10):
            found += [(source, rewrite) for rewrite in offered(source, project, statement)]
    return random.Random(SEED).sample(found, min(1500, len(found)))


def test_every_row_names_its_inverse() -> None:
    for name in EXPRESSION_OPERATORS:
        row = OPERATORS[name]
        assert row.inverse in OPERATORS, name
        assert row.prior <= 0


def test_the_sample_exercises_most_rows(made: list[tuple[Source, Rewrite]]) -> None:
    assert len({rewrite.operator for _, rewrite in made}) >= 50


def test_rewrites_parse_and_their_inverse_restores_the_file(made: list[tuple[Source, Rewrite]]) -> None:
    for source, rewrite in made:
        changed = rewrite.apply(source.text)
        assert parses(changed), (source.path, rewrite)
        back = rewrite.inverse(source.text, OPERATORS[rewrite.operator].inverse)
        assert apply_edits(changed, back.edits) == source.text
        assert rewrite.cost >= 0


def test_rewrites_stay_inside_their_statement(made: list[tuple[Source, Rewrite]]) -> None:
    for source, rewrite in made:
        low, high = min(rewrite.edits).start, max(edit.end for edit in rewrite.edits)
        statement = next(node for node in source.statements if node.lineno == rewrite.line)
        first = min([statement.lineno, *(item.lineno for item in getattr(statement, "decorator_list", []))])
        start, end = source.line_starts[first - 1], source.span(statement)[1]
        assert start <= low <= high <= max(end, source.span(statement)[1]), (source.path, rewrite)


def test_only_the_edited_spans_change(made: list[tuple[Source, Rewrite]]) -> None:
    for source, rewrite in made[:300]:
        low, high = min(rewrite.edits).start, max(edit.end for edit in rewrite.edits)
        changed = rewrite.apply(source.text)
        assert changed[:low] == source.text[:low]
        assert changed.endswith(source.text[high:])


def test_the_named_inverse_finds_the_way_back() -> None:
    rates = return_rates(14, 5, longest=180)
    faithful = {name: rate for name, rate in rates.items() if name not in FORGETFUL}
    good, tried = (sum(column) for column in zip(*faithful.values(), strict=True))
    assert good / tried >= 0.93, {name: rate for name, rate in faithful.items() if rate[0] < rate[1]}
    assert not {name: rate for name, rate in faithful.items() if rate[1] >= 5 and rate[0] < 0.5 * rate[1]}


def test_statements_are_not_flooded() -> None:
    """The median stays within what a search can try; only statements of many expressions get many rewrites."""
    counts = []
    for source in sample(8):
        project = Project([source])
        counts += [sum(1 for _ in offered(source, project, node)) for node in statements_of(source, 25)]
    counts.sort()
    assert counts[len(counts) // 2] <= 150
    assert counts[int(len(counts) * 0.95)] <= 450
    assert counts[-1] <= 1200


CODE = """\
class Ångström:
    def grösse(self, länge=2, *, füll='é '):
        if not länge or self.tiefe[-1] > länge + 1:  # ü
            return füll.strip() + f'{länge + 1:.2f} ü', [a for a in (self.tiefe or ()) if a is not None]
        x = (länge
             + self.tiefe['schlüssel'][0]) * -1
        return self.grösse(länge - 1, füll=x if x else None)
"""


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
def test_line_ends_and_wide_characters_survive(ending: str) -> None:
    text = CODE.replace("\n", ending)
    source = Source(text)
    project = Project([source])
    found = [
        rewrite
        for statement in source.statements
        for rewrite in rewrites(source, statement, project, only=EXPRESSION_OPERATORS)
    ]
    assert len(found) > 300
    for rewrite in found:
        changed = rewrite.apply(text)
        assert parses(changed), rewrite
        if ending not in "".join(text[edit.start : edit.end] for edit in rewrite.edits):
            assert changed.count(ending) == text.count(ending)


def test_the_same_question_gets_the_same_answer() -> None:
    source = sample(1)[0]
    one = [list(offered(source, Project([source]), node)) for node in source.statements]
    again = Source(source.text, source.path)
    two = [list(offered(again, Project([again]), node)) for node in again.statements]
    assert one == two


def test_a_project_that_grows_is_seen() -> None:
    source = Source("x.colour\n")
    project = Project([source])
    assert not list(rewrites(source, source.statements[0], project, only={"replace_attribute"}))
    project.add(Source("y.color\n"))
    found = rewrites(source, source.statements[0], project, only={"replace_attribute"})
    assert [rewrite.apply(source.text) for rewrite in found] == ["x.color\n"]


@pytest.mark.parametrize(
    "text",
    [
        "", "pass\n", "x\n", "(yield)\n", "print(*a, **k)\n", "x = yield\n", "del a[0], b.c\n", "global x\n",
        "with (a as b, c as d): pass\n", "async def f():\n    async for a in b: await c\n", "@a.b(c)\nclass D(E, m=F): 1\n",
        "match x:\n    case 1 | -1 | 'a' | None if y > 0: pass\n    case {'k': [a, *_]}: pass\n",
        "if (n := f(x)) > 1: pass\n", "x = a if b else(c)\n", "x = not(a)or(b)\n", "return_ = 1if x else 2\n",
        "try: a\nexcept* (B, C) as d: raise E from d\n", "x = lambda *a, b=1, **c: (a, b)\n", "x[a:b, ::2] = c[..., None]\n",
        "assert x, 'y'\n", "for (a, (b, c)) in d: pass\nelse: pass\n", "x: int = 1\n", "f(a)(b)[c].d()\n", "x = {**a, 'b': c}\n",
        "x = [*a, *b]\n", "x = 'a' 'b' f'{c}' \"d\"\n", "x = rb'a\\d' + Rb'''\n'''\n", "x = 1_000 + 0b11 + 1e3 + 2j\n",
        "x = a @ b\n", "x = f'{{{a}}}' + f'{a!r:>{w}}'\n", "x = f(\n  a,\n  # c\n  b,\n)\n", "x = (a\n  if b\n  else c)\n",
        "x = (# c\n  a + b)\n", "x = a \\\n  + b\n", "a.b.c = d = e\n", "x = ()\n", "x = (a,)\n", "x = a,\n", "x = a[b,]\n",
        "x = (a)\n", "x = ((a))\n", "f((a))\n", "f((a), (b))\n", "f((x for x in y))\n", "class A(B): x = super().y\n",
    ],
)  # fmt: skip
def test_every_rewrite_of_odd_code_parses(text: str) -> None:
    source = Source(text)
    project = Project([source])
    for statement in source.statements:
        for rewrite in rewrites(source, statement, project, only=EXPRESSION_OPERATORS):
            assert parses(rewrite.apply(text)), (rewrite.operator, rewrite.apply(text))
