"""What records hold, checked: conversations, and prompts with the answers to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, TypeVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from quantatissu.foundation import QuantaError
from quantatissu.tokenizer import ChatTemplate, Encoded, Ids, Tokenizer, encode_conversation
from quantatissu.training.conversations.records import Record

ASSISTANT = "assistant"
M = TypeVar("M", bound=BaseModel)
_ANSWER = {"role": ASSISTANT}


class ChatMessage(BaseModel):
    """As chat APIs have it. What a template may want beyond these fields (``name``, ``reasoning_content``) is kept."""

    model_config = ConfigDict(extra="allow", frozen=True)

    role: Annotated[str, Field(min_length=1)]
    content: str | list[dict[str, Any]] | None = None
    tool_calls: list[dict[str, Any]] | None = None

    @model_validator(mode="after")
    def _says_something(self) -> ChatMessage:
        if self.content is None and not (self.role == ASSISTANT and self.tool_calls):
            raise ValueError("a message needs content, or an assistant's tool_calls")
        return self


class Conversation(BaseModel):
    """A record to learn the assistant's part of. Other fields of the record are not looked at."""

    messages: Annotated[list[ChatMessage], Field(min_length=1)]
    tools: list[dict[str, Any]] = Field(default_factory=list)

    @model_validator(mode="after")
    def _teaches_something(self) -> Conversation:
        if not any(message.role == ASSISTANT for message in self.messages):
            raise ValueError("the assistant says nothing, so there is nothing to learn")
        return self

    @property
    def opening(self) -> list[dict[str, Any]]:
        """The messages before the assistant's first: what a held-out split must not share."""
        first = next(number for number, message in enumerate(self.messages) if message.role == ASSISTANT)
        return plain_messages(self.messages[:first])


class Prompted(BaseModel):
    """A record with a prompt: messages, or a plain text to go on with."""

    prompt: str | Annotated[list[ChatMessage], Field(min_length=1)]
    tools: list[dict[str, Any]] = Field(default_factory=list)


class Preferred(Prompted):
    """Two answers to a prompt, and which is better: a text, a message, or messages each."""

    chosen: str | ChatMessage | Annotated[list[ChatMessage], Field(min_length=1)]
    rejected: str | ChatMessage | Annotated[list[ChatMessage], Field(min_length=1)]


def check(record: Record, model: type[M]) -> M:
    """The record as a ``model``. Raises QuantaError that names the place and the field."""
    try:
        return model.model_validate(record.fields)
    except ValidationError as error:
        # Of the variants of a union, the one that got furthest knows best.
        first = max(error.errors(include_url=False), key=lambda one: len(one["loc"]))
        steps = [str(step) for step in first["loc"] if not str(step)[:1].isupper() and "[" not in str(step)]
        told = first["msg"].removeprefix("Value error, ").removeprefix("Input ")
        raise QuantaError(f"{record.where}: {'.'.join(steps) or 'the record'}: {told}") from None


def plain_messages(messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
    """Messages as templates want them."""
    return [message.model_dump(exclude_none=True) for message in messages]


@dataclass(frozen=True, slots=True)
class Chat:
    """How conversations become ids in a run. ``template`` is None for a vocabulary that has none."""

    tokenizer: Tokenizer
    template: ChatTemplate | None

    @property
    def pad(self) -> int:
        """What fills a row behind its last document; nothing looks at it."""
        return self.tokenizer.end_of_text or 0

    def conversation(self, record: Record, conversation: Conversation) -> Encoded:
        """The ids of a conversation. Raises QuantaError that names the record when its template refuses it."""
        return self._encode(record.where, plain_messages(conversation.messages), conversation.tools, prompt=False)

    def prompt(self, record: Record, prompted: Prompted) -> Ids:
        """The ids after which an answer begins."""
        if isinstance(prompted.prompt, str):
            return self.tokenizer.encode(prompted.prompt)
        return self._encode(record.where, plain_messages(prompted.prompt), prompted.tools, prompt=True).ids

    def answered(self, record: Record, prompted: Prompted, answer: str | ChatMessage | list[ChatMessage]) -> Encoded:
        """The ids of prompt and answer; the mask is the answer's. A plain text ends with the end-of-text token."""
        prompt = self.prompt(record, prompted)
        if isinstance(prompted.prompt, str):
            if not isinstance(answer, str):
                raise QuantaError(f"{record.where}: the prompt is a text, so the answers are texts too")
            closing = [] if self.tokenizer.end_of_text is None else [self.tokenizer.end_of_text]
            said = np.append(self.tokenizer.encode(answer), np.array(closing, self.tokenizer.dtype))
            ids = np.concatenate([prompt, said])
            return Encoded(ids, np.arange(len(ids)) >= len(prompt))
        if isinstance(answer, str):
            answers = [{**_ANSWER, "content": answer}]
        else:
            answers = plain_messages(answer if isinstance(answer, list) else [answer])
        messages = [*plain_messages(prompted.prompt), *answers]
        whole = self._encode(record.where, messages, prompted.tools, prompt=False)
        if whole.ids[: len(prompt)].tolist() != prompt.tolist() or not whole.mask[len(prompt) :].any():
            raise QuantaError(f"{record.where}: the answer does not begin where the prompt ends")
        return Encoded(whole.ids, whole.mask & (np.arange(len(whole.ids)) >= len(prompt)))

    def _encode(
        self, where: str, messages: list[dict[str, Any]], tools: list[dict[str, Any]], *, prompt: bool
    ) -> Encoded:
        if self.template is None:
            raise QuantaError(
                f"{where}: there is no chat template for this vocabulary",
                hint="Set data.chat_template, or give prompts as plain text.",
            )
        try:
            return encode_conversation(
                self.tokenizer, messages, tools, template=self.template, add_generation_prompt=prompt
            )
        except QuantaError as error:
            raise QuantaError(f"{where}: {error}", hint=error.hint) from error
