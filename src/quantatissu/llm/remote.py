"""`ChatModel` behind any endpoint that speaks OpenAI's chat completions."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from quantatissu.foundation import QuantaError
from quantatissu.inference import Constraint, JsonSchema, Sampling
from quantatissu.llm.budget import Budget
from quantatissu.llm.calls import new_id, parse_calls
from quantatissu.llm.chat import Completion, Delta, Finish, Message, ToolCall, ToolChoice, ToolSpec, Usage, gather
from quantatissu.llm.keys import find_key

_AGAIN = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_FINISHES: Mapping[str, Finish] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}
_LONGEST_WAIT = 60.0
_SHOWN = 300


class RemoteError(QuantaError):
    """The endpoint refused, failed or could not be reached; ``status`` is HTTP's, where there was an answer."""

    def __init__(self, message: str, *, status: int | None = None, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.status = status


@dataclass(frozen=True, slots=True)
class RemoteSettings:
    """``url`` ends before ``/chat/completions``. Seconds: ``connect`` until there is a connection, ``read`` between two
    pieces of an answer. A request is tried ``tries`` times in all.
    """

    model: str
    url: str
    connect: float = 10.0
    read: float = 300.0
    tries: int = 5
    first_wait: float = 0.5


class RemoteChat:
    """See `ChatModel`. A model without tools of its own, whose endpoint refuses them, is told of them in words."""

    def __init__(
        self,
        settings: RemoteSettings,
        *,
        key: str | None = None,
        budget: Budget | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        """``key`` is by default looked up for the endpoint's host (see `keys`). Raises QuantaError for a bad URL."""
        self.name, self.budget = settings.model, budget or Budget()
        self._settings = settings
        try:
            url = httpx2.URL(settings.url.rstrip("/"))
        except httpx2.InvalidURL as error:
            raise QuantaError(f"{settings.url} is not a URL: {error}") from None
        key = key if key is not None else find_key(url.host)
        if key is not None and url.scheme == "http" and url.host not in ("localhost", "127.0.0.1", "::1"):
            raise QuantaError(f"an API key is not sent to {url.host} unencrypted", hint="Use https.")
        self._client = httpx2.Client(
            base_url=url,
            headers={"Authorization": f"Bearer {key}"} if key else {},
            timeout=httpx2.Timeout(settings.read, connect=settings.connect),
            transport=transport,
        )
        self._in_words = False

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
        """See `ChatModel.stream`. What breaks before the first piece is tried again, what breaks later is not."""
        tools = () if tool_choice == "none" else tools
        try:
            yield from self._stream(messages, tools, tool_choice, n, sampling or Sampling(), constraint)
        except RemoteError as error:
            if (
                self._in_words
                or not tools
                or error.status not in (400, 404, 422)
                or "tool" not in error.message.lower()
            ):
                raise
            self._in_words = True
            yield from self._stream(messages, tools, tool_choice, n, sampling or Sampling(), constraint)

    def close(self) -> None:
        """See `ChatModel.close`."""
        self._client.close()

    def _stream(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        choice: ToolChoice,
        n: int,
        sampling: Sampling,
        constraint: Constraint | None,
    ) -> Iterator[Delta]:
        body = self._body(messages, tools, choice, n, sampling, constraint)
        names = {tool.name for tool in tools}
        answers = [_Answer(names) for _ in range(n)]
        began, usage = time.monotonic(), Usage()
        with self._answered(body) as response:
            for event in _events(response):
                if isinstance(event.get("error"), dict):
                    raise RemoteError(f"{self.name} failed: {str(event['error'].get('message'))[:_SHOWN]}")
                if event.get("usage"):
                    usage = _usage(event["usage"])
                for choice_ in event.get("choices") or ():
                    index = choice_.get("index", 0)
                    if 0 <= index < n and (text := answers[index].take(choice_)):
                        yield Delta(index, text)
        usage = Usage(usage.prompt_tokens, usage.completion_tokens, usage.cached_tokens, time.monotonic() - began)
        self.budget.add(usage)
        for index, answer in enumerate(answers):
            yield answer.end(index, usage if index == 0 else None)

    @contextmanager
    def _answered(self, body: Mapping[str, Any]) -> Iterator[httpx2.Response]:
        """The response with its body still to come, after as many tries as it takes."""
        settings = self._settings
        for number in range(1, settings.tries + 1):
            self.budget.begin()
            last = number == settings.tries
            try:
                with self._client.stream("POST", "/chat/completions", json=body) as response:
                    if response.status_code == 200:
                        yield response
                        return
                    response.read()
                    if last or response.status_code not in _AGAIN:
                        raise self._refused(response)
                    wait = _retry_after(response.headers.get("Retry-After"))
            except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout) as error:
                if last:
                    raise RemoteError(
                        f"{self._client.base_url.host} cannot be reached: {error}", hint="Is the endpoint running?"
                    ) from error
                wait = None
            except httpx2.TransportError as error:
                raise RemoteError(f"the answer of {self.name} broke off: {error}") from error
            # Full jitter: many clients that were refused together must not come back together.
            backoff = random.uniform(0, settings.first_wait * 2**number)  # noqa: S311
            self.budget.sleep(min(_LONGEST_WAIT, backoff if wait is None else wait + backoff / 4))

    def _refused(self, response: httpx2.Response) -> RemoteError:
        try:
            told = response.json()["error"]
            said = told["message"] if isinstance(told, dict) else str(told)
        except (ValueError, KeyError, TypeError):
            said = response.text
        hint = None
        if response.status_code == 401:
            hint = "Set QUANTA_API_KEY, or put the key into the keyring (service quantatissu, user: the host)."
        return RemoteError(
            f"{self._client.base_url.host} answers {response.status_code}: {str(said)[:_SHOWN]}",
            status=response.status_code,
            hint=hint,
        )

    def _body(
        self,
        messages: Sequence[Message],
        tools: Sequence[ToolSpec],
        choice: ToolChoice,
        n: int,
        sampling: Sampling,
        constraint: Constraint | None,
    ) -> dict[str, Any]:
        if constraint is not None and not isinstance(constraint, JsonSchema):
            raise QuantaError("an endpoint takes no constraint but a JSON Schema")
        turns = [message.as_dict() for message in messages]
        body: dict[str, Any] = {
            "model": self.name,
            "messages": _told_in_words(messages, tools, choice) if self._in_words and tools else turns,
            "stream": True,
            "stream_options": {"include_usage": True},
            "temperature": sampling.temperature,
            "max_completion_tokens": sampling.max_tokens,
        }
        if tools and not self._in_words:
            body["tools"] = [tool.as_dict() for tool in tools]
            named = choice not in ("auto", "required")
            body["tool_choice"] = {"type": "function", "function": {"name": choice}} if named else choice
        optional: dict[str, tuple[Any, Any]] = {
            "n": (n, 1),
            "top_p": (sampling.top_p, 1.0),
            "seed": (sampling.seed, None),
            "stop": (list(sampling.stop), []),
            "presence_penalty": (sampling.presence_penalty, 0.0),
            "frequency_penalty": (sampling.frequency_penalty, 0.0),
        }
        body |= {name: value for name, (value, usual) in optional.items() if value != usual}
        if constraint is not None:
            schema = {"name": "answer", "schema": dict(constraint.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


class _Answer:
    """One answer as it comes, its calls in parts."""

    def __init__(self, names: set[str]) -> None:
        self._names = names
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, str]] = {}
        self._finish: Finish | None = None

    def take(self, choice: Mapping[str, Any]) -> str:
        """The next piece; its text."""
        delta = choice.get("delta") or choice.get("message") or {}
        for position, part in enumerate(delta.get("tool_calls") or ()):
            call = self._calls.setdefault(part.get("index", position), {"id": "", "name": "", "arguments": ""})
            function = part.get("function") or {}
            call["id"] = part.get("id") or call["id"]
            call["name"] += function.get("name") or ""
            call["arguments"] += function.get("arguments") or ""
        if choice.get("finish_reason"):
            self._finish = _FINISHES.get(choice["finish_reason"], "stop")
        text = delta.get("content") or ""
        self._texts.append(text)
        return text if isinstance(text, str) else ""

    def end(self, index: int, usage: Usage | None) -> Delta:
        """The last piece: its calls, also such as stand in the text."""
        calls = tuple(
            ToolCall(call["id"] or new_id(), call["name"], call["arguments"] or "{}")
            for _, call in sorted(self._calls.items())
            if call["name"]
        )
        if not calls and self._names:
            calls = parse_calls("".join(self._texts), self._names).calls
        finish: Finish = "tool_calls" if calls else self._finish or "cancelled"
        return Delta(index, "", calls, finish, usage)


def _told_in_words(messages: Sequence[Message], tools: Sequence[ToolSpec], choice: ToolChoice) -> list[dict[str, Any]]:
    """The conversation for a model that has no roles and calls of tools."""
    listed = "\n".join(json.dumps(tool.as_dict()["function"]) for tool in tools)
    must = {"auto": "If one helps, answer", "required": "Answer"}.get(choice, f"Call {choice}. Answer")
    said = (
        f"You can call these tools:\n{listed}\n{must} with nothing but\n"
        '<tool_call>{"name": NAME, "arguments": {...}}</tool_call>\nand you will be given the result.'
    )
    turns: list[dict[str, Any]] = []
    for message in messages:
        content = message.content
        if message.calls:
            written = [
                f'<tool_call>{{"name": "{c.name}", "arguments": {c.arguments}}}</tool_call>' for c in message.calls
            ]
            content = "\n".join([content, *written]).strip()
        if message.role == "tool":
            turns.append({"role": "user", "content": f"<tool_result>\n{content}\n</tool_result>"})
        else:
            turns.append({"role": message.role, "content": content})
    if turns and turns[0]["role"] == "system":
        turns[0]["content"] += "\n\n" + said
        return turns
    return [{"role": "system", "content": said}, *turns]


def _events(response: httpx2.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream; or the one object of an endpoint that does not stream."""
    if "text/event-stream" not in response.headers.get("Content-Type", ""):
        response.read()
        yield _object(response.text)
        return
    for line in response.iter_lines():
        if line.startswith("data:") and (data := line[5:].strip()) != "[DONE]":
            yield _object(data)


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise RemoteError(f"the endpoint answers with no JSON object: {text[:_SHOWN]}")
    return value


def _usage(table: Mapping[str, Any]) -> Usage:
    details = table.get("prompt_tokens_details") or {}
    return Usage(
        int(table.get("prompt_tokens") or 0),
        int(table.get("completion_tokens") or 0),
        int(details.get("cached_tokens") or 0),
    )


def _retry_after(value: str | None) -> float | None:
    """Seconds that a header asks to wait; None: it does not."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None
