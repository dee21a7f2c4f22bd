"""`raise`, `except` and `try`."""

from __future__ import annotations

import pytest
from cases import lines, results

from quantatissu.rewriting import OPERATORS, Source

HANDLER = "def f(d, k):\n    try:\n        return d[k]\n    except {}:\n        return None\n"


def test_class_confused_with_another() -> None:
    assert HANDLER.format("IndexError") in results("exception_class", HANDLER.format("KeyError"))
    before = "def f(x):\n    raise ValueError('x')\n"
    assert before.replace("Value", "Type") in results("exception_class", before)


def test_the_projects_own_classes_are_offered() -> None:
    other = ("errors.py", "class Bad(Exception):\n    pass\n\n\ndef g():\n    raise Bad()\n")
    before = "from errors import Bad\n\n\ndef f(x):\n    raise ValueError(x)\n"
    assert before.replace("ValueError", "Bad") in results("exception_class", before, other)
    unseen = before.replace("from errors import Bad\n", "")
    assert unseen.replace("ValueError", "Bad") not in results("exception_class", unseen, other)


def test_handler_widened_and_narrowed() -> None:
    wide, narrow = HANDLER.format("(KeyError, IndexError)"), HANDLER.format("KeyError")
    assert wide in results("widen_handler", narrow)
    assert narrow in results("narrow_handler", wide)
    three = HANDLER.format("(KeyError, IndexError, TypeError)")
    assert HANDLER.format("(KeyError, TypeError)") in results("narrow_handler", three)


THERE_AND_BACK = [
    ("raise_from", HANDLER.replace("return None", "raise E()").format("KeyError as e"),
     HANDLER.replace("return None", "raise E() from e").format("KeyError as e")),
    ("wrap_try", "def f(x):\n    y = int(x)\n    return y\n",
     "def f(x):\n    try:\n        y = int(x)\n    except ValueError:\n        y = None\n    return y\n"),
    ("swap_handlers", "try:\n    a()\nexcept Exception:\n    b()\nexcept KeyError:  # k\n    c()\n",
     "try:\n    a()\nexcept KeyError:  # k\n    c()\nexcept Exception:\n    b()\n"),
]  # fmt: skip


@pytest.mark.parametrize(("operator", "before", "after"), THERE_AND_BACK)
def test_there_and_back(operator: str, before: str, after: str) -> None:
    assert after in results(operator, before)
    assert before in results(OPERATORS[operator].inverse, after)


def test_exception_made_but_not_raised() -> None:
    raised = "def f():\n    raise ValueError('x')\n"
    assert results("raise_or_return", "def f():\n    ValueError('x')\n") == [raised]
    assert results("raise_or_return", "def f():\n    return ValueError('x')\n") == [raised]
    unknown = "def f():\n    raise NotImplementedError\n"
    assert "def f():\n    return NotImplemented\n" in results("raise_or_return", unknown)


def test_swallowed_and_raised_again() -> None:
    before = HANDLER.replace("return None", "raise E()").format("KeyError")
    assert before.replace("raise E()", "raise") in results("raise_again", before)
    assert before.replace("raise E()", "pass") in results("raise_again", before)


def test_tail_of_a_try_goes_to_its_else() -> None:
    before = lines(
        """
        def f(x):
            try:
                y = g(x)
                h(y)
            except E:
                return None
        """
    )
    after = before.replace("        h(y)\n", "") + "    else:\n        h(y)\n"
    assert results("move_to_try_else", before) == [after]


def test_statements_that_cannot_fail_are_not_wrapped() -> None:
    assert results("wrap_try", "def f(x):\n    y = x\n") == []
    assert results("wrap_try", "x = int('1')\n") == []


def test_header_of_a_handler_belongs_to_its_try() -> None:
    source = Source("try:\n    a()\nexcept E:\n    b()\nmatch x:\n    case 1:\n        y()\n    case 2: z()\n")
    assert [type(node).__name__ for node in source.statements_on(3)] == ["Try"]
    assert [type(node).__name__ for node in source.statements_on(6)] == ["Match"]
    assert [type(node).__name__ for node in source.statements_on(8)] == ["Match", "Expr"]
