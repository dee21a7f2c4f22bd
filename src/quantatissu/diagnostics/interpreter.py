"""Errors that tell of a Python older than the code: newer syntax, newer names of the standard library."""

from __future__ import annotations

import re

from quantatissu.diagnostics import known
from quantatissu.diagnostics.model import Diagnostic
from quantatissu.diagnostics.tracebacks import SYNTAX_ERRORS

_PATH_VERSION = re.compile(r"python(\d)\.(\d{1,2})\b")
_TEXT_VERSION = re.compile(r"-- Python (\d)\.(\d{1,2})\.")
_NO_NAME = re.compile(r"cannot import name '(\w+)' from '([\w.]+)'")
_NO_ATTRIBUTE = re.compile(r"module '([\w.]+)' has no attribute '(\w+)'")
_UNDEFINED = re.compile(r"name '(\w+)' is not defined")
_OLD_UNION = re.compile(
    r"unsupported operand type\(s\) for \|: '(?:type|_GenericAlias|NoneType)' and '(?:type|NoneType)'"
)

# The source line of a syntax error that is right in a newer Python: (what, pattern, version).
_SYNTAX = (
    ("the match statement", re.compile(r"match [^=#]+:"), (3, 10)),
    ("`except*`", re.compile(r"except\* ?[\w(].*:"), (3, 11)),
    ("the `type` statement", re.compile(r"type [A-Za-z_]\w*(?:\[[^\]]*\])? = \S.*"), (3, 12)),
    ("a generic function", re.compile(r"(?:async )?def \w+\[[^\]]+\]\(.*"), (3, 12)),
    ("a generic class", re.compile(r"class \w+\[[^\]]+\](?:\(.*\))?:.*"), (3, 12)),
)
_OLD_WORDS = ("invalid syntax", "expected ':'", "expected '('")


def python_of(diagnostic: Diagnostic) -> known.Version | None:
    """The version of Python that ran, as the standard library's paths or the runner tell; else None."""
    paths = "\n".join(frame.path for frame in diagnostic.frames[:50])
    match = _PATH_VERSION.search(paths) or _TEXT_VERSION.search(diagnostic.raw[:2000])
    return (int(match[1]), int(match[2])) if match else None


def needed_version(diagnostic: Diagnostic) -> tuple[str, known.Version] | None:
    """(what, first version that has it) if the error is what an older Python says to newer code; else None."""
    message = diagnostic.message
    if diagnostic.code in SYNTAX_ERRORS:
        return _newer_syntax(diagnostic)
    name: tuple[str, str] | None = None
    if diagnostic.code == "ImportError" and (match := _NO_NAME.match(message)):
        name = (match[2], match[1])
    elif diagnostic.code == "AttributeError" and (match := _NO_ATTRIBUTE.match(message)):
        name = (match[1], match[2])
    elif diagnostic.code == "NameError" and (match := _UNDEFINED.match(message)):
        name = ("builtins", match[1])
    elif diagnostic.code == "TypeError" and _OLD_UNION.match(message):
        return "the union `X | Y`", (3, 10)  # no newer Python says this of two types
    if name is None or name not in known.NAMES_SINCE:
        return None
    what = name[1] if name[0] == "builtins" else ".".join(name)
    return what, known.NAMES_SINCE[name]


def _newer_syntax(diagnostic: Diagnostic) -> tuple[str, known.Version] | None:
    if diagnostic.code != "SyntaxError" or not diagnostic.message.startswith(_OLD_WORDS):
        return None
    line = _printed_line(diagnostic)
    for what, pattern, version in _SYNTAX:
        if line is not None and pattern.fullmatch(line):
            return what, version
    return None


def _printed_line(diagnostic: Diagnostic) -> str | None:
    """The source line below the last ``File`` line of a syntax error, without its comment."""
    lines = [re.sub(r"^E? *", "", line) for line in diagnostic.raw.split("\n")[-60:]]
    for at in range(len(lines) - 2, -1, -1):
        if lines[at].startswith('File "') and ", in " not in lines[at]:
            return lines[at + 1].partition("  #")[0].rstrip()
    return None
