"""Conversations as text, by chat templates: our own, and those of other models' folders."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer.core import Tokenizer
from quantatissu.tokenizer.jinja import MARKS, Compiled, compile_template, strftime_at
from quantatissu.tokenizer.special import (
    ASSISTANT,
    END_OF_TURN,
    SYSTEM,
    TOOL_CALL,
    TOOL_CALL_END,
    TOOL_RESULT,
    TOOL_RESULT_END,
    USER,
)

Message = Mapping[str, Any]
"""``role``, ``content``, and for an assistant ``tool_calls``, as every chat API has them."""
Tool = Mapping[str, Any]
"""The JSON schema of a function: ``{"type": "function", "function": {"name", "description", "parameters"}}``."""

CHAT_TOKENS = (SYSTEM, USER, ASSISTANT, END_OF_TURN, TOOL_CALL, TOOL_CALL_END, TOOL_RESULT, TOOL_RESULT_END)
_NAMED = ("bos_token", "eos_token", "unk_token", "pad_token", "sep_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class ChatTemplate:
    """A template in Jinja. ``variables`` are what it may ask for beside the conversation, such as ``bos_token``.

    ``with_tools``: another template for conversations with tools, where a folder has one.
    """

    source: str
    variables: Mapping[str, Any] = field(default_factory=dict)
    with_tools: str | None = None

    def compiled(self, tools: Sequence[Tool]) -> Compiled:
        """The template that serves. Raises QuantaError when it is none, or jinja2 is not installed."""
        return compile_template(self.with_tools if tools and self.with_tools is not None else self.source)

    def render(
        self,
        messages: Sequence[Message],
        tools: Sequence[Tool] = (),
        *,
        add_generation_prompt: bool = False,
        now: datetime | None = None,
        marks: tuple[str, str] | None = None,
    ) -> str:
        """The conversation as text, the same that transformers' ``apply_chat_template`` gives.

        ``add_generation_prompt``: end where the assistant is to begin. ``now``: the time for templates that ask for
        it, by default the clock's. ``marks`` go around what the assistant wrote. Raises QuantaError for messages that
        the template refuses.
        """
        # Many templates take a None for a word to be written.
        given = [{key: value for key, value in message.items() if value is not None} for message in messages]
        variables = {
            **self.variables,
            "messages": given,
            "tools": list(tools) or None,
            "documents": None,
            "add_generation_prompt": add_generation_prompt,
            "strftime_now": strftime_at(now),
            MARKS: marks,
        }
        return self.compiled(tools).render(variables)


@lru_cache(maxsize=1)
def our_template() -> ChatTemplate:
    """The template of our own vocabularies: `CHAT_TOKENS` with nothing but the text between them."""
    return ChatTemplate(files("quantatissu.tokenizer").joinpath("chat_template.jinja").read_text(encoding="utf-8"))


def render(messages: Sequence[Message], tools: Sequence[Tool] = (), add_generation_prompt: bool = False) -> str:
    """The conversation as text by `our_template`; see `ChatTemplate.render`."""
    return our_template().render(messages, tools, add_generation_prompt=add_generation_prompt)


def find_template(tokenizer: Tokenizer, folder: Path | None = None) -> ChatTemplate:
    """The template in `folder`, else ours if the vocabulary has its tokens. Raises QuantaError when there is none."""
    found = load_template(folder) if folder is not None else None
    if found is not None:
        return found
    if not all(name in tokenizer.control for name in CHAT_TOKENS):
        raise QuantaError(
            "this vocabulary has no chat template, and not the tokens for ours",
            hint="Put a chat_template.jinja beside its tokenizer.json.",
        )
    return our_template()


def load_template(folder: Path) -> ChatTemplate | None:
    """The template of a model's folder (or of the folder around a ``tokenizer.json``): ``chat_template.jinja``, or the
    one in ``tokenizer_config.json``. None when there is none; raises QuantaError for files that cannot be read.
    """
    folder = folder if folder.is_dir() else folder.parent
    configuration = _configuration(folder / "tokenizer_config.json")
    variables = {name: _token(configuration[name]) for name in _NAMED if configuration.get(name) is not None}
    file = folder / "chat_template.jinja"
    if file.is_file():
        return ChatTemplate(_text(file), variables)
    given = configuration.get("chat_template")
    if isinstance(given, str):
        return ChatTemplate(given, variables)
    if isinstance(given, list):
        whole = [one for one in given if isinstance(one, dict) and {"name", "template"} <= set(one)]
        named = {one["name"]: one["template"] for one in whole}
        if "default" in named:
            return ChatTemplate(named["default"], variables, named.get("tool_use"))
    return None


def _configuration(file: Path) -> dict[str, Any]:
    if not file.is_file():
        return {}
    try:
        found = json.loads(_text(file))
    except json.JSONDecodeError as error:
        raise QuantaError(f"{file} is not JSON: {error}") from error
    return found if isinstance(found, dict) else {}


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QuantaError(f"cannot read {file}: {error}") from error


def _token(value: Any) -> Any:
    return value.get("content") if isinstance(value, dict) else value
