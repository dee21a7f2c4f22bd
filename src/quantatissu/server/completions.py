"""``/v1/completions``: text behind text, or between two."""

from __future__ import annotations

import time
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from quantatissu import inference
from quantatissu.inference import Sampling, TokenScore
from quantatissu.inference.infill import infill_request
from quantatissu.llm import Completion, Usage
from quantatissu.llm.chat import gather
from quantatissu.llm.local import LocalStream, stream_of
from quantatissu.server.asked import CompletionAsked
from quantatissu.server.chat import usage_of
from quantatissu.server.errors import Refused
from quantatissu.server.models import Models
from quantatissu.server.streaming import events, gathered, merged


async def completions(request: Request, asked: CompletionAsked, models: Models) -> Response:
    """Continue one text or several, ``n`` times each."""
    model, engine = models.get(asked.model), models.engine
    prompts = _prompts(asked)
    if len(prompts) * asked.n > models.settings.answers:
        raise Refused(400, f"At most {models.settings.answers} answers are given to one request.", param="n")
    if asked.echo and (asked.suffix is not None or asked.stream):
        raise Refused(400, "echo goes with neither suffix nor stream.", param="echo")
    adapter = None if model.name == engine.name else model.name
    wanted = 16 if asked.max_tokens is None else asked.max_tokens
    begun = []
    for text in prompts:
        ids = tuple(engine.tokenizer.encode(text).tolist() if isinstance(text, str) else text)
        if not ids and asked.suffix is None:
            ids = () if engine.tokenizer.end_of_text is None else (engine.tokenizer.end_of_text,)
        if asked.suffix is not None:
            if not isinstance(text, str):
                raise Refused(400, "suffix needs a prompt that is text.", param="suffix")
            # What does not fit is cut at its far ends: an editor sends whole files.
            sampling = _sampling(asked, models, 0, wanted)
            asked_for = infill_request(engine, text, asked.suffix, sampling, n=asked.n)
        else:
            asked_for = inference.Request(ids, _sampling(asked, models, len(ids), wanted), asked.n)
        begun.append(replace(asked_for, adapter=adapter))
    streams = [stream_of(engine, one) for one in begun]
    head = {
        "id": f"cmpl-{uuid.uuid4().hex}",
        "object": "text_completion",
        "created": int(time.time()),
        "model": asked.model,
    }
    if asked.stream:
        usage = asked.stream_options is not None and asked.stream_options.include_usage
        return events(_streamed(streams, head, asked, models, usage=usage))
    found = await gathered(request, streams)
    if found is None:
        return Response(status_code=499)
    answers = [gather(iter(deltas), asked.n) for deltas in found]
    choices = []
    for number, (group, one) in enumerate(zip(answers, begun, strict=True)):
        before = engine.tokenizer.decode(list(one.prompt)) if asked.echo else ""
        choices += [_choice(number * asked.n + at, answer, asked, models, before) for at, answer in enumerate(group)]
    total = sum((group[0].usage for group in answers), Usage())
    return JSONResponse(head | {"choices": choices, "usage": usage_of(total)})


def _prompts(asked: CompletionAsked) -> list[str | list[int]]:
    prompt = asked.prompt
    if isinstance(prompt, str):
        return [prompt]
    if isinstance(prompt[0], int):
        return [[one for one in prompt if isinstance(one, int)]]
    return [one for one in prompt if not isinstance(one, int)]


def _sampling(asked: CompletionAsked, models: Models, prompt: int, wanted: int) -> Sampling:
    return models.sampling(asked, prompt=prompt, wanted=wanted, stop=asked.stop, logprobs=asked.logprobs)


def _choice(index: int, answer: Completion, asked: CompletionAsked, models: Models, before: str) -> dict[str, Any]:
    scores = _scores(answer.scores, models, len(before)) if asked.logprobs is not None else None
    finish = "length" if answer.finish == "length" else "stop"
    return {"index": index, "text": before + answer.text, "logprobs": scores, "finish_reason": finish}


def _scores(scores: Sequence[TokenScore], models: Models, start: int) -> dict[str, Any]:
    tokens = [models.token(one.token)[0] for one in scores]
    offsets, at = [], start
    for text in tokens:
        offsets.append(at)
        at += len(text)
    return {
        "tokens": tokens,
        "token_logprobs": [one.logprob for one in scores],
        "top_logprobs": [{models.token(number)[0]: value for number, value in one.top} for one in scores],
        "text_offset": offsets,
    }


async def _streamed(
    streams: Sequence[LocalStream], head: dict[str, Any], asked: CompletionAsked, models: Models, *, usage: bool
) -> AsyncIterator[dict[str, Any]]:
    lengths = [0] * (len(streams) * asked.n)
    used = Usage()
    async for number, delta in merged(streams):
        index = number * asked.n + delta.index
        if delta.usage is not None:
            used += delta.usage
        if not delta.text and not delta.scores and delta.finish is None:
            continue
        scores = None
        if asked.logprobs is not None:
            scores = _scores(delta.scores, models, lengths[index])
        lengths[index] += len(delta.text)
        finish = None if delta.finish is None else "length" if delta.finish == "length" else "stop"
        choice = {"index": index, "text": delta.text, "logprobs": scores, "finish_reason": finish}
        yield head | {"choices": [choice]} | ({"usage": None} if usage else {})
    if usage:
        yield head | {"choices": [], "usage": usage_of(used)}
