"""``/v1/responses``, without a memory of its own: a conversation is sent whole each time."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from quantatissu.llm import Completion, Message, ToolCall, ToolSpec, Usage
from quantatissu.llm.chat import gather
from quantatissu.llm.local import LocalStream
from quantatissu.server.asked import Item, ResponseAsked
from quantatissu.server.chat import begin, chosen, text_of
from quantatissu.server.errors import Refused
from quantatissu.server.models import Models
from quantatissu.server.streaming import events, gathered, pieces


async def responses(request: Request, asked: ResponseAsked, models: Models) -> Response:
    """Answer a conversation."""
    model = models.get(asked.model)
    if asked.previous_response_id is not None:
        raise Refused(400, "Nothing is stored here: send the whole conversation.", param="previous_response_id")
    if asked.background:
        raise Refused(400, "Responses are not made in the background here.", param="background")
    tools = [
        ToolSpec(one.name, one.description or "", one.parameters or {"type": "object", "properties": {}})
        for one in asked.tools or ()
    ]
    stream = begin(
        model,
        models,
        asked,
        _messages(asked),
        tools=tools,
        choice=chosen(asked.tool_choice),
        form=asked.text.format,
        wanted=asked.max_output_tokens,
    )
    head = _head(asked)
    if asked.stream:
        return events(_numbered(_streamed(stream, head)), named=True)
    found = await gathered(request, [stream])
    if found is None:
        return Response(status_code=499)
    (answer,) = gather(iter(found[0]), 1)
    return JSONResponse(_whole(head, answer, f"msg_{uuid.uuid4().hex}"))


def _messages(asked: ResponseAsked) -> list[Message]:
    made = [Message("system", asked.instructions)] if asked.instructions else []
    if isinstance(asked.input, str):
        return [*made, Message("user", asked.input)]
    for item in asked.input:
        if item.type == "reasoning":
            continue
        one = _message(item)
        if one.role == "assistant" and one.calls and made and made[-1].role == "assistant":
            # A turn's text and calls are items of their own here, and one message to a model.
            made[-1] = Message("assistant", made[-1].content, made[-1].calls + one.calls)
        elif one.role == "system" and made and made[0].role == "system":
            made[0] = Message("system", f"{made[0].content}\n\n{one.content}")
        else:
            made.append(one)
    return made


def _message(item: Item) -> Message:
    if item.type == "function_call":
        call = ToolCall(item.call_id or "", item.name or "", item.arguments or "{}")
        return Message("assistant", "", (call,))
    if item.type == "function_call_output":
        return Message("tool", text_of(item.output), (), item.call_id)
    role = "system" if item.role == "developer" else item.role or "user"
    return Message(role, text_of(item.content))


def _head(asked: ResponseAsked) -> dict[str, Any]:
    return {
        "id": f"resp_{uuid.uuid4().hex}",
        "object": "response",
        "created_at": int(time.time()),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": asked.instructions,
        "max_output_tokens": asked.max_output_tokens,
        "metadata": asked.metadata or {},
        "model": asked.model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": asked.temperature,
        "text": asked.text.model_dump(by_alias=True, exclude_none=True),
        "tool_choice": chosen(asked.tool_choice),
        "tools": [{"strict": False, **one.model_dump()} for one in asked.tools or ()],
        "top_p": asked.top_p,
        "truncation": "disabled",
        "usage": None,
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _said(text: str, name: str, status: str) -> dict[str, Any]:
    content = [_part(text)] if status != "in_progress" else []
    return {"id": name, "type": "message", "role": "assistant", "status": status, "content": content}


def _call(call: ToolCall) -> dict[str, Any]:
    return {
        "id": f"fc_{call.id}",
        "type": "function_call",
        "call_id": call.id,
        "name": call.name,
        "arguments": call.arguments,
        "status": "completed",
    }


def _whole(head: dict[str, Any], answer: Completion, name: str) -> dict[str, Any]:
    cut = answer.finish == "length"
    status = "incomplete" if cut else "completed"
    output = [_said(answer.text, name, status)] if answer.text or not answer.calls else []
    output += map(_call, answer.calls)
    return head | {
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if cut else None,
        "output": output,
        "usage": _usage(answer.usage),
    }


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_tokens},
        "output_tokens": usage.completion_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.prompt_tokens + usage.completion_tokens,
    }


async def _numbered(source: AsyncIterator[dict[str, Any]]) -> AsyncIterator[dict[str, Any]]:
    number = 0
    async for event in source:
        yield event | {"sequence_number": number}
        number += 1


async def _streamed(stream: LocalStream, head: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    yield {"type": "response.created", "response": head}
    yield {"type": "response.in_progress", "response": head}
    name = f"msg_{uuid.uuid4().hex}"
    at: dict[str, Any] = {"item_id": name, "output_index": 0, "content_index": 0}
    begun = False
    deltas = []
    async for delta in pieces(stream):
        deltas.append(delta)
        if not delta.text:
            continue
        if not begun:
            begun = True
            for event in _beginning(name, at):
                yield event
        yield {"type": "response.output_text.delta", **at, "delta": delta.text, "logprobs": []}
    (answer,) = gather(iter(deltas), 1)
    whole = _whole(head, answer, name)
    for index, item in enumerate(whole["output"]):
        if item["type"] == "message":
            for event in [] if begun else _beginning(name, at):
                yield event
            yield {"type": "response.output_text.done", **at, "text": answer.text, "logprobs": []}
            yield {"type": "response.content_part.done", **at, "part": _part(answer.text)}
        else:
            for event in _calling(item, index):
                yield event
        yield {"type": "response.output_item.done", "output_index": index, "item": item}
    ended = "incomplete" if whole["status"] == "incomplete" else "completed"
    yield {"type": f"response.{ended}", "response": whole}


def _beginning(name: str, at: dict[str, Any]) -> Sequence[dict[str, Any]]:
    return (
        {"type": "response.output_item.added", "output_index": 0, "item": _said("", name, "in_progress")},
        {"type": "response.content_part.added", **at, "part": _part("")},
    )


def _calling(item: dict[str, Any], index: int) -> Sequence[dict[str, Any]]:
    at = {"item_id": item["id"], "output_index": index}
    empty = item | {"arguments": "", "status": "in_progress"}
    return (
        {"type": "response.output_item.added", "output_index": index, "item": empty},
        {"type": "response.function_call_arguments.delta", **at, "delta": item["arguments"]},
        {
            "type": "response.function_call_arguments.done",
            **at,
            "name": item["name"],
            "arguments": item["arguments"],
        },
    )
