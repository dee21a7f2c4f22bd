"""Statements moved past neighbours, into and out of blocks; blocks taken out of their headers."""

from __future__ import annotations

import pytest
from cases import lines, results

RETURN_IN_LOOP = lines(
    """
    def f(xs):
        total = 0
        for x in xs:
            total += x
            return total
    """
)
RETURN_BEHIND_LOOP = lines(
    """
    def f(xs):
        total = 0
        for x in xs:
            total += x
        return total
    """
)


def test_return_out_of_a_loop_and_back() -> None:
    assert results("move_out", RETURN_IN_LOOP)[0] == RETURN_BEHIND_LOOP
    assert RETURN_IN_LOOP in results("move_in", RETURN_BEHIND_LOOP)


def test_return_out_of_a_nested_if_and_loop() -> None:
    before = lines(
        """
        def f(xs):
            n = 0
            for x in xs:
                if x:
                    n += 1
                    return n
        """
    )
    assert before.replace("            return n\n", "    return n\n") in results("move_out", before)


def test_initialisation_out_of_and_into_a_loop() -> None:
    inside = lines(
        """
        def f(rows):
            out = []
            for row in rows:
                name = row.name
                cells = []
                for cell in row:
                    cells.append(cell)
                out.append((name, cells))
            return out
        """
    )
    outside = inside.replace("        cells = []\n", "").replace("    for row", "    cells = []\n    for row")
    assert outside in results("move_initialisation", inside)
    name, cells = "        name = row.name\n", "        cells = []\n"
    assert inside.replace(name + cells, cells + name) in results("move_in", outside)


def test_neighbours_change_places_with_their_comments() -> None:
    before = "def f(x):\n    # one\n    a = x  # a\n\n    # two\n    b = a\n    return b\n"
    after = "def f(x):\n    # two\n    b = a\n\n    # one\n    a = x  # a\n    return b\n"
    assert after in results("move_statement", before)
    assert before in results("move_statement", after)


def test_a_block_keeps_its_inner_layout_when_it_moves() -> None:
    before = "def f(x):\n\tif x:\n\t\ta()\n\t\t# why\n\t\twhile x:\n\t\t\tb(x,\n\t\t\t  1)\n\n\t\t\tc()\n"
    after = "def f(x):\n\tif x:\n\t\ta()\n\t# why\n\twhile x:\n\t\tb(x,\n\t\t  1)\n\n\t\tc()\n"
    assert after in results("move_out", before)


@pytest.mark.parametrize("operator", ["move_out", "move_in", "unwrap_block", "wrap_if", "wrap_try", "else_to_plain"])
def test_strings_over_several_lines_are_never_re_indented(operator: str) -> None:
    before = lines(
        '''
        def f(x):
            if x:
                a()
                b("""
                one""")
            c("""
            two""")
        '''
    )
    for after in results(operator, before):
        assert '"""\n        one"""' in after
        assert '"""\n    two"""' in after


def test_break_does_not_leave_its_loop() -> None:
    before = "def f(xs):\n    for x in xs:\n        g(x)\n        break\n"
    assert all(after.endswith("        break\n") for after in results("move_out", before))
    assert results("unwrap_block", before) == []


def test_unwrap() -> None:
    before = "def f(x):\n    # top\n    if x:  # why\n        a()\n        # in\n        b()\n    else:\n        c()\n"
    found = results("unwrap_block", before)
    assert "def f(x):\n    # top\n    a()\n    # in\n    b()\n" in found
    assert "def f(x):\n    # top\n    c()\n" in found
    assert "def f(x):\n    g()\n" in results("unwrap_block", "def f(x):\n    if x: g()\n")


def test_loops_in_the_wrong_order() -> None:
    before = "for cell in row:\n    for row in rows:\n        g(cell)\n"
    assert results("swap_loops", before) == ["for row in rows:\n    for cell in row:\n        g(cell)\n"]
    before = "x = [c for c in row for row in rows]\n"
    assert results("swap_clauses", before) == ["x = [c for row in rows for c in row]\n"]
