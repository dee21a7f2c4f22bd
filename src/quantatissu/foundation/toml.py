"""What the standard library's TOML reader lacks: writing a table, and finding the line on which a setting stands."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

_BARE = re.compile(r"[A-Za-z0-9_-]+")
_HEADER = re.compile(r"\s*(\[{1,2})\s*([^\[\]]+?)\s*\]{1,2}\s*(?:#.*)?")
_KEY = re.compile(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'))*)\s*=""")
_PART = re.compile(r"""[A-Za-z0-9_-]+|"[^"]*"|'[^']*'""")


def dumps(table: Mapping[str, Any]) -> str:
    """``table`` as TOML in its own order: scalars first, then sub-tables and arrays of tables under their headers.

    Takes strings, booleans, integers, floats, lists and mappings, and leaves out what is None in a mapping; anything
    else raises TypeError.
    """
    lines: list[str] = []
    _table(table, (), lines)
    return "\n".join(lines).strip() + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...], lines: list[str]) -> None:
    nested: list[tuple[str, Any]] = []
    for key, value in table.items():
        if value is None:
            continue
        if isinstance(value, Mapping) or _is_tables(value):
            nested.append((key, value))
        else:
            lines.append(f"{_key(key)} = {_inline(value)}")
    for key, value in nested:
        name = ".".join(map(_key, (*path, key)))
        tables = [value] if isinstance(value, Mapping) else value
        header = f"[{name}]" if isinstance(value, Mapping) else f"[[{name}]]"
        for one in tables:
            lines += ["", header]
            _table(one, (*path, key), lines)


def _is_tables(value: object) -> bool:
    return isinstance(value, list | tuple) and bool(value) and all(isinstance(item, Mapping) for item in value)


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _string(name)


def _string(text: str) -> str:
    # JSON's escapes are TOML's, except that TOML wants U+007F escaped and knows no surrogates.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _inline(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, Mapping):
        return (
            "{ " + ", ".join(f"{_key(key)} = {_inline(item)}" for key, item in value.items() if item is not None) + " }"
        )
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    raise TypeError(f"TOML has no {type(value).__name__}")


def line_of(text: str, location: Sequence[str | int]) -> int | None:
    """The line, from 1, on which the setting at ``location`` stands in the TOML ``text``; None when it does not.

    What stands inside an inline table or a list is found at the line of the key that holds it.
    """
    best: tuple[int, int] | None = None
    prefix: tuple[str | int, ...] = ()
    seen: dict[tuple[str | int, ...], int] = {}
    wanted = tuple(location)
    for number, line in enumerate(text.splitlines(), 1):
        if header := _HEADER.fullmatch(line):
            prefix = _parts(header[2])
            if header[1] == "[[":
                index = seen.get(prefix, -1) + 1
                seen[prefix] = index
                prefix = (*prefix, index)
            else:
                prefix = _indexed(prefix, seen)
            place = prefix
        elif key := _KEY.match(line):
            place = (*prefix, *_parts(key[1]))
        else:
            continue
        if place == wanted[: len(place)] and (best is None or len(place) > best[0]):
            best = (len(place), number)
    return best[1] if best else None


def _parts(dotted: str) -> tuple[str | int, ...]:
    return tuple(part.strip("\"'") for part in _PART.findall(dotted))


def _indexed(prefix: tuple[str | int, ...], seen: Mapping[tuple[str | int, ...], int]) -> tuple[str | int, ...]:
    """A header below an array of tables (``[source.columns]``) belongs to the array's latest table."""
    for length in range(len(prefix), 0, -1):
        if prefix[:length] in seen:
            return (*prefix[:length], seen[prefix[:length]], *prefix[length:])
    return prefix
