"""Expressions and statements taken from elsewhere."""

from __future__ import annotations

from cases import lines, ranked, results

from quantatissu.rewriting import Project, Source
from quantatissu.rewriting.donors import MAX_CONDITIONS, donors
from quantatissu.rewriting.pieces import TEST, likeness, pool_of, renamed

SEARCH = lines(
    """
    def find(xs, wanted):
        low = 0
        high = len(xs)
        while low < high:
            middle = (low + high) // 2
            if xs[middle] < wanted:
                low = middle + 1
            else:
                log(xs)
        return low
    """
)


def test_statement_copied_with_partner_names() -> None:
    found = results("copy_statement", SEARCH)
    assert SEARCH.replace("            log(xs)\n", "            log(xs)\n            high = middle + 1\n") in found
    assert SEARCH.replace("            log(xs)\n", "            high = middle + 1\n            log(xs)\n") in found


def test_statement_replaced_by_a_renamed_one() -> None:
    before = lines(
        """
        def bounds(rows):
            min_row = min(row.x for row in rows)
            max_row = max(row.x for row in rows)
            min_column = limit(rows, 1)
            max_column = limit(rows, 1)
            self.min_column = min_column
            self.max_column = min_column
        """
    )
    after = before.replace("self.max_column = min_column", "self.max_column = max_column")
    assert after in results("replace_statement", before)


def test_deleted_statement_that_occurs_elsewhere_comes_back() -> None:
    before = lines(
        """
        class Queue:
            def push(self, item):
                self.items.append(item)
                self.changed = True

            def pop(self):
                item = self.items.pop()
                return item
        """
    )
    after = before.replace("pop()\n", "pop()\n        self.changed = True\n")
    assert after in results("copy_statement", before)
    assert before in results("delete_statement", after)


def test_step_of_a_parallel_function_is_taken_with_its_names() -> None:
    before = lines(
        """
        from m import check, connect

        def read_rows(path, rows):
            stream = connect(path)
            check(stream, rows)
            rows.extend(stream.lines())
            return rows

        def read_cells(name, cells):
            source = connect(name)
            cells.extend(source.lines())
            return cells
        """
    )
    after = before.replace("connect(name)\n", "connect(name)\n    check(source, cells)\n")
    found = results("copy_statement", before)
    assert after in found


def test_condition_of_another_method_with_its_names_exchanged() -> None:
    before = lines(
        """
        def first(items, key):
            if key in items and items[key] is not None:
                return items[key]

        def second(table, name):
            if name in table:
                return table[name]
        """
    )
    after = before.replace("if name in table", "if name in table and table[name] is not None")
    found = results("donor_condition", before)
    assert after in found
    assert found.index(after) < 8


def test_argument_and_value_and_result_from_the_project() -> None:
    other = ("other.py", "from m import scale\n\ndef area(box):\n    return scale(box.width * box.height, box.unit)\n")
    before = "from m import scale\n\ndef size(box):\n    return scale(box.width + box.height, box.unit)\n"
    assert before.replace("+", "*") in results("donor_argument", before, other)
    assert before.replace("+", "*") in results("donor_return", before, other)
    assert before.replace("+", "*") not in results("donor_argument", before)


def test_names_that_are_not_visible_are_never_used() -> None:
    text = lines(
        """
        import os

        def one(path):
            hidden = os.path.join(path, "x")
            return os.path.exists(hidden)

        def two(name):
            full = os.path.join(name, "y")
            return os.path.isfile(full)
        """
    )
    for _, rewrite in ranked(text, only=frozenset({"donor_value", "donor_return", "donor_argument"})):
        after = rewrite.apply(text).partition("def two")[2]
        assert "hidden" not in after
        assert "path)" not in after.replace("os.path", "")


def test_break_is_not_copied_out_of_a_loop() -> None:
    text = "def f(xs):\n    for x in xs:\n        if x is None:\n            break\n    y = x\n    return y\n"
    for after in results("copy_statement", text):
        compile(after, "text", "exec")


def test_donors_are_bounded_and_ordered() -> None:
    text = "".join(f"def f{i}(a, b):\n    if a.x{i % 5} < b + {i} and a.y:\n        return a\n" for i in range(60))
    source = Source(text)
    site = source.statements[1].test  # type: ignore[attr-defined]
    found = donors(source, site, Project([source]), (TEST,), MAX_CONDITIONS)
    assert 0 < len(found) <= MAX_CONDITIONS
    assert [cost for _, cost in found] == sorted(cost for _, cost in found)
    assert source.segment(site) not in [text for text, _ in found]


def test_piece_is_renamed_where_its_identifiers_stand() -> None:
    source = Source("def f(a):\n    x = a.a + ä(a, 'a')\n")
    piece = next(piece for pieces in pool_of(source).statements.values() for piece in pieces)
    assert renamed(piece, {"a": "bb"}) == "x = bb.bb + ä(bb, 'a')"


def test_likeness() -> None:
    assert likeness(frozenset("ab"), frozenset("ab")) == 1.0
    assert likeness(frozenset("ab"), frozenset("bc")) == 1 / 3
    assert likeness(frozenset(), frozenset()) == 0.0


def test_order_does_not_depend_on_hashing() -> None:
    once = [(weight, rewrite) for weight, rewrite in ranked(SEARCH)]
    assert once == [(weight, rewrite) for weight, rewrite in ranked(SEARCH)]
