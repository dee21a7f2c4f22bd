"""What people forget: the last group of a loop, a correction, the other axis; and small code that is enumerated."""

from __future__ import annotations

import pytest
from cases import lines, results

from quantatissu.rewriting import OPERATORS, Project, Source, rewrites
from quantatissu.rewriting.operators import LAST

ENUMERATED = sorted(name for name, row in OPERATORS.items() if row.prior <= LAST)


def body(text: str) -> str:
    """A function with some parameters around a few statements."""
    return "def f(a, b, x, counts, key, limit, start, end, low, high):\n" + "".join(
        f"    {line}\n" for line in text.split("\n")
    )


BOTH_WAYS = [
    ("compare_more", "return a.month < b.month", "return (a.month, a.day) < (b.month, b.day)"),
    ("contain_to_overlap", "if low >= start and high <= end: pass", "if low < end and start < high: pass"),
    ("negative_to_length", "return x[a:-b]", "return x[a:len(x) - b]"),
    ("reverse_to_sort", "x.reverse()", "x.sort(reverse=True)"),
    ("store_to_drop", "counts[key] = None", "counts.pop(key, None)"),
    ("store_to_drop", "counts[key] = 0", "del counts[key]"),
    ("percent_to_share", "percent = 5\nreturn a * percent", "percent = 5\nreturn a * (percent / 100)"),
    (
        "start_from_none",
        "best = 0\nfor a in x:\n    if a > best:\n        best = a",
        "best = None\nfor a in x:\n    if best is None or a > best:\n        best = a",
    ),
    ("append_to_insert", "x.append(a)", "x.insert(0, a)"),
    ("length_to_item", "return [a / len(counts) for a in x]", "return [a / counts[a] for a in x]"),
]


@pytest.mark.parametrize(("operator", "before", "after"), BOTH_WAYS)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert body(after) in results(operator, body(before))
    assert body(before) in results(OPERATORS[operator].inverse, body(after))


ONE_WAY = [
    ("add_counterpart", "if a.x == b.x: pass", "if a.x == b.x and a.y == b.y: pass"),
    ("add_counterpart", "if high <= start: pass", "if high <= start or low >= end: pass"),
    ("add_counterpart", "return a[0] < b[0]", "return a[0] < b[0] and a[1] < b[1]"),
    ("correct_value", "x = a - b", "x = a - b\nif x < 0:\n    x = 0"),
    ("correct_value", "flag = False\nx = a - b", "flag = False\nx = a - b\nif flag:\n    x = -x"),
    ("clean_name", "return a", "a = a.lower()\nreturn a"),
    ("guard_value", "default = 1\nreturn x[1]", "default = 1\nreturn x[1] if len(x) > 1 else default"),
    ("release_operand", "return abs(a - b / x)", "return abs(a - b) / x"),
    ("add_group", "return a + b * x - limit", "return a + b * (x - limit)"),
    ("add_filter", "return [a for a in x]", "return [a for a in x if a.strip()]"),
    ("break_tie", "if abs(a) < abs(b): pass", "if abs(a) < abs(b) or (abs(a) == abs(b) and a > b): pass"),
    ("clean_name", "x.sort()\nreturn x[a]", "a = a % len(x)\nx.sort()\nreturn x[a]"),
    ("wrap_method", "return a + str(x)", "return a + str(x).upper()"),
    ("pop_to_remove", "x.pop()", "x.remove(a)"),
    ("add_argument", "return max(a for a in x)", "return max((a for a in x), default=0)"),
    ("clamp", "x = [0] * b\nkey = int(a)", "x = [0] * b\nkey = min(int(a), b - 1)"),
    ("change_pattern", r"return re.split(r'(\d)-(\d)', x)", r"return re.split(r'(\d+)-(\d+)', x)"),
    ("wrap_call", "x = []\nfor a in x:\n    x.remove(a)", "x = []\nfor a in list(x):\n    x.remove(a)"),
]


@pytest.mark.parametrize(("operator", "before", "after"), ONE_WAY)
def test_there(operator: str, before: str, after: str) -> None:
    assert body(after) in results(operator, body(before))


def test_the_last_group_of_a_loop() -> None:
    before = lines(
        """
        def blocks(rows):
            found, block = [], []
            for row in rows:
                if row:
                    block.append(row)
                else:
                    found.append(block)
                    block = []
            return found
        """
    )
    after = before.replace("    return", "    if block:\n        found.append(block)\n    return")
    assert after in results("flush_last", before)
    assert not [text for text in results("flush_last", after) if text.count("found.append(block)") > 2]


WALK = lines(
    """
    def leaves(tree, depth=0):
        found = []
        for child in tree:
            leaves(child)
        return found
    """
)


def test_recursion_keeps_its_results_and_its_depth() -> None:
    for used in ("found.extend(leaves(child))", "return leaves(child)"):
        after = WALK.replace("leaves(child)", used)
        assert after in results("use_result", WALK)
        assert WALK in results("lose_use", after)
    assert WALK.replace("(child)", "(child, depth + 1)") in results("advance_recursion", WALK)


CLASS = lines(
    """
    class Account:
        def __init__(self, balance, held):
            self.balance = balance
            self.held = held
            self.peak = 0

        def available(self):
            return self.balance - self.held

        def spend(self, amount):
            if amount > self.balance:
                return False
            self.peak = amount
            return True
    """
)


def test_members_of_the_same_class() -> None:
    asked = CLASS.replace("> self.balance", "> self.available()")
    assert asked in results("member_to_answer", CLASS)
    assert CLASS in results("answer_to_member", asked)
    kept = CLASS.replace("self.peak = amount", "self.peak = self.held")
    assert kept in results("name_to_member", CLASS)
    assert CLASS in results("member_to_name", kept)


# -- what is enumerated -----------------------------------------------------------------------------------------------

LOOP = lines(
    """
    def total(orders, limit):
        done = set()
        result = 0
        for order in orders:
            result += order.price
        return result
    """
)


@pytest.mark.parametrize(
    ("operator", "before", "after"),
    [
        ("any_statement", "        result +=", "        done.add(order)\n        result +="),
        ("any_statement", "order.price\n", "order.price\n        result += 1\n"),
        ("any_guard", "        result +=", "        if order in done:\n            continue\n        result +="),
        ("any_guard", "    return", "    if result > limit:\n        return 0\n    return"),
        ("any_operand", "return result", "return min(result, limit)"),
        ("any_operand", "return result", "return result - limit"),
        ("any_alternative", "return result", "return result if result > limit else 0"),
    ],
)
def test_small_code_over_what_is_at_hand(operator: str, before: str, after: str) -> None:
    assert LOOP.replace(before, after, 1) in results(operator, LOOP)


def test_a_guarded_change_of_what_is_asked_about() -> None:
    before = "def f(day, wanted):\n    ahead = (wanted - day) % 7\n    return day + ahead\n"
    after = before.replace("    return", "    if ahead <= 0:\n        ahead += 7\n    return")
    assert after in results("any_guard", before)


def test_a_length_as_an_operand() -> None:
    before = "def f(rows, width):\n    for row in rows:\n        row.extend([0] * width)\n    return rows\n"
    assert before.replace("* width", "* (width - len(rows))") in results("any_operand", before)


def test_the_rest_under_a_condition() -> None:
    before = "def f(x, low, high):\n    if x < low:\n        x += 1\n    else:\n        x -= 1\n    return x\n"
    assert before.replace("else:", "elif x > high:") in results("any_elif", before)


def test_one_more_under_a_condition() -> None:
    before = "def f(total, parts):\n    each = 0\n    left = total\n    shares = []\n    shares.append(each)\n"
    assert before.replace("(each)", "(each + 1 if left else each)") in results("any_alternative", before)


def test_another_condition_beside_one() -> None:
    before = "def f(count, ready, limit):\n    limit += 1\n    count += 1\n    if ready:\n        return count\n"
    assert before.replace("if ready", "if ready and count > limit") in results("any_clause", before)


def test_it_is_bounded_and_parses() -> None:
    source = Source(CLASS)
    found = [
        rewrite
        for statement in source.statements
        for rewrite in rewrites(source, statement, Project([source]), only=ENUMERATED)
    ]
    assert 200 < len(found) < 1200 * len(source.statements)
    for rewrite in found:
        compile(rewrite.apply(CLASS), "account.py", "exec")
