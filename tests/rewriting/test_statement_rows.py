"""Every row on statements, over files of the standard library: parses, changes only its span, and can be undone."""

from __future__ import annotations

import ast
import random
import warnings
from collections import Counter, defaultdict

import pytest
from census import sample, statements_of

from quantatissu.rewriting import OPERATORS, Project, Rewrite, Source, rewrites

MODULES = (
    "assignments", "branches", "copies", "coroutines", "definitions", "donors", "exceptions", "guards", "import_forms",
    "imports", "initialisers", "moves", "statements",
)  # fmt: skip
ROWS = frozenset(name for name, row in OPERATORS.items() if row.apply.__module__.rpartition(".")[2] in MODULES)

# Rows whose result has lost text that no other row can guess: what undoes them finds it only where it occurs again.
LOSSY = frozenset({
    "assignment_to_return", "delete_statement", "donor_argument", "donor_condition", "donor_iterable", "donor_return",
    "donor_value", "drop_branch", "drop_decorator", "drop_from", "drop_parameter", "elif_to_else", "exception_class",
    "halve_swap", "import_inside", "import_outside", "import_repair", "import_style", "inline_result", "narrow_handler",
    "raise_again", "raise_or_return", "replace_jump", "replace_statement", "unwrap_block", "yield_or_return",
    "move_to_try_else",
})  # fmt: skip
# Rows that are undone most of the time: moves over several levels and renamed initialisations keep some ways one-way.
MOSTLY = frozenset({"move_in", "move_out", "move_initialisation", "else_to_plain", "add_else", "add_parameter",
                    "split_assignment", "swap_branches"})  # fmt: skip


@pytest.fixture(scope="module")
def offered() -> list[tuple[Source, Rewrite]]:
    """Some hundred rewrites of each row, where the files have so many."""
    found: dict[str, list[tuple[Source, Rewrite]]] = defaultdict(list)
    for source in sample(14, seed=11):
        project = Project([source])
        for statement in statements_of(source, 45):
            for rewrite in rewrites(source, statement, project, only=ROWS):
                found[rewrite.operator].append((source, rewrite))
    rng = random.Random(2)
    return [item for _, items in sorted(found.items()) for item in rng.sample(items, min(len(items), 60))]


def test_most_rows_apply_to_real_code(offered: list[tuple[Source, Rewrite]]) -> None:
    assert len({rewrite.operator for _, rewrite in offered}) > 0.6 * len(ROWS)


def test_every_rewrite_compiles(offered: list[tuple[Source, Rewrite]]) -> None:
    refused: Counter[str] = Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source, rewrite in offered[::5]:
            tree = ast.parse(rewrite.apply(source.text))  # no exception: every rewrite parses
            try:
                compile(tree, source.path, "exec", dont_inherit=True)
            except SyntaxError:
                refused[rewrite.operator] += 1
    assert sum(refused.values()) < 0.005 * len(offered[::5]), refused


def test_only_the_edited_spans_change_and_inverses_restore(offered: list[tuple[Source, Rewrite]]) -> None:
    for source, rewrite in offered:
        after = rewrite.apply(source.text)
        first, last = min(edit.start for edit in rewrite.edits), max(edit.end for edit in rewrite.edits)
        assert after.startswith(source.text[:first])
        assert after.endswith(source.text[last:])
        back = rewrite.inverse(source.text, OPERATORS[rewrite.operator].inverse)
        assert back.apply(after) == source.text
        assert rewrite.cost >= 0


def test_inverse_rows_undo(offered: list[tuple[Source, Rewrite]]) -> None:
    """The row named as the inverse, applied to the rewritten file, offers the original text."""
    asked: Counter[str] = Counter()
    undone: Counter[str] = Counter()
    for source, rewrite in offered:
        if rewrite.operator in LOSSY or asked[rewrite.operator] >= 5 or len(source.lines) > 300:
            continue
        asked[rewrite.operator] += 1
        undone[rewrite.operator] += _undone(source, rewrite)
    strict = [name for name in asked if name not in MOSTLY]
    assert {name: asked[name] - undone[name] for name in strict if undone[name] < asked[name]} == {}
    loose = [name for name in asked if name in MOSTLY]
    assert sum(undone[name] for name in loose) >= 0.6 * sum(asked[name] for name in loose)


def _undone(source: Source, rewrite: Rewrite) -> bool:
    after = Source(rewrite.apply(source.text), source.path)
    project = Project([after])
    back = rewrite.inverse(source.text, OPERATORS[rewrite.operator].inverse)
    low = after.line_of(min(edit.start for edit in back.edits)) - 2
    high = after.line_of(max(edit.end for edit in back.edits)) + 3
    for statement in after.statements:
        if statement.lineno <= high and (statement.end_lineno or 0) >= low:
            for other in rewrites(after, statement, project, only=frozenset({back.operator})):
                if other.apply(after.text) == source.text:
                    return True
    return False


def test_rows_are_bounded(offered: list[tuple[Source, Rewrite]]) -> None:
    source = offered[0][0]
    project = Project([source])
    for statement in statements_of(source, 100):
        assert sum(1 for _ in rewrites(source, statement, project, only=ROWS)) <= 260


def test_every_row_names_an_inverse_and_a_prior() -> None:
    for name in ROWS:
        row = OPERATORS[name]
        assert row.inverse in OPERATORS
        assert -8.0 <= row.prior <= 0.0
        assert row.family in ("statement", "guard", "import", "donor")
