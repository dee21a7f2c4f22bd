"""Early returns, base cases, membership guards and conditional statements."""

from __future__ import annotations

from cases import lines, results

from quantatissu.rewriting.guards import negated


def test_base_case_from_the_functions_own_results() -> None:
    before = lines(
        """
        def total(items):
            head, *rest = items
            return head + total(rest)
        """
    )
    guarded = before.replace("    head,", "    if not items:\n        return 0\n    head,")
    found = results("entry_guard", before)
    assert guarded in found
    assert before in results("delete_statement", guarded)


def test_base_case_of_a_number() -> None:
    before = "def power(x, n):\n    return x * power(x, n - 1)\n"
    assert "def power(x, n):\n    if n == 0:\n        return 1\n    return x * power(x, n - 1)\n" in results(
        "entry_guard", before
    )


def test_base_case_of_two_arguments() -> None:
    before = "def less(a, b):\n    return less(a - 1, b - 1)\n"
    after = "def less(a, b):\n    if b == 0:\n        return a\n    return less(a - 1, b - 1)\n"
    assert after in results("entry_guard", before)


def test_docstring_and_comments_stay_above_the_guard() -> None:
    head = 'def f(xs):\n    """Doc."""\n    # first\n'
    found = results("entry_guard", head + "    return xs[0]\n")
    assert head + "    if not xs:\n        return None\n    return xs[0]\n" in found


def test_none_becomes_an_empty_container() -> None:
    before = "def f(x, items=None):\n    items.append(x)\n    return items\n"
    after = "def f(x, items=None):\n    if items is None:\n        items = []\n    items.append(x)\n    return items\n"
    assert after in results("entry_guard", before)


def test_division_is_guarded() -> None:
    before = "def mean(xs):\n    total = sum(xs)\n    return total / len(xs)\n"
    after = "def mean(xs):\n    total = sum(xs)\n    if len(xs) == 0:\n        return 0\n    return total / len(xs)\n"
    assert after in results("guard", before) or after.replace("return 0", "return None") in results("guard", before)


def test_visited_nodes_are_skipped() -> None:
    before = lines(
        """
        def walk(start, edges):
            seen = set()
            todo = [start]
            while todo:
                node = todo.pop()
                seen.add(node)
                for other in edges[node]:
                    todo.append(other)
            return seen
        """
    )
    call = "            todo.append(other)"
    skipped = "            if other in seen:\n                continue\n"
    assert before.replace(call, skipped + call) in results("guard", before)
    assert before.replace(call, "            if other not in seen:\n    " + call) in results("wrap_if", before)


def test_missing_values_are_skipped() -> None:
    before = "def f(xs):\n    out = []\n    for x in xs:\n        out.append(x.name)\n    return out\n"
    call = "        out.append(x.name)\n"
    assert before.replace(call, "        if x is not None:\n    " + call) in results("wrap_if", before)
    assert before.replace(call, "        if x is None:\n            continue\n" + call) in results("guard", before)


def test_guards_are_bounded() -> None:
    names = ", ".join(f"a{i}" for i in range(30))
    text = f"def f({names}):\n    x = 1\n    return g({names}) + f({names})\n"
    assert 0 < len(results("entry_guard", text)) <= 40
    assert 0 < len(results("guard", text)) <= 12


def test_module_code_gets_no_guard() -> None:
    assert results("entry_guard", "x = y.z\n") == results("guard", "x = y.z\n") == results("wrap_if", "x = y.z\n") == []


def test_negation() -> None:
    cases = {"not x": "x", "x in y": "x not in y", "x not in y": "x in y", "x is None": "x is not None",
             "a == 0": "a != 0", "a < b": "a >= b", "flag": "not flag"}  # fmt: skip
    assert {text: negated(text) for text in cases} == cases
