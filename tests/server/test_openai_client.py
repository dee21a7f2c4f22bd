"""The official client, unchanged, against the server."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import openai
import pytest
import server_cases as cases  # puts the folder of the next two on the path

import engine_cases  # isort: skip
from test_adapters import CONFIGS, adapted, expected  # isort: skip

from quantatissu.inference.local import LocalEngine
from quantatissu.inference.torch_runner import TorchRunner

SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 5},
        "count": {"type": "integer", "minimum": 0, "maximum": 99},
    },
    "required": ["name", "count"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "read_file", "description": "Read.", "parameters": SCHEMA}}
TURNS = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Go."}]


@pytest.fixture(scope="module")
def client() -> Iterator[openai.OpenAI]:
    with cases.serving() as (url, _):
        yield openai.OpenAI(base_url=f"{url}/v1", api_key=cases.TOKEN, max_retries=0)


def test_a_chat(client: openai.OpenAI) -> None:
    asked = {"model": "model", "messages": TURNS, "max_completion_tokens": 9, "seed": 1, "n": 2}
    first = client.chat.completions.create(**asked)
    again = client.chat.completions.create(**asked)
    assert [one.message.content for one in first.choices] == [one.message.content for one in again.choices]
    assert first.choices[0].message.role == "assistant" and len(first.choices) == 2
    assert (
        first.usage is not None
        and first.usage.total_tokens == first.usage.prompt_tokens + first.usage.completion_tokens
    )
    assert first.usage.completion_tokens <= 18


def test_a_streamed_chat_says_the_same(client: openai.OpenAI) -> None:
    asked = {"model": "model", "messages": TURNS, "max_completion_tokens": 12, "seed": 4, "n": 2}
    whole = client.chat.completions.create(**asked)
    texts, finishes, usage = ["", ""], [None, None], None
    for chunk in client.chat.completions.create(**asked, stream=True, stream_options={"include_usage": True}):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
            finishes[choice.index] = choice.finish_reason or finishes[choice.index]
    assert texts == [one.message.content for one in whole.choices]
    assert finishes == [one.finish_reason for one in whole.choices]
    assert usage is not None and whole.usage is not None and usage.total_tokens == whole.usage.total_tokens
    # The second time, all of the prompt but what fills no page was there already.
    assert usage.prompt_tokens_details.cached_tokens >= usage.prompt_tokens - 16 > 0


def test_adapters_are_models_by_their_names(tmp_path: Path) -> None:
    merged = adapted("qwen3", CONFIGS["every"], tmp_path / "mine")
    runner = TorchRunner(engine_cases.model(), adapters={"mine": tmp_path / "mine"})
    engine = LocalEngine(runner, engine_cases.tokenizer(), pages=128, adapters=("mine",))
    with cases.serving(engine) as (url, _):
        client = openai.OpenAI(base_url=f"{url}/v1", api_key=cases.TOKEN, max_retries=0)
        assert [one.id for one in client.models.list()] == ["model", "mine"]
        text = "class Engine(Protocol):"
        said = {
            name: client.completions.create(model=name, prompt=text, max_tokens=5, temperature=0)
            for name in ("model", "mine")
        }
    tokens = tuple(engine_cases.tokenizer().encode(text).tolist())
    decode = engine_cases.tokenizer().decode
    assert said["mine"].choices[0].text == decode(expected(merged, tokens, 5))
    assert said["model"].choices[0].text == decode(engine_cases.greedy(tokens, 5)) != said["mine"].choices[0].text


def test_log_probabilities(client: openai.OpenAI) -> None:
    found = client.chat.completions.create(
        model="model", messages=TURNS, max_completion_tokens=5, temperature=0, logprobs=True, top_logprobs=3
    )
    scores = found.choices[0].logprobs
    assert scores is not None and scores.content is not None and len(scores.content) == found.usage.completion_tokens
    for one in scores.content:
        assert one.logprob <= 0 and len(one.top_logprobs) == 3
        assert one.bytes == one.top_logprobs[0].bytes and math.isclose(one.logprob, one.top_logprobs[0].logprob)


def test_a_schema_is_kept(client: openai.OpenAI) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "x", "schema": SCHEMA, "strict": True}}
    for seed in range(4):
        found = client.chat.completions.create(
            model="model", messages=TURNS, response_format=form, max_completion_tokens=60, seed=seed
        )
        jsonschema.validate(json.loads(found.choices[0].message.content), SCHEMA)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "read_file"}}])
@pytest.mark.parametrize("stream", [False, True])
def test_a_tool_is_called(client: openai.OpenAI, choice: object, stream: bool) -> None:
    asked = {
        "model": "model",
        "messages": TURNS,
        "tools": [TOOL],
        "tool_choice": choice,
        "max_completion_tokens": 80,
        "seed": 2,
    }
    if stream:
        with client.chat.completions.stream(**asked) as events:
            said = events.get_final_completion().choices[0]
    else:
        said = client.chat.completions.create(**asked).choices[0]
    assert said.finish_reason == "tool_calls" and said.message.tool_calls
    call = said.message.tool_calls[0]
    jsonschema.validate(json.loads(call.function.arguments), SCHEMA)
    answer = {"role": "tool", "tool_call_id": call.id, "content": "done"}
    turn = {"role": "assistant", "content": None, "tool_calls": [call.model_dump(include={"id", "type", "function"})]}
    after = client.chat.completions.create(model="model", messages=[*TURNS, turn, answer], max_completion_tokens=3)
    assert after.choices[0].finish_reason in ("stop", "length")


def test_a_response(client: openai.OpenAI) -> None:
    found = client.responses.create(model="model", input="Go.", instructions="Be brief.", max_output_tokens=6)
    assert found.status in ("completed", "incomplete") and found.usage is not None
    called = client.responses.create(
        model="model",
        input=[{"role": "user", "content": "Go."}],
        tools=[{"type": "function", "name": "read_file", "parameters": SCHEMA, "strict": True}],
        tool_choice="required",
        max_output_tokens=80,
    )
    call = called.output[0]
    assert call.type == "function_call"
    jsonschema.validate(json.loads(call.arguments), SCHEMA)
    follow = [{"role": "user", "content": "Go."}, call.model_dump(exclude_none=True)]
    follow.append({"type": "function_call_output", "call_id": call.call_id, "output": "done"})
    assert client.responses.create(model="model", input=follow, max_output_tokens=3).id


def test_a_streamed_response(client: openai.OpenAI) -> None:
    form = {"format": {"type": "json_schema", "name": "x", "schema": SCHEMA}}
    asked = {"model": "model", "input": "Go.", "max_output_tokens": 60, "temperature": 0, "text": form}
    with client.responses.stream(**asked) as stream:
        kinds = [event.type for event in stream]
        final = stream.get_final_response()
    whole = client.responses.create(**asked)
    assert final.output_text == whole.output_text
    jsonschema.validate(json.loads(whole.output_text), SCHEMA)
    assert kinds[:2] == ["response.created", "response.in_progress"] and kinds[-1] == "response.completed"


def test_a_streamed_call(client: openai.OpenAI) -> None:
    tool = {"type": "function", "name": "read_file", "parameters": SCHEMA, "strict": True}
    with client.responses.stream(
        model="model", input="Go.", tools=[tool], tool_choice="required", max_output_tokens=80
    ) as stream:
        kinds = {event.type for event in stream}
        (call,) = stream.get_final_response().output
    assert call.type == "function_call" and "response.function_call_arguments.done" in kinds
    jsonschema.validate(json.loads(call.arguments), SCHEMA)


def test_completions(client: openai.OpenAI) -> None:
    asked = {"model": "model", "prompt": ["def f(", "class "], "max_tokens": 6, "temperature": 0, "n": 2}
    whole = client.completions.create(**asked, logprobs=2)
    assert [one.index for one in whole.choices] == [0, 1, 2, 3]
    assert whole.choices[0].text == whole.choices[1].text and len(whole.choices[0].logprobs.tokens) == 6
    texts = [""] * 4
    for chunk in client.completions.create(**asked, stream=True):
        for choice in chunk.choices:
            texts[choice.index] += choice.text
    assert texts == [one.text for one in whole.choices]
    echoed = client.completions.create(model="model", prompt="def f(", max_tokens=2, echo=True, stop="\n")
    assert echoed.choices[0].text.startswith("def f(")
    infilled = client.completions.create(model="model", prompt="def f(", suffix="):", max_tokens=4)
    assert infilled.usage is not None and infilled.usage.completion_tokens <= 4


def test_models(client: openai.OpenAI) -> None:
    assert [one.id for one in client.models.list()] == ["model"]
    assert client.models.retrieve("model").id == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("another")


def test_what_is_wrong_is_said(client: openai.OpenAI) -> None:
    def ask(**more: object) -> None:
        client.chat.completions.create(**({"model": "model", "messages": TURNS} | more))

    with pytest.raises(openai.NotFoundError, match="does not exist"):
        ask(model="another")
    for more in (
        {"messages": [{"role": "user", "content": "word " * 2000}]},
        {"max_completion_tokens": 100_000},
    ):
        with pytest.raises(openai.BadRequestError) as told:
            ask(**more)
        assert told.value.code == "context_length_exceeded"
    for more, said in (
        ({"temperature": -1}, "temperature"),
        ({"n": 1000}, "at most"),
        ({"messages": []}, "messages"),
        ({"tool_choice": "required"}, "there is none"),
        ({"response_format": {"type": "json_schema"}}, "no schema"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}]}, "text only"),
    ):
        with pytest.raises(openai.BadRequestError, match=said):
            ask(**more)
    with pytest.raises(openai.BadRequestError, match="send the whole conversation"):
        client.responses.create(model="model", input="x", previous_response_id="resp_1")
    with pytest.raises(openai.AuthenticationError):
        client.with_options(api_key="another").models.list()
