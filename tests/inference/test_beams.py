"""Beam search finds what transformers' finds, in any company, and gives every page back."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import engine_cases as cases
import pytest
import torch

from quantatissu.foundation import QuantaError
from quantatissu.inference import Answer, Request, Sampling
from quantatissu.inference.local import LocalEngine
from quantatissu.inference.torch_runner import TorchRunner
from quantatissu.model.folders import save_model

transformers = pytest.importorskip("transformers")

LONG = Sampling(max_tokens=60, ignore_end=True)


@pytest.fixture(scope="module", params=cases.SHAPES)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def theirs(name: str, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp(name)
    save_model(cases.model(name), folder)
    return transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()


def engine(name: str = "qwen3", ends: tuple[int, ...] | None = None, *, pages: int = 64, **options: Any) -> LocalEngine:
    """Around the tiny model; its answers end at ``ends`` only."""
    made, tokenizer = copy.copy(cases.model(name)), copy.copy(cases.tokenizer())
    made.config = replace(made.config, eos_token_id=ends)
    tokenizer.end_of_text = None
    return LocalEngine(TorchRunner(made), tokenizer, pages=pages, **options)


def ends_of(name: str, count: int) -> tuple[int, ...] | None:
    """So many end tokens, which come up in the answers to the first prompts."""
    return tuple({cases.greedy(cases.prompt(number, 17), 7, name)[-1] for number in range(count)}) or None


def all_free(engine: LocalEngine) -> bool:
    engine.forget()
    return engine.stats().pages_free == engine.stats().pages


def search_theirs(
    theirs: Any, ids: tuple[int, ...], ends: tuple[int, ...] | None, **settings: Any
) -> Iterator[tuple[tuple[int, ...], float]]:
    """Tokens and scores, best first."""
    theirs.generation_config.eos_token_id = None if ends is None else list(ends)
    out = theirs.generate(
        torch.tensor([ids]),
        attention_mask=torch.ones(1, len(ids), dtype=torch.int64),
        do_sample=False,
        pad_token_id=0,
        return_dict_in_generate=True,
        output_scores=True,
        **settings,
    )
    for tokens, score, beams in zip(out.sequences, out.sequences_scores, out.beam_indices, strict=True):
        yield tuple(tokens[len(ids) :][: int((beams >= 0).sum())].tolist()), float(score)


@pytest.mark.parametrize("length_penalty", [0.0, 1.0, 2.0, -1.0])
@pytest.mark.parametrize("ends", [0, 1, 6])
def test_answers_are_those_of_transformers(name: str, theirs: Any, ends: int, length_penalty: float) -> None:
    end_tokens, finishes = ends_of(name, ends), set()
    with engine(name, end_tokens, step_tokens=24) as ours:
        for number, (length, beams, n, new) in enumerate(
            ((17, 4, 2, 20), (1, 4, 4, 12), (33, 4, 4, 30), (90, 4, 1, 9), (40, 7, 7, 16), (64, 2, 2, 1))
        ):
            ids = cases.prompt(number, length)
            wanted = search_theirs(
                theirs,
                ids,
                end_tokens,
                num_beams=beams,
                num_return_sequences=n,
                max_new_tokens=new,
                length_penalty=length_penalty,
            )
            found = ours.beam_search(ids, beams=beams, max_tokens=new, n=n, length_penalty=length_penalty)
            for answer, (tokens, score) in zip(found, wanted, strict=True):
                assert answer.tokens == tokens
                assert answer.logprob / len(tokens) ** length_penalty == pytest.approx(score, rel=1e-4)
                finishes.add(answer.finish)
        assert all_free(ours)
    assert "length" in finishes
    assert ("stop" in finishes) == (ends > 0) or ends == 1


def test_one_beam_is_greedy(name: str) -> None:
    for ends in (0, 6):
        with engine(name, ends_of(name, ends)) as ours:
            for number in range(6):
                ids = cases.prompt(number, 5 + 13 * number)
                greedy = ours.generate(Request(ids, Sampling(max_tokens=20)))[0]
                (found,) = ours.beam_search(ids, beams=1, max_tokens=20)
                assert (found.tokens, found.text, found.finish) == (greedy.tokens, greedy.text, greedy.finish)
                assert found.logprob == pytest.approx(greedy.logprob, abs=1e-3)
                assert sum(score.logprob for score in found.scores) == pytest.approx(found.logprob)


def test_in_company_and_with_few_pages_the_answers_are_the_same() -> None:
    ids = cases.prompt(3, 41)
    with engine() as ours:
        alone = ours.beam_search(ids, beams=4, max_tokens=30, n=4)
        scores = ours.score(ids, [answer.tokens for answer in alone])
    assert [answer.logprob for answer in alone] == pytest.approx(scores, abs=1e-3)
    with engine(pages=16, step_tokens=16) as ours:
        crowd = [ours.submit(Request(cases.prompt(number, 30), LONG, n=2)) for number in range(4)]
        found: list[list[Answer]] = []
        threads = [
            threading.Thread(target=lambda: found.append(ours.beam_search(ids, beams=4, max_tokens=30, n=4)))
            for _ in range(3)
        ]
        for thread in threads:
            thread.start()
        assert ours.score(ids, [alone[0].tokens])[0] == pytest.approx(alone[0].logprob, abs=1e-3)
        for thread in threads:
            thread.join(60)
        for number, work in enumerate(crowd):
            assert {answer.tokens for answer in work.answers()} == {cases.greedy(cases.prompt(number, 30), 60)}
        assert all_free(ours)
    assert [[answer.tokens for answer in one] for one in found] == [[answer.tokens for answer in alone]] * 3


def test_a_prompt_is_found_in_the_cache_and_left_there() -> None:
    ids = cases.prompt(5, 70)
    with engine() as ours:
        ours.beam_search(ids, beams=3, max_tokens=4)
        ours.generate(Request(ids, LONG))
        assert ours.stats().cached_tokens == 64


def test_answers_end_with_the_context() -> None:
    ids = cases.prompt(1, 60)
    with engine(pages=64, context=64) as ours:
        (found,) = ours.beam_search(ids, beams=2, max_tokens=99)
        assert len(found.tokens) == 4 and found.finish == "length"


def test_what_can_never_run_is_refused() -> None:
    with engine(pages=4) as ours:
        for ids, settings, said in (
            ((), {}, "the prompt is empty"),
            (cases.prompt(1, 64), {}, "64 tokens and 1 are to follow, the context of model is 64"),
            ((99_999,), {}, "not one of the"),
            ((1,), {"beams": 0}, "beams is 0"),
            ((1,), {"n": 3}, "n is 3"),
            ((1,), {"max_tokens": 0}, "max_tokens is 0"),
            ((1,), {"length_penalty": float("nan")}, "length_penalty is nan"),
            ((1,), {"adapter": "mine"}, "no adapter 'mine'"),
            (cases.prompt(1, 40), {"beams": 5}, "does not fit into the key-value cache"),
        ):
            with pytest.raises(QuantaError, match=said):
                ours.beam_search(ids, **{"beams": 2, "max_tokens": 5, **settings})
        assert all_free(ours)
    with pytest.raises(QuantaError, match="closed"):
        ours.beam_search((1,), beams=1, max_tokens=1)


def test_after_an_error_of_the_model_the_engine_goes_on() -> None:
    runner = TorchRunner(cases.model())
    original, calls = runner.run, 0

    def fails_later(segments: Any) -> Any:
        nonlocal calls
        calls += 1
        return 1 / 0 if calls == 4 else original(segments)

    runner.run = fails_later  # type: ignore[method-assign]
    with LocalEngine(runner, cases.tokenizer(), pages=16) as ours:
        with pytest.raises(ZeroDivisionError):
            ours.beam_search(cases.prompt(1, 20), beams=3, max_tokens=20)
        assert all_free(ours)
        assert ours.beam_search(cases.prompt(1, 20), beams=3, max_tokens=20)


def test_closing_tells_who_still_waits() -> None:
    started, told = threading.Event(), []
    runner = TorchRunner(cases.model())
    original = runner.run

    def run(segments: Any) -> Any:
        started.set()
        return original(segments)

    runner.run = run  # type: ignore[method-assign]
    ours = LocalEngine(runner, cases.tokenizer(), pages=64)

    def search() -> None:
        with pytest.raises(QuantaError, match="closed"):
            ours.beam_search(cases.prompt(1, 5), beams=2, max_tokens=250)
        told.append(ours.stats())

    thread = threading.Thread(target=search)
    thread.start()
    started.wait(60)
    ours.close()
    thread.join(60)
    assert told and told[0].pages_free == told[0].pages
