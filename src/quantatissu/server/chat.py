"""``/v1/chat/completions``."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from quantatissu.inference import JsonSchema
from quantatissu.llm import Completion, LocalChat, Message, ToolCall, ToolChoice, ToolSpec, Usage
from quantatissu.llm.chat import gather
from quantatissu.llm.local import LocalStream
from quantatissu.server.asked import ChatAsked, Format, Named, Part, Turn
from quantatissu.server.errors import Refused
from quantatissu.server.models import Models
from quantatissu.server.streaming import events, gathered, pieces


async def chat_completions(request: Request, asked: ChatAsked, models: Models) -> Response:
    """Answer a conversation."""
    model = models.get(asked.model)
    if asked.n > models.settings.answers:
        raise Refused(400, f"n is {asked.n}; at most {models.settings.answers} are given.", param="n")
    wanted = asked.max_completion_tokens if asked.max_completion_tokens is not None else asked.max_tokens
    tools = [ToolSpec(*_tool(one.function)) for one in asked.tools or ()]
    stream = begin(
        model,
        models,
        asked,
        [message(turn) for turn in asked.messages],
        tools=tools,
        choice=chosen(asked.tool_choice),
        form=asked.response_format,
        wanted=wanted,
    )
    head = {
        "id": f"chatcmpl-{uuid.uuid4().hex}",
        "created": int(time.time()),
        "model": asked.model,
        "system_fingerprint": None,
    }
    if asked.stream:
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        return events(_streamed(stream, head, asked, models, usage=usage))
    found = await gathered(request, [stream])
    if found is None:
        return Response(status_code=499)
    answers = gather(iter(found[0]), asked.n)
    return JSONResponse(
        head
        | {
            "object": "chat.completion",
            "choices": [_choice(index, answer, asked, models) for index, answer in enumerate(answers)],
            "usage": usage_of(answers[0].usage),
        }
    )


def begin(
    model: LocalChat,
    models: Models,
    asked: Any,
    messages: Sequence[Message],
    *,
    tools: Sequence[ToolSpec],
    choice: ToolChoice,
    form: Format | None,
    wanted: int | None,
) -> LocalStream:
    """The answer of a model to a conversation, begun."""
    prompt = model.prompt(messages, () if choice == "none" else tools)
    is_chat = isinstance(asked, ChatAsked)
    sampling = models.sampling(
        asked,
        prompt=len(prompt),
        wanted=wanted,
        stop=asked.stop if is_chat else None,
        logprobs=asked.top_logprobs if is_chat and asked.logprobs else None,
    )
    return model.answer(
        prompt,
        tools=tools,
        tool_choice=choice,
        n=asked.n if is_chat else 1,
        sampling=sampling,
        constraint=constraint(form),
    )


def constraint(form: Format | None) -> JsonSchema | None:
    """What the form of an answer asks for."""
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        return JsonSchema({"type": "object"})
    table = form.json_schema.table if form.json_schema is not None else form.table
    if table is None:
        raise Refused(400, "response_format has no schema.", param="response_format")
    return JsonSchema(table)


def chosen(choice: str | Named | None) -> ToolChoice:
    """The choice of tools that a request makes."""
    if choice is None:
        return "auto"
    return choice.tool if isinstance(choice, Named) else choice


def message(turn: Turn) -> Message:
    """A turn of a request. Refused where it holds more than text."""
    calls = tuple(ToolCall(one.id, one.function.name, one.function.arguments) for one in turn.tool_calls or ())
    role = "system" if turn.role == "developer" else turn.role
    return Message(role, text_of(turn.content), calls, turn.tool_call_id)


def text_of(content: str | Sequence[Part] | None) -> str:
    """The text of a message's content. Refused where it holds more."""
    if content is None or isinstance(content, str):
        return content or ""
    for part in content:
        if part.text is None and part.refusal is None:
            raise Refused(400, f"This model takes text only, not {part.type}.", param="messages")
    return "".join(part.text or part.refusal or "" for part in content)


def usage_of(usage: Usage) -> dict[str, Any]:
    """As chat completions write it."""
    return {
        "prompt_tokens": usage.prompt_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


def _tool(function: Any) -> tuple[str, str, dict[str, Any]]:
    return function.name, function.description or "", function.parameters or {"type": "object", "properties": {}}


def _calls(calls: Sequence[ToolCall], *, numbered: bool = False) -> list[dict[str, Any]]:
    return [
        ({"index": number} if numbered else {})
        | {"id": one.id, "type": "function", "function": {"name": one.name, "arguments": one.arguments}}
        for number, one in enumerate(calls)
    ]


def _finish(finish: str | None) -> str | None:
    return "stop" if finish == "cancelled" else finish


def _choice(index: int, answer: Completion, asked: ChatAsked, models: Models) -> dict[str, Any]:
    said: dict[str, Any] = {"role": "assistant", "content": answer.text, "refusal": None}
    if answer.calls:
        said |= {"content": answer.text or None, "tool_calls": _calls(answer.calls)}
    scores = {"content": [models.logprob(one) for one in answer.scores], "refusal": None} if asked.logprobs else None
    return {"index": index, "message": said, "logprobs": scores, "finish_reason": _finish(answer.finish)}


async def _streamed(
    stream: LocalStream, head: dict[str, Any], asked: ChatAsked, models: Models, *, usage: bool
) -> AsyncIterator[dict[str, Any]]:
    head = head | {"object": "chat.completion.chunk"} | ({"usage": None} if usage else {})

    def chunk(index: int, delta: dict[str, Any], finish: str | None = None, scores: Any = None) -> dict[str, Any]:
        return head | {"choices": [{"index": index, "delta": delta, "logprobs": scores, "finish_reason": finish}]}

    for index in range(asked.n):
        yield chunk(index, {"role": "assistant", "content": "", "refusal": None})
    used = Usage()
    async for delta in pieces(stream):
        scores = None
        if asked.logprobs and delta.scores:
            scores = {"content": [models.logprob(one) for one in delta.scores], "refusal": None}
        if delta.text or scores:
            yield chunk(delta.index, {"content": delta.text}, scores=scores)
        if delta.calls:
            yield chunk(delta.index, {"tool_calls": _calls(delta.calls, numbered=True)})
        if delta.usage is not None:
            used = delta.usage
        if delta.finish is not None:
            yield chunk(delta.index, {}, _finish(delta.finish))
    if usage:
        yield head | {"choices": [], "usage": usage_of(used)}
