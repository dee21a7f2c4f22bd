"""An endpoint elsewhere: what is sent, what comes back, and what goes wrong. The endpoint is a function here."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from quantatissu.foundation import QuantaError
from quantatissu.inference import JsonSchema, Regex, Sampling
from quantatissu.llm import Budget, BudgetSpent, Message, RemoteChat, RemoteError, RemoteSettings, ToolSpec, Usage
from quantatissu.llm.keys import find_key

TURNS = [Message("user", "Go.")]
TOOL = ToolSpec("run", "Run.", {"type": "object", "properties": {"n": {"type": "integer"}}})


def stream(*events: dict[str, Any]) -> httpx2.Response:
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
    return httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)


def piece(finish: str | None = None, index: int = 0, **delta: Any) -> dict[str, Any]:
    return {"choices": [{"index": index, "delta": delta, "finish_reason": finish}]}


USED = {"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3}}
HELLO = (piece(role="assistant"), piece(content="Hel"), piece(content="lo"), piece("stop"), USED)


class Endpoint:
    def __init__(self, *answers: httpx2.Response | Exception | Callable[[dict[str, Any]], httpx2.Response]) -> None:
        self.answers, self.bodies, self.headers, self.slept = list(answers), list[Any](), list[Any](), list[float]()

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.bodies.append(json.loads(request.content))
        self.headers.append(request.headers)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, httpx2.Response) else answer(self.bodies[-1])

    def chat(self, budget: Budget | None = None, **settings: Any) -> RemoteChat:
        budget = budget or Budget()
        budget.sleep = self.slept.append
        made = RemoteSettings("big", "https://models.example/v1", **settings)
        return RemoteChat(made, key="secret", budget=budget, transport=httpx2.MockTransport(self))


def test_an_answer() -> None:
    endpoint = Endpoint(stream(*HELLO))
    sampling = Sampling(temperature=0.5, seed=3, stop=("x",), max_tokens=9)
    (answer,) = endpoint.chat().complete(TURNS, sampling=sampling, constraint=JsonSchema({"type": "object"}))
    assert answer.text == "Hello" and answer.finish == "stop" and answer.usage.prompt_tokens == 7
    body = endpoint.bodies[0]
    assert (body["model"], body["temperature"], body["seed"], body["stop"]) == ("big", 0.5, 3, ["x"])
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"} and "n" not in body
    assert endpoint.headers[0]["Authorization"] == "Bearer secret"


def test_several_answers_and_one_that_does_not_stream() -> None:
    two = stream(piece(content="a"), piece(index=1, content="b"), piece("stop"), piece("length", 1))
    whole = {"choices": [{"index": 0, "message": {"content": "c"}, "finish_reason": "stop"}]}
    chat = Endpoint(two, httpx2.Response(200, json=whole)).chat()
    assert [(one.text, one.finish) for one in chat.complete(TURNS, n=2)] == [("a", "stop"), ("b", "length")]
    assert chat.complete(TURNS)[0].text == "c"


def test_calls_come_in_parts_or_as_text() -> None:
    parts = (
        piece(tool_calls=[{"index": 0, "id": "c1", "function": {"name": "run", "arguments": ""}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": '{"n":'}}]),
        piece(tool_calls=[{"index": 0, "function": {"arguments": " 4}"}}]),
        piece("tool_calls"),
    )
    said = (piece(content='<tool_call>{"name": "run", "arguments": {"n": 5}}</tool_call>'), piece("stop"))
    endpoint = Endpoint(stream(*parts), stream(*said))
    chat = endpoint.chat()
    for wanted in (4, 5):
        (answer,) = chat.complete(TURNS, tools=[TOOL], tool_choice="run")
        assert answer.finish == "tool_calls" and answer.calls[0].parsed() == {"n": wanted}
    assert endpoint.bodies[0]["tool_choice"] == {"type": "function", "function": {"name": "run"}}


def test_a_model_without_tools_is_told_in_words() -> None:
    refusal = httpx2.Response(400, json={"error": {"message": "this model does not support tools"}})
    said = stream(piece(content='<tool_call>{"name": "run", "arguments": {"n": 1}}</tool_call>'), piece("stop"))
    endpoint = Endpoint(refusal, said, stream(*HELLO))
    chat = endpoint.chat()
    (answer,) = chat.complete(TURNS, tools=[TOOL])
    assert answer.calls[0].parsed() == {"n": 1}
    chat.complete([*TURNS, answer.as_message(), Message("tool", "done", call=answer.calls[0].id)], tools=[TOOL])
    assert "tools" not in endpoint.bodies[1] and "run" in endpoint.bodies[1]["messages"][0]["content"]
    assert endpoint.bodies[2]["messages"][-1]["role"] == "user"


def test_it_is_tried_again_when_that_may_help() -> None:
    busy = httpx2.Response(429, headers={"Retry-After": "7"}, json={"error": {"message": "slow down"}})
    endpoint = Endpoint(busy, httpx2.Response(503), httpx2.ConnectError("no"), stream(*HELLO))
    assert endpoint.chat().complete(TURNS)[0].text == "Hello"
    assert 7 <= endpoint.slept[0] <= 8 and all(0 <= wait < 5 for wait in endpoint.slept[1:])


@pytest.mark.parametrize(
    ("answers", "said", "status"),
    [
        ((httpx2.Response(401, json={"error": {"message": "bad key"}}),), "bad key", 401),
        ((httpx2.Response(500, text="broken"),) * 2, "broken", 500),
        ((httpx2.ConnectError("refused"),) * 2, "cannot be reached", None),
        ((httpx2.ReadError("gone"),), "broke off", None),
        ((stream({"error": {"message": "out of memory"}}),), "out of memory", None),
        ((httpx2.Response(200, headers={"Content-Type": "text/event-stream"}, text="data: {\n\n"),), "no JSON", None),
        ((httpx2.Response(200, text="<html>"),), "no JSON", None),
    ],
)
def test_what_goes_wrong_is_said(answers: tuple[Any, ...], said: str, status: int | None) -> None:
    with pytest.raises(RemoteError, match=said) as told:
        Endpoint(*answers).chat(tries=2).complete(TURNS)
    assert told.value.status == status and told.value.exit_code == 2


def test_what_cannot_be_sent() -> None:
    with pytest.raises(QuantaError, match="no constraint but"):
        Endpoint().chat().complete(TURNS, constraint=Regex("a"))
    with pytest.raises(QuantaError, match="unencrypted"):
        RemoteChat(RemoteSettings("x", "http://models.example/v1"), key="secret")
    RemoteChat(RemoteSettings("x", "http://localhost:1/v1"), key="secret").close()


def test_a_budget_ends() -> None:
    chat = Endpoint(stream(*HELLO), stream(*HELLO)).chat(Budget(tokens=10))
    chat.complete(TURNS)
    with pytest.raises(BudgetSpent, match="10 tokens"):
        chat.complete(TURNS)
    money = Budget(cost=0.001, price_in=100, price_out=100)
    money.add(Usage(5, 4))
    money.begin()
    money.add(Usage(5, 0))
    with pytest.raises(BudgetSpent):
        money.begin()


def test_a_budget_makes_requests_wait() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    budget = Budget(requests_per_minute=2, clock=lambda: now[0], sleep=sleep)
    for _ in range(5):
        budget.begin()
    assert now[0] == pytest.approx(120)
    tokens = Budget(tokens_per_minute=100, clock=lambda: now[0], sleep=sleep)
    tokens.begin()
    tokens.add(Usage(90, 30))
    began = now[0]
    tokens.begin()
    assert now[0] - began == pytest.approx(60)


def test_keys_go_to_their_host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("QUANTA_API_KEY", raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "theirs")
    assert find_key("api.openai.com") == "theirs" and find_key("models.example") != "theirs"
    monkeypatch.setenv("QUANTA_API_KEY", "ours")
    assert find_key("models.example") == "ours"
