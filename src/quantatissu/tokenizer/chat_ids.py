"""Conversations as ids, with a mask of what the assistant wrote.

A template writes control tokens around what people, tools and the model say. The two must stay apart: only what the
template itself wrote becomes a control token. The same names in a message stay text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer.chat import ChatTemplate, Message, Tool, our_template
from quantatissu.tokenizer.core import Ids, Tokenizer
from quantatissu.tokenizer.jinja import Compiled
from quantatissu.tokenizer.special import is_control

_ONE_DAY = datetime(2024, 7, 26)
_MARKED_HINT = "Put what the assistant writes between {% generation %} and {% endgeneration %} in the template."


class Encoded(NamedTuple):
    """A conversation: ``ids`` [tokens], and ``mask`` bool [tokens], true for what the assistant wrote: its text, its
    tool calls, and the token that ends its turn.
    """

    ids: Ids
    mask: NDArray[np.bool_]


def encode_conversation(
    tokenizer: Tokenizer,
    messages: Sequence[Message],
    tools: Sequence[Tool] = (),
    *,
    template: ChatTemplate | None = None,
    add_generation_prompt: bool = False,
) -> Encoded:
    """The ids of a conversation, and which of them the assistant wrote.

    Where the template has no ``{% generation %}`` tags, what it adds for each message of the assistant is found by
    rendering the conversation up to there. A template that asks for the time always gets the same one. Raises
    QuantaError for messages that the template refuses, and where the assistant's part cannot be told.
    """
    chosen = template or our_template()
    compiled = chosen.compiled(tools)
    shield = _Shield(messages, tools, _special(tokenizer), _written(tokenizer, compiled))

    def rendered(part: Sequence[Message], prompt: bool, marks: tuple[str, str] | None = None) -> str:
        return chosen.render(part, shield.tools, add_generation_prompt=prompt, now=_ONE_DAY, marks=marks)

    text = rendered(shield.messages, add_generation_prompt, shield.marks)
    if compiled.marks_generation:
        stretches = list(_marked(text, *shield.marks))
    else:
        stretches = list(_compared(text, shield.messages, rendered, shield.control))
    ids: list[int] = []
    mask: list[bool] = []
    for stretch, assistant in stretches:
        for piece in shield.control.split(stretch):
            numbers = [tokenizer.control[piece]] if piece in tokenizer.control else shield.encode(piece, tokenizer)
            ids += numbers
            mask += [assistant] * len(numbers)
    return Encoded(np.array(ids, dtype=tokenizer.dtype), np.array(mask, dtype=np.bool_))


class _Shield:
    """A conversation whose own text holds no name of a control token: each is a word of its own until the end.

    ``control`` cuts a rendered text at the names that the template wrote; ``marks`` are two more such words.
    """

    def __init__(
        self, messages: Sequence[Message], tools: Sequence[Tool], special: frozenset[str], written: frozenset[str]
    ) -> None:
        everything = json.dumps([list(map(dict, messages)), list(map(dict, tools))], ensure_ascii=False, default=str)
        # Letters and digits only: no filter of a template changes them.
        self._word = next(f"Q{n}Z" for n in range(len(everything) + 1) if f"Q{n}Z" not in everything)
        self._names: list[str] = []
        self.control = re.compile(f"({_any_of(special | written)})")
        self._coded = re.compile(f"{self._word}([0-9]+)x")
        self.marks = f"{self._word}Bx", f"{self._word}Ex"
        # A name that the model itself may write, like <think>, is a token in its own messages.
        everywhere, elsewhere = re.compile(_any_of(special)), self.control
        self.tools = [self._cover(tool, elsewhere) for tool in tools]
        self.messages = [
            self._cover(message, everywhere if message.get("role") == "assistant" else elsewhere)
            for message in messages
        ]

    def encode(self, text: str, tokenizer: Tokenizer) -> list[int]:
        """The ids of a text between control tokens, with the covered names as the text they are."""
        parts = self._coded.split(text)
        ids: list[int] = []
        bare = parts[0]
        for number, after in zip(parts[1::2], parts[2::2], strict=True):
            name = self._names[int(number)]
            # Cut inside the name: some vocabularies take a whole one for a token wherever it stands.
            ids += tokenizer.encode(bare + name[:1]).tolist()
            bare = name[1:] + after
        ids += tokenizer.encode(bare).tolist()
        return ids

    def _cover(self, value: Any, names: re.Pattern[str]) -> Any:
        if isinstance(value, str):
            return names.sub(self._code, str(value))
        if isinstance(value, Mapping):
            return {self._cover(key, names): self._cover(item, names) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self._cover(item, names) for item in value]
        return value if value is None or isinstance(value, bool | int | float) else f"<{type(value).__name__}>"

    def _code(self, match: re.Match[str]) -> str:
        if match.group() not in self._names:
            self._names.append(match.group())
        return f"{self._word}{self._names.index(match.group())}x"


def _marked(text: str, begin: str, end: str) -> Iterator[tuple[str, bool]]:
    """Stretches of a text, and whether they stand between marks."""
    inside = False
    for piece in re.split(f"({begin}|{end})", text):
        if piece in (begin, end):
            inside = piece == begin
        elif piece:
            yield piece, inside


def _compared(
    text: str,
    messages: Sequence[Message],
    rendered: Callable[[Sequence[Message], bool], str],
    control: re.Pattern[str],
) -> Iterator[tuple[str, bool]]:
    """Stretches of a text, and whether the assistant wrote them: what a message adds to the prompt before it, up to the
    last control token of that.
    """
    done = 0
    for number, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        before = rendered(messages[:number], True)
        after = rendered(messages[: number + 1], False)
        if not (text.startswith(before) and after.startswith(before)):
            raise QuantaError("the chat template does not tell what the assistant wrote", hint=_MARKED_HINT)
        closing = list(control.finditer(after, len(before)))
        if not closing:
            raise QuantaError("the chat template ends the assistant's turn with no control token", hint=_MARKED_HINT)
        # The whole conversation may render this message otherwise, without its reasoning for instance: it ends alike.
        name = closing[-1].group()
        nth = sum(one.group() == name for one in closing)
        ends = [one.end() for one in control.finditer(text, len(before)) if one.group() == name]
        if len(ends) < nth or len(before) < done:
            raise QuantaError("the chat template does not tell where the assistant's turn ends", hint=_MARKED_HINT)
        yield text[done : len(before)], False
        yield text[len(before) : ends[nth - 1]], True
        done = ends[nth - 1]
    yield text[done:], False


@lru_cache(maxsize=4)
def _special(tokenizer: Tokenizer) -> frozenset[str]:
    """The names of added tokens that are never text."""
    added = json.loads(tokenizer.source).get("added_tokens") or []
    return frozenset(token["content"] for token in added if token["special"] or is_control(token["content"]))


@lru_cache(maxsize=8)
def _written(tokenizer: Tokenizer, compiled: Compiled) -> frozenset[str]:
    """The names of added tokens that the template writes itself."""
    return frozenset(name for name in tokenizer.control if name in compiled.literals)


def _any_of(names: frozenset[str]) -> str:
    """A pattern for one of them, the longest first; for none of nothing."""
    return "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name))) or "(?!)"
