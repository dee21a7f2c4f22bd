"""Tool calls in the text of models that were not taught a form, or forgot it: found, mended and made ours.

Understood are our control tokens, the tags of Hermes and Qwen, Mistral's list, Llama's ``<|python_tag|>``, fenced JSON,
and a bare JSON object as the whole answer. What looks like a call of a tool that does not exist stays text.
"""

from __future__ import annotations

import ast
import json
import re
import uuid
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from quantatissu.llm.chat import ToolCall
from quantatissu.tokenizer.special import TOOL_CALL, TOOL_CALL_END

_FORMS = (
    re.compile(re.escape(TOOL_CALL) + r"(?P<body>.*?)(?:" + re.escape(TOOL_CALL_END) + r"|\Z)", re.DOTALL),
    re.compile(r"<tool_call>(?P<body>.*?)(?:</tool_call>|\Z)", re.DOTALL),
    re.compile(r"<function_call>(?P<body>.*?)(?:</function_call>|\Z)", re.DOTALL),
    re.compile(r"\[TOOL_CALLS\]\s*(?P<body>\[.*?\])\s*(?:</s>|\Z)", re.DOTALL),
    re.compile(r"<\|python_tag\|>(?P<body>.*?)(?:<\|eom_id\|>|<\|eot_id\|>|\Z)", re.DOTALL),
    re.compile(r"```(?:json|tool_call|tool_code)?[ \t]*\n(?P<body>\s*[\[{].*?)```", re.DOTALL),
)
_NAMES, _ARGUMENTS = ("name", "tool", "tool_name", "function"), ("arguments", "parameters", "args", "input")
_LONGEST = 200_000
_TRAILING = re.compile(r",(\s*[}\]])")


@dataclass(frozen=True, slots=True)
class ParsedText:
    """An answer's text without its calls, and the calls."""

    text: str
    calls: tuple[ToolCall, ...]


def parse_calls(text: str, names: Collection[str]) -> ParsedText:
    """The calls in ``text`` of tools called ``names``, in their order. Never raises."""
    if len(text) > _LONGEST:
        return ParsedText(text, ())
    for form in _FORMS:
        calls: list[ToolCall] = []
        kept: list[str] = []
        at = 0
        for match in form.finditer(text):
            found = list(_calls(match["body"], names))
            if found:
                kept.append(text[at : match.start()])
                calls += found
                at = match.end()
        if calls:
            return ParsedText("".join([*kept, text[at:]]).strip(), tuple(calls))
    bare = text.strip()
    if bare.startswith(("{", "[")):
        found = list(_calls(bare, names))
        if found:
            return ParsedText("", tuple(found))
    return ParsedText(text, ())


def new_id() -> str:
    """An id for a call."""
    return f"call_{uuid.uuid4().hex[:24]}"


def _calls(body: str, names: Collection[str]) -> Iterator[ToolCall]:
    value = mended(body)
    for one in value if isinstance(value, list) else [value]:
        if not isinstance(one, dict):
            continue
        inner = one["function"] if isinstance(one.get("function"), dict) else one
        name = next((inner[key] for key in _NAMES if isinstance(inner.get(key), str)), None)
        given: Any = next((inner[key] for key in _ARGUMENTS if key in inner), {})
        if name not in names:
            continue
        if isinstance(given, str):
            again = mended(given)
            given = again if isinstance(again, dict) else {"input": given}
        if isinstance(given, dict):
            yield ToolCall(new_id(), str(name), json.dumps(given, ensure_ascii=False))


def mended(text: str) -> Any:
    """The JSON value that ``text`` is, or nearly is: with commas too many, brackets too few, or as Python writes it.

    None when it is none.
    """
    text = text.strip()
    for attempt in (text, _TRAILING.sub(r"\1", text), _closed(text)):
        try:
            return json.loads(attempt, strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        value, _ = json.JSONDecoder(strict=False).raw_decode(text)
        if isinstance(value, dict | list):
            return value
    except (ValueError, RecursionError):
        pass
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        return None
    return value if isinstance(value, dict | list) else None


def _closed(text: str) -> str:
    """``text`` with the quotes and brackets that it lacks at its end."""
    open_: list[str] = []
    quoted = escaped = False
    for character in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = character == "\\"
            quoted = character != '"'
        elif character == '"':
            quoted = True
        elif character in "{[":
            open_.append("}" if character == "{" else "]")
        elif character in "}]" and open_:
            open_.pop()
    if escaped:
        text = text[:-1]
    return _TRAILING.sub(r"\1", text + ('"' if quoted else "") + "".join(reversed(open_)))
