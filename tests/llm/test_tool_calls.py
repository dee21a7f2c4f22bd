"""Tool calls in text: the forms that models write, mended where they nearly are one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantatissu.llm import parse_calls
from quantatissu.llm.calls import mended

NAMES = {"read_file", "run"}
CALL = {"name": "read_file", "arguments": {"path": "a.py", "line": 3}}


@pytest.mark.parametrize(
    "text",
    [
        f"<|tool_call|>{json.dumps(CALL)}<|tool_call_end|>",
        f"<tool_call>\n{json.dumps(CALL)}\n</tool_call>",
        f"<tool_call>{json.dumps(CALL)}",
        f"<function_call>{json.dumps(CALL)}</function_call>",
        f"[TOOL_CALLS] [{json.dumps(CALL)}]</s>",
        '<|python_tag|>{"name": "read_file", "parameters": {"path": "a.py", "line": 3}}<|eom_id|>',
        f"```json\n{json.dumps(CALL)}\n```",
        json.dumps(CALL),
        json.dumps([CALL]),
        json.dumps({"type": "function", "function": CALL | {"arguments": json.dumps(CALL["arguments"])}}),
        '<tool_call>{"name": "read_file", "arguments": {"path": "a.py", "line": 3,},}</tool_call>',
        "<tool_call>{'name': 'read_file', 'arguments': {'path': 'a.py', 'line': 3}}</tool_call>",
        '<tool_call>{"name": "read_file", "arguments": {"path": "a.py", "line": 3}',
        '<tool_call>{"tool": "read_file", "args": {"path": "a.py", "line": 3}}}</tool_call>',
    ],
)
def test_a_call_is_found(text: str) -> None:
    found = parse_calls(text, NAMES)
    assert [(one.name, one.parsed()) for one in found.calls] == [("read_file", CALL["arguments"])]
    assert found.text == "" and found.calls[0].id.startswith("call_")


def test_text_around_calls_stays() -> None:
    text = f"I look.\n<tool_call>{json.dumps(CALL)}</tool_call><tool_call>{json.dumps({'name': 'run'})}</tool_call>"
    found = parse_calls(text, NAMES)
    assert found.text == "I look." and [one.name for one in found.calls] == ["read_file", "run"]
    assert found.calls[1].parsed() == {}


@pytest.mark.parametrize(
    "text",
    [
        "Nothing.",
        '{"name": "delete_all", "arguments": {}}',
        "<tool_call>what?</tool_call>",
        "```python\n{1: 2}\n```",
        "",
    ],
)
def test_what_is_no_call_stays_text(text: str) -> None:
    assert parse_calls(text, NAMES) == parse_calls(text, set()) and parse_calls(text, NAMES).text == text


def test_strings_keep_what_looks_like_a_mistake() -> None:
    call = {"name": "run", "arguments": {"command": "echo '},]' \\ \"x\" </tool"}}
    (found,) = parse_calls(f"<tool_call>{json.dumps(call)}</tool_call>", NAMES).calls
    assert found.parsed() == call["arguments"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-99, 99) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=150, derandomize=True)
@given(arguments=st.dictionaries(st.text(max_size=4), JSON, max_size=3))
def test_any_arguments_come_back(arguments: dict[str, object]) -> None:
    text = f"<|tool_call|>{json.dumps({'name': 'run', 'arguments': arguments}, ensure_ascii=False)}<|tool_call_end|>"
    (found,) = parse_calls(text, NAMES).calls
    assert found.parsed() == arguments


@settings(deadline=None, max_examples=200, derandomize=True)
@given(text=st.text(st.sampled_from('{}[]",:\\ab1 \n<tool_call>`'), max_size=40))
def test_nothing_raises(text: str) -> None:
    parse_calls(text, NAMES)
    mended(text)


@settings(deadline=None, max_examples=100, derandomize=True)
@given(value=st.dictionaries(st.text(max_size=4), JSON, max_size=3), cut=st.integers(0, 40))
def test_what_was_cut_off_is_closed(value: dict[str, object], cut: int) -> None:
    whole = json.dumps(value)
    found = mended(whole[: max(len(whole) - cut, 1)])
    assert cut or found == value
