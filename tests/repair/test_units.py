"""Which function an edit changes, and its new lines."""

import pytest

from quantatissu.repair.units import unit
from quantatissu.rewriting import Edit, Source, apply_edits

TEXT = '''\
import functools
LIMIT = 3


def plain(a, b=1):
    """Doc."""
    return a + b


class Outer:
    attr = 5

    class Inner:
        @functools.lru_cache(
            maxsize=None)
        def method(self, x):
            def nested():
                return x - 1
            return nested()


if LIMIT:
    def conditional():
        return 1

def one_line(): return 2
'''


def change(old, new):
    source = Source(TEXT, "/p/m.py")
    start = TEXT.index(old)
    edits = (Edit(start, start + len(old), new),)
    return unit(source, source, apply_edits(TEXT, edits), edits)


def test_a_function_body():
    one, lines = change("a + b", "a - b")
    assert (one.classes, one.name, one.first) == ((), "plain", 5)
    assert one.source == 'def plain(a, b=1):\n    """Doc."""\n    return a - b\n'
    assert list(lines) == [5, 6, 7]


def test_a_method_in_nested_classes_with_its_decorator():
    one, _ = change("x - 1", "x + 1")
    assert (one.classes, one.name, one.first) == (("Outer", "Inner"), "method", 14)
    assert one.source.startswith("        @functools.lru_cache(\n")
    assert "return x + 1\n" in one.source
    assert one.source.endswith("return nested()\n")


def test_inserted_lines_stay_in_the_function():
    one, _ = change("    return a + b\n", "    if b:\n        return b\n    return a + b\n")
    assert one.source.endswith("    if b:\n        return b\n    return a + b\n")


def test_a_function_in_a_block_and_on_one_line():
    assert change("return 1", "return 0")[0].source == "    def conditional():\n        return 0\n"
    assert change("return 2", "return 0")[0].source == "def one_line(): return 0\n"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("LIMIT = 3", "LIMIT = 4"),
        ("b=1", "b=2"),
        ("attr = 5", "attr = 6"),
        ("maxsize=None", "maxsize=1"),
        ("(self, x)", "(x)"),
    ],
)
def test_what_is_evaluated_at_import_is_no_function_body(old, new):
    assert change(old, new) is None


def test_a_second_edit_of_a_moved_function_is_found_by_its_first_place():
    original = Source(TEXT, "/p/m.py")
    moved = Source("import os\n" + TEXT, "/p/m.py")
    start = moved.text.index("a + b")
    edits = (Edit(start, start + 5, "a * b"),)
    one, lines = unit(moved, original, apply_edits(moved.text, edits), edits)
    assert one.first == 5 and "a * b" in one.source and lines.start == 5
