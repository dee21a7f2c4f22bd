"""Slips that people make most: shared rows, shallow copies, lost results, keys of sorting, bounds, divisions."""

from __future__ import annotations

import ast

import pytest
from cases import lines, results

from quantatissu.rewriting import OPERATORS


def body(text: str) -> str:
    """A function with some parameters around a few statements."""
    return "def f(a, b, x, d, k, limit, words, grid):\n" + "".join(f"    {line}\n" for line in text.split("\n"))


BOTH_WAYS = [
    ("repeat_to_comprehension", "grid = [[0] * a] * b", "grid = [[0] * a for _ in range(b)]"),
    ("fromkeys_to_comprehension", "d = dict.fromkeys(words, [])", "d = {key: [] for key in words}"),
    ("deepen_copy", "return grid[:]", "return [row[:] for row in grid]"),
    ("deepen_copy", "return list(grid)", "return [list(row) for row in grid]"),
    ("deepen_copy", "return d.copy()", "return {key: list(value) for key, value in d.items()}"),
    ("keep_result", "x.replace(a, b)", "x = x.replace(a, b)"),
    ("keep_result", "sorted(x)", "x = sorted(x)"),
    ("group_arguments", "x.append(a, b)", "x.append((a, b))"),
    ("unique_in_order", "return list(set(words))", "return list(dict.fromkeys(words))"),
    ("strip_parts", "return x.split(',')", "return [part.strip() for part in x.split(',')]"),
    ("item_to_setdefault", "d[k].append(x)", "d.setdefault(k, []).append(x)"),
    ("store_to_collect", "d[k] = [x]", "d.setdefault(k, []).append(x)"),
    ("store_to_collect", "d[k] += x", "d[k] = d.get(k, 0) + x"),
    ("add_tiebreak", "x.sort(key=lambda w: d[w])", "x.sort(key=lambda w: (d[w], w))"),
    ("negate_key", "x.sort(key=lambda w: d[w])", "x.sort(key=lambda w: -d[w])"),
    ("add_bounds", "if a < k and b < limit: pass", "if 0 <= a < k and 0 <= b < limit: pass"),
    ("guard_value", "return a / b", "return a / b if b else 0"),
    ("guard_value", "return sum(x) / len(x)", "return sum(x) / len(x) if x else 0"),
    ("guard_value", "return words[-limit:]", "return words[-limit:] if limit else []"),
    ("clamp", "return a + b", "return min(a + b, limit)"),
    ("floor_to_nearest", "return a // b", "return round(a / b)"),
    ("halves_up", "return round(x)", "return int(x + 0.5)"),
    ("modulo_from_one", "return a % b", "return (a - 1) % b + 1"),
    ("modulo_from_one", "return a % b", "return a % b or b"),
    ("equal_to_close", "return a == b", "return abs(a - b) < 1e-9"),
    ("ignore_case", "return a == b", "return a.lower() == b.lower()"),
    ("swap_connective", "if a != 1 or a != 2: pass", "if a != 1 and a != 2: pass"),
]


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert body(after) in results(operator, body(before))
    assert body(before) in results(OPERATORS[operator].inverse, body(after))


ONE_WAY = [
    ("swap_connective", "if a > 1 and b < 2 and x: pass", "if a > 1 or (b < 2 and x): pass"),
    ("swap_connective", "if a or b or x: pass", "if (a or b) and x: pass"),
    ("add_key", "return max(words)", "return max(words, key=lambda item: item[1])"),
    ("add_tiebreak", "x.sort(key=lambda p: p[1], reverse=True)", "x.sort(key=lambda p: (-p[1], p[0]))"),
    ("modulo_from_one", "return (a + 1) % b", "return a % b + 1"),
    ("copy_argument", "x.append(1)\nreturn x", "x = list(x)\nx.append(1)\nreturn x"),
]


@pytest.mark.parametrize(("operator", "before", "after"), ONE_WAY)
def test_there(operator: str, before: str, after: str) -> None:
    assert body(after) in results(operator, body(before))


def test_a_start_of_zero_becomes_a_negative_variable() -> None:
    before = "def f(gap):\n    used = 0\n    return used + gap\n"
    assert before.replace("used = 0", "used = -gap") in results("constant_to_name", before)


def test_what_is_imported_decides_how_heaps_are_filled() -> None:
    before = "import heapq\nheap.append(x)\n"
    assert "import heapq\nheapq.heappush(heap, x)\n" in results("append_to_push", before)
    assert before in results("push_to_append", "import heapq\nheapq.heappush(heap, x)\n")
    assert "from bisect import insort\ninsort(x, 1)\n" in results(
        "append_to_push", "from bisect import insort\nx.append(1)\n"
    )
    assert not results("append_to_push", "heap.append(x)\n")


def test_a_deep_copy_comes_with_its_import() -> None:
    assert "from copy import deepcopy\nx = deepcopy(y)\n" in results("deepen_copy", "x = y[:]\n")
    assert "import copy\nx = copy.deepcopy(y)\n" in results("deepen_copy", "import copy\nx = copy.copy(y)\n")


def test_the_last_of_what_a_function_fills() -> None:
    before = lines(
        """
        def thin(points):
            kept = [points[0]]
            for i in range(1, len(points)):
                if points[i] - points[i - 1] > 3:
                    kept.append(points[i])
            return kept
        """
    )
    after = before.replace("points[i - 1]", "kept[-1]")
    assert after in results("item_to_last", before)
    assert after.replace("kept[-1]", "points[i]") in results("last_to_item", after)


def test_what_a_class_shares_is_made_for_each_instance() -> None:
    before = lines(
        """
        class Basket:
            items = []

            def __init__(self, owner):
                self.owner = owner
        """
    )
    after = lines(
        """
        class Basket:

            def __init__(self, owner):
                self.items = []
                self.owner = owner
        """
    )
    assert results("class_to_instance", before) == [after]
    (alone,) = results("class_to_instance", "class Basket:\n    items = []\n\n    def add(self, x):\n        pass\n")
    assert "    def __init__(self):\n        self.items = []\n" in alone
    assert not results("class_to_instance", "class Basket:\n    size = 3\n\n    def add(self): pass\n")


@pytest.mark.parametrize("a", [0, 1, 5, 6, 7])
def test_remainders_that_count_from_one(a: int) -> None:
    made = {text.strip().removeprefix("x = ") for text in results("modulo_from_one", "x = a % b\n")}
    values = {eval(compile(ast.parse(text, mode="eval"), "", "eval"), {"a": a, "b": 6}) for text in made}
    assert values == {(a - 1) % 6 + 1}


def test_constants_and_texts_are_left_alone() -> None:
    assert not results("guard_value", "x = a / 2\n")
    assert not results("modulo_from_one", "x = '%s' % b\n")
    assert not results("equal_to_close", "x = a == 'b'\n")
    assert not results("keep_result", "x.append(1)\n")
    assert not results("repeat_to_comprehension", "x = [0] * 3\n")
    assert not results("clamp", "x = a + 'b'\n")
