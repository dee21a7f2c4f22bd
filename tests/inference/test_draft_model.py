"""A draft model changes how fast answers come, and nothing about them."""

from __future__ import annotations

import copy
from dataclasses import replace
from pathlib import Path
from typing import Any

import engine_cases as cases
import pytest

from quantatissu.foundation import QuantaError
from quantatissu.inference import EngineStats, JsonSchema, Request, Sampling
from quantatissu.inference.opening import open_engine
from quantatissu.inference.sampling import Seen, key_of
from quantatissu.inference.scheduler.sample import Sample
from quantatissu.inference.scheduler.text import Detokeniser, StopStrings
from quantatissu.inference.speculation import DraftModel
from quantatissu.inference.torch_runner import TorchRunner
from quantatissu.model.folders import save_model
from quantatissu.tokenizer import save_tokenizer

PAGES = 64
SAMPLINGS = {
    "greedy": Sampling(max_tokens=40, ignore_end=True),
    "drawn": Sampling(max_tokens=40, ignore_end=True, temperature=0.8, top_k=20, seed=3),
    "penalised": Sampling(max_tokens=40, ignore_end=True, temperature=0.5, seed=4, repetition_penalty=1.3),
}


def drafter(name: str = "qwen3", *, pages: int = PAGES, context: int = 256, **options: Any) -> DraftModel:
    """Guesses whatever its probability, so that there is something to be seen."""
    made = copy.copy(cases.model(name))
    made.config = replace(made.config, max_position_embeddings=context)
    runner = TorchRunner(made)
    return DraftModel(runner, vocabulary=cases.tokenizer().vocabulary, pages=pages, **{"least": 0.0, **options})


def asked(sampling: Sampling, **options: Any) -> list[Request]:
    return [
        Request(cases.prompt(number, 5 + 17 * number), sampling, n=1 + number % 3, **options) for number in range(4)
    ]


def answers(requests: list[Request], draft: DraftModel | None = None, **options: Any) -> tuple[list[Any], EngineStats]:
    """Tokens and texts of all samples, and the counts; all requests run at once."""
    with cases.engine(drafter=draft, speculate_below=99, **options) as engine:
        works = [engine.submit(request) for request in requests]
        found = [[(answer.tokens, answer.text) for answer in work.answers()] for work in works]
        engine.forget()
        stats = engine.stats()
        assert stats.pages_free == stats.pages
        if draft is not None:
            assert draft.free == draft.pages
    return found, stats


@pytest.mark.parametrize("kind", SAMPLINGS)
def test_the_same_model_guesses_right(kind: str) -> None:
    requests = asked(SAMPLINGS[kind])
    plain, before = answers(requests)
    found, stats = answers(requests, drafter())
    assert found == plain
    assert stats.accepted_tokens > 0.97 * stats.drafted_tokens
    assert stats.accepted_tokens > 0.8 * stats.generated_tokens
    assert stats.steps < before.steps / 4


@pytest.mark.parametrize("kind", SAMPLINGS)
@pytest.mark.parametrize("options", [{"name": "llama"}, {"name": "llama", "least": 0.2}, {"pages": 5}, {"context": 60}])
def test_another_model_or_a_small_cache_changes_nothing(kind: str, options: dict[str, Any]) -> None:
    requests = asked(SAMPLINGS[kind])
    found, stats = answers(requests, drafter(**options))
    assert found == answers(requests)[0]
    assert stats.drafted_tokens > 0


def test_a_bad_draft_model_is_asked_less() -> None:
    requests = asked(SAMPLINGS["drawn"])
    good, bad = (answers(requests, drafter(name))[1] for name in ("qwen3", "llama"))
    assert bad.accepted_tokens < 0.2 * bad.drafted_tokens
    # Eight a step in the beginning, and one in the end.
    assert bad.drafted_tokens / bad.generated_tokens < 2.5
    unsure = answers(requests, drafter("llama", least=0.9))[1]
    assert unsure.drafted_tokens < bad.drafted_tokens
    assert good.drafted_tokens < 1.1 * good.generated_tokens


def test_constrained_answers_are_the_same() -> None:
    schema = JsonSchema({"type": "array", "items": {"type": "integer"}, "minItems": 3, "maxItems": 9})
    requests = asked(Sampling(max_tokens=40, temperature=1.0, seed=1), constraint=schema)
    found, stats = answers(requests, drafter())
    assert found == answers(requests)[0]
    assert 0 < stats.accepted_tokens < stats.drafted_tokens


def test_who_has_to_give_way_is_guessed_at_anew() -> None:
    requests = asked(SAMPLINGS["drawn"])
    found, stats = answers(requests, drafter(), pages=16, step_tokens=16)
    assert found == answers(requests)[0]
    assert stats.extra["preempted"] > 0


def test_after_wrong_guesses_it_guesses_as_if_there_had_been_none() -> None:
    ids = list(cases.prompt(2, 40))
    draft, followed = drafter(), sample(ids)
    # Several tokens that were not guessed: meanwhile too many samples were running.
    for right, others in ((0, 1), (3, 4), (8, 1), (1, 9), (0, 2), (2, 1)):
        followed.tokens, followed.seen = list(ids), Seen(ids)
        guesses = draft.propose(followed, 8)
        assert guesses and guesses == drafter().propose(sample(ids), 8)[: len(guesses)]
        ids = [*ids, *guesses[:right], *range(7, 7 + others)]
    assert draft.free < draft.pages
    draft.forget(followed)
    draft.forget(followed)
    assert draft.free == draft.pages


def test_other_vocabularies_are_refused() -> None:
    with pytest.raises(QuantaError, match="300 tokens, the model that it guesses for has 8,192"):
        DraftModel(TorchRunner(cases.model()), vocabulary=8192, pages=4)


def sample(tokens: list[int]) -> Sample:
    sampling = SAMPLINGS["penalised"]
    tokenizer = cases.tokenizer()
    made = Sample(
        Request(tuple(tokens), sampling),
        0,
        key_of(sampling.seed, 0),
        lambda piece: None,
        frozenset(),
        256,
        Detokeniser(tokenizer, control=False),
        StopStrings(()),
        None,
        Seen(tokens),
    )
    made.tokens = list(tokens)
    return made


def test_opening_a_model_with_a_draft(tmp_path: Path) -> None:
    for name, shape in (("big", "qwen3"), ("small", "llama")):
        save_model(cases.model(shape), tmp_path / name)
        save_tokenizer(cases.tokenizer(), tmp_path / name)
    request = Request(cases.prompt(0, 30), Sampling(max_tokens=12, ignore_end=True))
    with open_engine(tmp_path / "big", precision="f32", memory=1 << 20, draft=tmp_path / "small") as engine:
        assert engine.generate(request)[0].tokens == cases.greedy(request.prompt, 12)
        assert engine.stats().steps >= 1
    with pytest.raises(QuantaError, match="another vocabulary"):
        open_engine("tissu", engine="torch", draft=tmp_path / "small")
