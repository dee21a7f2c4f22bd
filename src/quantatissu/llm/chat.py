"""What goes into a conversation and comes out, as plain data, and what every model of conversations does."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from quantatissu.inference import Constraint, Sampling, TokenScore

Role = Literal["system", "user", "assistant", "tool"]
Finish = Literal["stop", "length", "tool_calls", "cancelled", "content_filter"]
ToolChoice = Literal["auto", "none", "required"] | str
"""``auto``: the model decides; ``required``: it calls one; any other word is the name of the one it calls."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call that a model asks for. ``arguments`` are JSON as it wrote them, to be validated by whoever runs it."""

    id: str
    name: str
    arguments: str

    def parsed(self) -> dict[str, Any]:
        """The arguments. Raises ValueError when they are no JSON object."""
        value = json.loads(self.arguments or "{}")
        if not isinstance(value, dict):
            raise ValueError(f"the arguments of {self.name} are {type(value).__name__}, not an object")
        return value


@dataclass(frozen=True, slots=True)
class Message:
    """A turn. A tool's answer has the ``call`` that it answers."""

    role: Role
    content: str = ""
    calls: tuple[ToolCall, ...] = ()
    call: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """As chat interfaces and templates have it."""
        table: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.calls:
            table["tool_calls"] = [
                {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
                for one in self.calls
            ]
        if self.call is not None:
            table["tool_call_id"] = self.call
        return table


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model is told of it; ``parameters`` is a JSON Schema of an object."""

    name: str
    description: str = ""
    parameters: Mapping[str, Any] = field(default_factory=lambda: {"type": "object", "properties": {}})

    def as_dict(self) -> dict[str, Any]:
        """As chat interfaces and templates have it."""
        function = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": function}


@dataclass(frozen=True, slots=True)
class Usage:
    """What an answer took."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    seconds: float = 0.0

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.prompt_tokens + other.prompt_tokens,
            self.completion_tokens + other.completion_tokens,
            self.cached_tokens + other.cached_tokens,
            self.seconds + other.seconds,
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """One whole answer. ``logprob``: natural, of all its tokens, where the model tells; ``usage`` is of all answers of
    the request, with the first of them only.
    """

    text: str
    calls: tuple[ToolCall, ...] = ()
    finish: Finish = "stop"
    logprob: float | None = None
    usage: Usage = field(default_factory=Usage)
    scores: tuple[TokenScore, ...] = ()
    complete: bool = True
    """Whether a constrained answer satisfies its constraint."""

    def as_message(self) -> Message:
        """As the turn that it is."""
        return Message("assistant", self.text, self.calls)


@dataclass(frozen=True, slots=True)
class Delta:
    """What came next of answer ``index``. ``calls`` come whole, with the ``finish`` of their answer."""

    index: int = 0
    text: str = ""
    calls: tuple[ToolCall, ...] = ()
    finish: Finish | None = None
    usage: Usage | None = None
    scores: tuple[TokenScore, ...] = ()
    complete: bool = True


class ChatModel(Protocol):
    """Answers conversations. May be called from several threads. Raises QuantaError."""

    name: str

    def complete(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        tool_choice: ToolChoice = "auto",
        n: int = 1,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
    ) -> list[Completion]:
        """``n`` whole answers."""

    def stream(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolSpec] = (),
        tool_choice: ToolChoice = "auto",
        n: int = 1,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
    ) -> Iterator[Delta]:
        """The same as it comes. Closing the iterator cancels the request."""

    def close(self) -> None:
        """Give back what it holds."""


class Scorer(Protocol):
    """A model that tells how likely texts are."""

    def score(self, prefix: str, continuations: Sequence[str]) -> list[float]:
        """Summed natural log-probability of each behind ``prefix``, which is text as it is, not a conversation."""


class Infiller(Protocol):
    """A model that fills in."""

    def infill(self, prefix: str, suffix: str, *, n: int = 1, sampling: Sampling | None = None) -> list[Completion]:
        """What could stand between two texts."""


def gather(deltas: Iterator[Delta], n: int) -> list[Completion]:
    """The whole answers of a stream."""
    texts: list[list[str]] = [[] for _ in range(n)]
    scores: list[list[TokenScore]] = [[] for _ in range(n)]
    last = [Delta(index, finish="cancelled") for index in range(n)]
    usage = Usage()
    for delta in deltas:
        texts[delta.index].append(delta.text)
        scores[delta.index].extend(delta.scores)
        if delta.finish is not None:
            last[delta.index] = delta
        if delta.usage is not None:
            usage += delta.usage
    found = []
    for index, end in enumerate(last):
        assert end.finish is not None
        known = scores[index]
        found.append(
            Completion(
                "".join(texts[index]),
                end.calls,
                end.finish,
                sum(one.logprob for one in known) if known else None,
                Usage() if index else usage,
                tuple(known),
                end.complete,
            )
        )
    return found
