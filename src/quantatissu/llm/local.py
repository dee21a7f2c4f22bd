"""`ChatModel` on an engine of this machine: its chat template, its own form of tool calls, constraints as they are."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from quantatissu.foundation import QuantaError
from quantatissu.inference import Answer, Constraint, Engine, Generation, JsonSchema, Request, Sampling
from quantatissu.inference.infill import infill_request
from quantatissu.llm.calls import parse_calls
from quantatissu.llm.chat import Completion, Delta, Finish, Message, ToolChoice, ToolSpec, Usage, gather
from quantatissu.tokenizer import ChatTemplate, encode_conversation, find_template
from quantatissu.tokenizer.special import END_OF_TURN, TOOL_CALL

_HERMES = "<tool_call>"


class LocalChat:
    """See `ChatModel`; also a `Scorer` and an `Infiller`."""

    def __init__(
        self,
        engine: Engine,
        *,
        folder: Path | None = None,
        template: ChatTemplate | None = None,
        adapter: str | None = None,
    ) -> None:
        """The chat template is ``template``, or that of the model's ``folder``, or ours where the vocabulary has its
        tokens; without any of them conversations are refused, and the rest works.
        """
        self.engine, self.name, self._adapter = engine, adapter or engine.name, adapter
        self._folder, self._template = folder, template

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
        """See `ChatModel.complete`."""
        stream = self.stream(
            messages, tools=tools, tool_choice=tool_choice, n=n, sampling=sampling, constraint=constraint
        )
        return gather(stream, n)

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
        """See `ChatModel.stream`. Text that may be a call is held back until it is known to be none."""
        prompt = self.prompt(messages, () if tool_choice == "none" else tools)
        return self.answer(prompt, tools=tools, tool_choice=tool_choice, n=n, sampling=sampling, constraint=constraint)

    def answer(
        self,
        prompt: tuple[int, ...],
        *,
        tools: Sequence[ToolSpec] = (),
        tool_choice: ToolChoice = "auto",
        n: int = 1,
        sampling: Sampling | None = None,
        constraint: Constraint | None = None,
    ) -> LocalStream:
        """`stream` behind the ids of a `prompt`. What cannot run is refused here, not at the first piece."""
        sampling = self._ending(sampling or Sampling())
        forced = _forced(tools, tool_choice)
        names = set() if tool_choice == "none" else {tool.name for tool in tools}
        if forced:
            if constraint is not None:
                raise QuantaError("an answer cannot both call a tool and have another form")
            begin = self._call_begin()
            request = Request((*prompt, *begin), sampling, n, _call_schema(forced), self._adapter)
        else:
            # Calls are between control tokens, which have to be seen to be found.
            sampling = replace(sampling, control=bool(names) or sampling.control)
            request = Request(prompt, sampling, n, constraint, self._adapter)
        generation = self.engine.submit(request)
        pieces = _deltas(generation, request)
        if forced:
            return LocalStream(_called(pieces, n, names), generation)
        return LocalStream(_searched(pieces, n, names) if names else pieces, generation)

    def prompt(self, messages: Sequence[Message], tools: Sequence[ToolSpec] = ()) -> tuple[int, ...]:
        """The ids of a conversation up to where the assistant begins. Raises QuantaError without a chat template."""
        if self._template is None:
            self._template = find_template(self.engine.tokenizer, self._folder)
        encoded = encode_conversation(
            self.engine.tokenizer,
            [message.as_dict() for message in messages],
            [tool.as_dict() for tool in tools],
            template=self._template,
            add_generation_prompt=True,
        )
        return tuple(encoded.ids.tolist())

    def score(self, prefix: str, continuations: Sequence[str]) -> list[float]:
        """See `Scorer.score`."""
        encode = self.engine.tokenizer.encode
        ids = [encode(text).tolist() for text in continuations]
        return self.engine.score(encode(prefix).tolist(), ids, adapter=self._adapter)

    def infill(self, prefix: str, suffix: str, *, n: int = 1, sampling: Sampling | None = None) -> list[Completion]:
        """See `Infiller.infill`. Raises QuantaError when the model was not made to."""
        began = time.monotonic()
        request = replace(
            infill_request(self.engine, prefix, suffix, sampling or Sampling(), n=n), adapter=self._adapter
        )
        generation = self.engine.submit(request)
        answers = generation.answers()
        made, seconds = sum(len(one.tokens) for one in answers), time.monotonic() - began
        usage = Usage(len(request.prompt), made, generation.cached_tokens, seconds)
        return [_plain(answer, Usage() if index else usage) for index, answer in enumerate(answers)]

    def close(self) -> None:
        """See `ChatModel.close`."""
        self.engine.close()

    def _ending(self, sampling: Sampling) -> Sampling:
        """A turn ends an answer, also where the config does not say so."""
        end = self.engine.tokenizer.control.get(END_OF_TURN)
        return sampling if end is None else replace(sampling, stop_tokens=sampling.stop_tokens | {end})

    def _call_begin(self) -> list[int]:
        """What is put before a call that has to be made."""
        tokenizer = self.engine.tokenizer
        if TOOL_CALL in tokenizer.control:
            return [tokenizer.control[TOOL_CALL]]
        if self._template is not None and _HERMES in self._template.source:
            tag = tokenizer.control.get(_HERMES)
            return [*(tokenizer.encode(_HERMES).tolist() if tag is None else [tag]), *tokenizer.encode("\n").tolist()]
        return []


class LocalStream:
    """The pieces of an answer as they come. `close` may be called from any thread, and ends it soon."""

    def __init__(self, deltas: Iterator[Delta], generation: Generation) -> None:
        self._deltas, self._generation = deltas, generation

    def __iter__(self) -> LocalStream:
        return self

    def __next__(self) -> Delta:
        return next(self._deltas)

    def close(self) -> None:
        """Cancel what is not done."""
        self._generation.cancel()


def stream_of(engine: Engine, request: Request) -> LocalStream:
    """A request's pieces, of plain text."""
    generation = engine.submit(request)
    return LocalStream(_deltas(generation, request), generation)


def _deltas(generation: Generation, request: Request) -> Iterator[Delta]:
    """The pieces of a request; the last one of all has the usage."""
    began, made, going = time.monotonic(), 0, request.n
    try:
        for piece in generation:
            made += len(piece.tokens)
            going -= piece.finish is not None
            seconds = time.monotonic() - began
            usage = None if going else Usage(len(request.prompt), made, generation.cached_tokens, seconds)
            yield Delta(piece.index, piece.text, (), piece.finish, usage, piece.tokens, piece.complete)
    finally:
        generation.cancel()


def _searched(deltas: Iterator[Delta], n: int, names: set[str]) -> Iterator[Delta]:
    """With the calls that stand in the text taken out of it."""
    held = [""] * n
    for delta in deltas:
        held[delta.index] += delta.text
        if delta.finish is None:
            safe = _safe(held[delta.index])
            held[delta.index] = held[delta.index][len(safe) :]
            if safe or delta.scores:
                yield replace(delta, text=safe)
            continue
        found = parse_calls(held[delta.index].removesuffix(END_OF_TURN), names)
        finish: Finish = "tool_calls" if found.calls and delta.finish == "stop" else delta.finish
        yield replace(delta, text=found.text, calls=found.calls, finish=finish)


def _called(deltas: Iterator[Delta], n: int, names: set[str]) -> Iterator[Delta]:
    """Of answers that are one call each and nothing else."""
    texts = [""] * n
    for delta in deltas:
        texts[delta.index] += delta.text
        if delta.finish is None:
            if delta.scores:
                yield replace(delta, text="")
            continue
        found = parse_calls(texts[delta.index], names).calls if delta.complete else ()
        yield replace(delta, text="", calls=found, finish="tool_calls" if found else delta.finish)


def _forced(tools: Sequence[ToolSpec], choice: ToolChoice) -> list[ToolSpec]:
    """The tools one of which has to be called; none: no call is forced. Raises QuantaError for an unknown one."""
    if choice in ("auto", "none"):
        return []
    if choice == "required":
        if not tools:
            raise QuantaError("a tool has to be called, and there is none")
        return list(tools)
    named = [tool for tool in tools if tool.name == choice]
    if not named:
        raise QuantaError(f"there is no tool {choice!r}")
    return named


def _call_schema(tools: Sequence[ToolSpec]) -> JsonSchema:
    calls = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": dict(tool.parameters)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    return JsonSchema({"anyOf": calls} if len(calls) > 1 else calls[0])


_OPENINGS = (TOOL_CALL, "<tool_call>", "<function_call>", "[TOOL_CALLS]", "<|python_tag|>", "```", END_OF_TURN)


def _safe(text: str) -> str:
    """As much of the beginning of ``text`` as is no call, whatever comes."""
    if text.lstrip()[:1] in ("{", "["):
        return ""
    starts = [at for opening in _OPENINGS if (at := text.find(opening)) >= 0]
    if starts:
        return text[: min(starts)]
    for length in range(min(len(text), max(map(len, _OPENINGS))), 0, -1):
        if any(opening.startswith(text[-length:]) for opening in _OPENINGS):
            return text[:-length]
    return text


def _plain(answer: Answer, usage: Usage) -> Completion:
    return Completion(answer.text, (), answer.finish, answer.logprob, usage, answer.scores, answer.complete)
