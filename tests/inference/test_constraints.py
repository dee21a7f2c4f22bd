"""Constrained answers parse, also when they are cut, from a model that knows nothing."""

from __future__ import annotations

import json
import re

import engine_cases as cases
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantatissu.foundation import QuantaError
from quantatissu.inference import Constraint, Grammar, JsonSchema, Regex, Request, Sampling

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 3},
        "age": {"type": "integer", "minimum": 10},
        "tags": {"type": "array", "items": {"enum": ["a", "bb"]}, "minItems": 1},
        "other": {"anyOf": [{"type": "null"}, {"type": "object", "properties": {"k": {"type": "number"}}}]},
    },
    "required": ["name", "age", "tags", "other"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def engine():  # type: ignore[no-untyped-def]
    with cases.engine(pages=200, context=1000) as made:
        yield made


def ask(engine, constraint: Constraint, tokens: int, *, seed: int = 0, n: int = 4, temperature: float = 1.5):  # type: ignore[no-untyped-def]
    sampling = Sampling(max_tokens=tokens, temperature=temperature, seed=seed)
    return engine.generate(Request(cases.prompt(0, 5), sampling, n=n, constraint=constraint))


@pytest.mark.parametrize("tokens", [45, 60, 150])
def test_json_is_whole_however_few_tokens_there_are(engine, tokens: int) -> None:  # type: ignore[no-untyped-def]
    for answer in ask(engine, JsonSchema(PERSON), tokens):
        assert answer.complete and len(answer.tokens) <= tokens
        found = json.loads(answer.text)
        assert set(found) == {"name", "age", "tags", "other"}
        assert len(found["name"]) >= 3 and found["age"] >= 10 and set(found["tags"]) <= {"a", "bb"}


def test_what_cannot_be_whole_is_said_to_be_cut(engine) -> None:  # type: ignore[no-untyped-def]
    for answer in ask(engine, JsonSchema(PERSON), 6):
        assert not answer.complete and answer.finish == "length"


@pytest.mark.parametrize("pattern", [r"[a-z]{3}-[0-9]{2,4}", r"(ab)+c", r"x{5}", r"a?"])
def test_regular_expressions_match(engine, pattern: str) -> None:  # type: ignore[no-untyped-def]
    for answer in ask(engine, Regex(pattern), 12):
        assert answer.complete and re.fullmatch(pattern, answer.text), answer.text


def test_sentences_of_a_grammar(engine) -> None:  # type: ignore[no-untyped-def]
    grammar = Grammar('start: term ("+" term)*\nterm: "x" | "(" start ")"')
    for seed in range(4):
        for answer in ask(engine, grammar, 20, seed=seed):
            assert answer.complete
            assert isinstance(eval(answer.text, {"x": 1}), int)


def test_greedy_answers_are_constrained_too(engine) -> None:  # type: ignore[no-untyped-def]
    answer = ask(engine, JsonSchema({"enum": ["yes", "no"]}), 20, n=1, temperature=0)[0]
    assert json.loads(answer.text) in ("yes", "no")


def test_a_seed_is_a_seed(engine) -> None:  # type: ignore[no-untyped-def]
    first, again = (ask(engine, JsonSchema(PERSON), 80, seed=4) for _ in range(2))
    assert [answer.tokens for answer in first] == [answer.tokens for answer in again]


@pytest.mark.parametrize(
    "bad",
    [Regex("("), Grammar("start: nothing_like_this"), JsonSchema({"type": "nothing"}), JsonSchema({"$ref": "#/no"})],
)
def test_constraints_that_make_no_sense_are_refused(engine, bad: Constraint) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(QuantaError, match="the constraint cannot be used"):
        ask(engine, bad, 5)


values = st.recursive(
    st.sampled_from(
        [
            {"type": "string"},
            {"type": "string", "maxLength": 4},
            {"type": "integer", "minimum": -3, "maximum": 12},
            {"type": "boolean"},
            {"enum": ["a", 'b"', 3, None]},
        ]
    ),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda kinds: {"anyOf": kinds}),
        inner.map(lambda kind: {"type": "array", "items": kind, "maxItems": 3}),
        st.lists(inner, max_size=3).map(
            lambda kinds: {
                "type": "object",
                "properties": {f"p{number}": kind for number, kind in enumerate(kinds)},
                "required": [f"p{number}" for number in range(0, len(kinds), 2)],
                "additionalProperties": False,
            }
        ),
    ),
    max_leaves=5,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(schema=values, seed=st.integers(0, 1000))
def test_any_schema_is_met_or_the_answer_said_to_be_cut(engine, schema: dict[str, object], seed: int) -> None:  # type: ignore[no-untyped-def]
    import jsonschema

    for answer in ask(engine, JsonSchema(schema), 120, seed=seed, n=2):
        if answer.complete:
            jsonschema.validate(json.loads(answer.text), schema)
        else:
            assert answer.finish == "length"
