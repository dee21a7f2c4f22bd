"""The two sides of a failed comparison, read from an assertion's message.

Which side is which: pytest's convention is ``assert actual == expected``, so the left side is *actual*; unittest prints
``first != second`` and here *first* is *actual*. Both are conventions of writing tests, not facts: a test that puts its
expectation first swaps them. Where the comparison was not for equality, *expected* carries the relation, as in
``in [1, 2]``, ``> 8`` or ``!= 5``; where only truth was asked for, *expected* is None.
"""

from __future__ import annotations

import re

Sides = tuple[str | None, str | None]  # (expected, actual)

NOTHING: Sides = (None, None)
_LONGEST = 200_000  # characters of one line that are looked at

_TOKENS = re.compile(
    r"""'(?:[^'\\]|\\.)*+'|"(?:[^"\\]|\\.)*+"|\\.|<[A-Za-z_][^<>]*+>|(?P<open>[\[({])|(?P<close>[\])}])"""
    r"""|(?<= )(?P<word>==|!=|<=|>=|<|>|is[ ]not|not[ ]in|is|in|and|or|:)(?=[ ])"""
)
_UNITTEST_RELATIONS = (
    (" unexpectedly found in ", "not in "),
    (" not found in ", "in "),
    (" is not an instance of ", ""),
    (" is an instance of ", "not "),
    (" not greater than or equal to ", ">= "),
    (" not less than or equal to ", "<= "),
    (" not greater than ", "> "),
    (" not less than ", "< "),
)
_DIFFER = re.compile(r"\w{1,40} differ: ")
_NOT_RAISED = re.compile(r"([^\W\d][\w.]*+) not (?:raised|triggered)(?: by .*)?")
_DID_NOT_RAISE = re.compile(r"DID NOT (?:RAISE|WARN)\.?(?: any of)? ?(?:<class '([\w.<>]+)'>|(.*))")
_NO_MATCH = re.compile(r"Regex pattern (['\"].*['\"]) does not match (['\"].*['\"])\.")
_NAMED = (
    # What is expected and what came instead, each on its own line: mock, numpy.testing, pytest.raises(match=...).
    (re.compile(r"\s*Expected: (.*)"), re.compile(r"\s*(?:Actual|Obtained|Got): (.*)")),
    (re.compile(r"\s*DESIRED: (.*)"), re.compile(r"\s*ACTUAL: (.*)")),
    (re.compile(r"\s*(?:Expected regex|Regex): (.*)"), re.compile(r"\s*(?:Actual message|Input): (.*)")),
)


def sides(code: str | None, message: str) -> Sides:
    """(expected, actual) of an assertion that failed with ``message``; None for what the message does not tell.

    ``code`` is the exception's class; anything but an assertion or pytest's own ``Failed`` has no sides.
    """
    if code is not None and code.rpartition(".")[2] not in {"AssertionError", "Failed"}:
        return NOTHING
    lines = message.split("\n")
    for at, line in enumerate(lines):
        if line.startswith("assert "):
            return _assertion(line[len("assert ") :][:_LONGEST], lines[at + 1 :])
    return _unittest(lines[0][:_LONGEST]) or _named(lines) or NOTHING


def _operators(text: str) -> list[tuple[str, int, int]] | None:
    """The comparison words outside brackets and strings as (word, start, end); None where brackets do not match."""
    found, depth = [], 0
    for match in _TOKENS.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            depth += 1
        elif kind == "close":
            depth -= 1
            if depth < 0:
                return None
        elif kind == "word" and not depth:
            found.append((match["word"], match.start(), match.end()))
    return found if not depth else None


def _split(text: str, wanted: str | None = None) -> tuple[str, str, str] | None:
    """(left, operator, right) where the text is one comparison, by ``wanted`` if given."""
    operators = _operators(text)
    word = wanted or "=="
    if operators is None or (not operators and f" {word} " in text):
        # A shortened or unusual repr. An operator that occurs only once is still no guess, but for `(1 == 1 and ...`.
        if text.startswith("(") and operators is None:
            return None
        left, _, right = text.partition(f" {word} ")
        return (left, word, right) if text.count(f" {word} ") == 1 else None
    if any(word in {"and", "or"} for word, _, _ in operators):
        return None
    found = [item for item in operators if item[0] != ":" and wanted in {None, item[0]}]
    if len(found) != 1:
        found = [item for item in found if item[0] == "=="]
    if len(found) != 1:
        return None
    word, start, end = found[0]
    return text[: start - 1], word, text[end + 1 :]


def _assertion(expression: str, explanation: list[str]) -> Sides:
    """The sides of pytest's ``assert <expression>`` with the lines that explain it."""
    if expression.startswith("not "):
        return None, None if _operators(expression[4:]) else expression[4:]
    parts = _split(expression)
    if parts is None:
        whole = _operators(expression) == [] and " == " not in expression and not expression.startswith("(")
        return None, expression if whole else None
    left, operator, right = parts
    if operator == "==" and ("..." in left or "..." in right):
        left, right = _from_diff(explanation) or (left, right)
    return (right if operator in {"==", "is"} else f"{operator} {right}"), left


def _from_diff(explanation: list[str]) -> tuple[str, str] | None:
    """Both whole values out of pytest's full diff, ``-`` expected and ``+`` actual, unless that is cut short too."""
    marks = [at for at, line in enumerate(explanation) if line.strip() == "Full diff:"]
    if not marks:
        return None
    actual, expected = [], []
    for line in explanation[marks[0] + 1 :]:
        if line.startswith(" +"):
            break  # "where" a value came from
        mark, content = line[2:4], line[4:]
        if mark == "? ":
            continue
        if mark not in {"- ", "+ ", "  ", "-", "+", ""}:
            return None
        if mark[:1] != "-":
            actual.append(content)
        if mark[:1] != "+":
            expected.append(content)
    if not actual or not expected or "..." in {actual[-1].strip(), expected[-1].strip()}:
        return None
    return "\n".join(actual), "\n".join(expected)


def _without_note(text: str) -> str:
    """A value without the ``: message`` that unittest appends."""
    for word, start, _ in _operators(text) or ():
        if word == ":":
            return text[: start - 1]
    return text


def _is_value(text: str) -> bool:
    """Whether a text may be the repr of one value, and not words."""
    depth, outside = 0, []
    end = 0
    for match in _TOKENS.finditer(text):
        if not depth:
            outside.append(text[end : match.start()])
        end = match.end()
        depth += {"open": 1, "close": -1}.get(match.lastgroup or "", 0)
    return " " not in "".join([*outside, text[end:] if not depth else ""]).strip()


def _unittest(line: str) -> Sides | None:
    if line.startswith("unexpectedly None"):
        return "not None", "None"
    if line.startswith("unexpectedly identical: "):
        value = _without_note(line.removeprefix("unexpectedly identical: "))
        return f"is not {value}", value
    if match := _NOT_RAISED.fullmatch(_without_note(line)):
        return match[1], None
    if match := _DID_NOT_RAISE.fullmatch(line):
        return match[1] or match[2] or None, None
    if match := _NO_MATCH.match(line):
        return match[1], match[2]
    if line.startswith("Regex didn't match: "):
        expected, found, actual = line.removeprefix("Regex didn't match: ").partition(" not found in ")
        return (expected, _without_note(actual)) if found else None
    if line.startswith('"') and line.endswith('"') and '" does not match "' in line:
        expected, _, actual = line[1:-1].partition('" does not match "')
        return expected, actual
    for words, relation in _UNITTEST_RELATIONS:
        if line.count(words) == 1:
            actual, _, expected = line.partition(words)
            expected = _without_note(expected)
            return (relation + expected, actual) if _is_value(actual) and _is_value(expected) else None
    for suffix in (" is not true", " is not false"):
        if suffix in line:
            return None, line.partition(suffix)[0]
    line = _DIFFER.sub("", line, count=1) if _DIFFER.match(line) else line
    for operator, relation in (("!=", ""), ("is not", ""), ("==", "!= ")):
        if f" {operator} " in line and (parts := _split(line, operator)):
            right = _without_note(parts[2])
            if operator == "is not" and not _is_value(right):
                return None
            if operator == "!=" and right.endswith(" difference)"):
                right = right.rpartition(" within ")[0] or right
            return relation + right, parts[0]
    return None


def _named(lines: list[str]) -> Sides | None:
    for expected_line, actual_line in _NAMED:
        expected = next((match[1] for line in lines if (match := expected_line.fullmatch(line))), None)
        actual = next((match[1] for line in lines if (match := actual_line.fullmatch(line))), None)
        if expected is not None and actual is not None:
            return expected, actual
    return None
