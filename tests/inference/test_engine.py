"""The engine says what the decoder says, whatever else runs, and gives everything back."""

from __future__ import annotations

import random
import threading

import engine_cases as cases
import numpy as np
import pytest

from quantatissu.foundation import QuantaError
from quantatissu.inference import Request, Sampling
from quantatissu.inference.local import LocalEngine
from quantatissu.inference.runner import Segment
from quantatissu.inference.speculation import PromptLookup
from quantatissu.inference.torch_runner import TorchRunner

LONG = Sampling(max_tokens=12, ignore_end=True)
DRAWN = Sampling(max_tokens=12, ignore_end=True, temperature=1.0, seed=5)


def idle(engine: LocalEngine) -> None:
    """Nothing runs, and every page is free or kept for later."""
    stats = engine.stats()
    assert stats.running == stats.waiting == 0
    assert stats.pages_free + stats.pages_cached == stats.pages
    engine.forget()
    assert engine.stats().pages_free == stats.pages


@pytest.mark.parametrize("name", cases.SHAPES)
def test_greedy_tokens_are_the_decoders_in_any_company(name: str) -> None:
    prompts = [cases.prompt(number, 3 + 11 * number) for number in range(8)]
    prompts += [prompts[-1][:60] + cases.prompt(number, 5) for number in range(4)]
    with cases.engine(name, step_tokens=40) as engine:
        works = [engine.submit(Request(ids, LONG)) for ids in prompts]
        for ids, work in zip(prompts, works, strict=True):
            assert work.answers()[0].tokens == cases.greedy(ids, 12, name)
        idle(engine)


def test_rows_of_all_kinds_have_the_decoders_logits() -> None:
    runner = TorchRunner(cases.model())
    runner.reserve(64)
    shared, pages = cases.prompt(0, 48), (5, 6, 7)
    first = runner.run([Segment(np.array(shared[:20]), 0, pages, 20), Segment(np.array([7]), 0, (60,), 1)])
    rest = runner.run([Segment(np.array(shared[20:]), 20, pages, 28)])
    found = np.concatenate([first[:20], rest])
    assert np.allclose(found - found.max(), (found - found.max()), atol=0)
    for rows, tokens in ((found, shared), (first[20:], (7,))):
        logs = rows - np.log(np.exp(rows).sum(1, keepdims=True))
        assert np.allclose(logs, cases.logprobs(tokens).numpy(), atol=1e-4)
    tails = [cases.prompt(number, length) for number, length in enumerate((1, 4, 16, 2, 300 - 48 - 60))]
    segments, taken = [], 8
    for tail in tails:
        count = -(-(48 + len(tail)) // 16) - 3
        segments.append(Segment(np.array(tail), 48, (*pages, *range(taken, taken + count)), len(tail)))
        taken += count
    rows = runner.run(segments)
    scores = runner.score(segments, np.concatenate([segment.tokens for segment in segments]))
    done = 0
    for tail in tails:
        wanted = cases.logprobs(shared + tail).numpy()[48:]
        part = rows[done : done + len(tail)]
        assert np.allclose(part - np.log(np.exp(part).sum(1, keepdims=True)), wanted, atol=2e-4)
        assert np.allclose(scores[done : done + len(tail)], wanted[np.arange(len(tail)), list(tail)], atol=2e-4)
        done += len(tail)


def test_a_seed_gives_the_same_samples_in_any_company() -> None:
    request = Request(cases.prompt(3, 41), DRAWN, n=5)
    with cases.engine() as engine:
        alone = engine.generate(request)
        others = [engine.submit(Request(cases.prompt(number, 20 + number), DRAWN, n=3)) for number in range(5)]
        crowded = engine.generate(request)
        for other in others:
            other.answers()
    with cases.engine(pages=18, step_tokens=16, drafter=PromptLookup(shortest=1)) as engine:
        narrow = [engine.submit(request) for _ in range(3)]
        again = [work.answers() for work in narrow]
        assert engine.stats().extra["preempted"] > 0
        assert engine.stats().drafted_tokens > 0
        idle(engine)
    for answers in (crowded, *again):
        assert [answer.tokens for answer in answers] == [answer.tokens for answer in alone]
    assert len({answer.tokens for answer in alone}) > 1


def test_pieces_add_up_to_answers() -> None:
    request = Request(cases.prompt(1, 9), Sampling(max_tokens=20, temperature=1.0, seed=1, logprobs=2), n=2)
    with cases.engine() as engine:
        texts, tokens = ["", ""], [[], []]
        for piece in engine.submit(request):
            texts[piece.index] += piece.text
            tokens[piece.index] += [score.token for score in piece.tokens]
        for index, answer in enumerate(engine.generate(request)):
            assert answer.text == texts[index] and list(answer.tokens) == tokens[index]
            shown = [token for token in answer.tokens if token not in cases.tokenizer().control.values()]
            assert answer.text == cases.tokenizer().decode(shown)


def test_scores_and_alternatives_are_the_models() -> None:
    ids = cases.prompt(2, 10)
    with cases.engine() as engine:
        answer = engine.generate(Request(ids, Sampling(max_tokens=5, temperature=0.7, top_k=3, seed=2, logprobs=3)))[0]
    logs = cases.logprobs(ids + answer.tokens)
    for place, score in enumerate(answer.scores):
        row = logs[len(ids) - 1 + place]
        assert score.logprob == pytest.approx(float(row[score.token]), abs=1e-3)
        assert [token for token, _ in score.top] == row.topk(3).indices.tolist()
        assert score.token in [token for token, _ in score.top]
    assert answer.logprob == pytest.approx(sum(score.logprob for score in answer.scores))


@pytest.mark.parametrize("pages", [64, 9])
def test_continuations_are_scored_as_the_decoder_scores_them(pages: int) -> None:
    prefix = cases.prompt(4, 70)
    continuations = [cases.prompt(number, 1 + number) for number in range(9)] + [(), (3,)]
    with cases.engine(pages=pages, step_tokens=16) as engine:
        work = engine.submit(Request(cases.prompt(9, 20), LONG))
        found = engine.score(prefix, continuations)
        work.answers()
        assert engine.score(prefix[:1], [prefix[1:3]])[0] == pytest.approx(
            float(sum(cases.logprobs(prefix[:2])[i, prefix[i + 1]] for i in range(2))), abs=1e-3
        )
        idle(engine)
    for tokens, score in zip(continuations, found, strict=True):
        logs = cases.logprobs(prefix + tuple(tokens))
        wanted = sum(float(logs[len(prefix) - 1 + i, token]) for i, token in enumerate(tokens))
        assert score == pytest.approx(wanted, abs=1e-3)


def test_a_prompt_that_was_seen_is_not_computed_again() -> None:
    ids = cases.prompt(5, 70)
    with cases.engine() as engine:
        first = engine.generate(Request(ids, LONG))[0]
        again = engine.generate(Request(ids, LONG))[0]
        longer = engine.generate(Request(ids + first.tokens, LONG))[0]
        assert engine.stats().cached_tokens == 64 + 80
    assert again.tokens == first.tokens
    assert longer.tokens == cases.greedy(ids + first.tokens, 12)


def test_answers_end_where_they_should() -> None:
    ids = cases.prompt(6, 12)
    with cases.engine() as engine:
        whole = engine.generate(Request(ids, Sampling(max_tokens=40, ignore_end=True, temperature=1.0, seed=3)))[0]
        assert whole.finish == "length" and len(whole.tokens) == 40
        middle = whole.text[len(whole.text) // 2 :][:3]
        free = Sampling(max_tokens=40, ignore_end=True, temperature=1.0, seed=3, stop=(middle, "never there"))
        cut = engine.generate(Request(ids, free))[0]
        assert cut.finish == "stop" and cut.stopped_by == middle
        assert cut.text == whole.text[: whole.text.index(middle)]
        by_token = Sampling(
            max_tokens=40, ignore_end=True, temperature=1.0, seed=3, stop_tokens=frozenset({whole.tokens[7]})
        )
        found = engine.generate(Request(ids, by_token))[0]
        assert found.finish == "stop" and found.tokens == whole.tokens[: whole.tokens.index(whole.tokens[7]) + 1]
        assert engine.generate(Request(ids, Sampling(max_tokens=0)))[0].finish == "length"
        full = engine.generate(Request(cases.prompt(1, 250), Sampling(max_tokens=99, ignore_end=True)))[0]
        assert full.finish == "length" and len(full.tokens) == 6


def test_what_is_cancelled_ends_and_others_go_on() -> None:
    forever = Sampling(max_tokens=200, ignore_end=True, temperature=1.0)
    with cases.engine() as engine:
        doomed = engine.submit(Request(cases.prompt(1, 30), forever, n=4))
        kept = engine.submit(Request(cases.prompt(2, 30), LONG))
        next(iter(doomed))
        doomed.cancel()
        assert {answer.finish for answer in doomed.answers()} <= {"cancelled", "length"}
        assert kept.answers()[0].tokens == cases.greedy(cases.prompt(2, 30), 12)
        idle(engine)


def test_under_any_load_nothing_is_lost() -> None:
    chance = random.Random(0)
    with cases.engine(pages=24, step_tokens=32, most_running=6) as engine:
        wrong: list[str] = []

        def client(number: int) -> None:
            for _ in range(6):
                ids = cases.prompt(chance.randrange(6), chance.randrange(1, 90))
                work = engine.submit(Request(ids, LONG, n=chance.choice((1, 1, 3))))
                if chance.random() < 0.3:
                    work.cancel()
                wanted = cases.greedy(ids, 12)
                for answer in work.answers():
                    whole = answer.finish == "cancelled" or len(answer.tokens) == 12
                    if answer.tokens != wanted[: len(answer.tokens)] or not whole:
                        wrong.append(f"{number}: {answer}")

        clients = [threading.Thread(target=client, args=(number,)) for number in range(6)]
        for one in clients:
            one.start()
        for one in clients:
            one.join(60)
        assert not wrong
        idle(engine)


def test_what_can_never_run_is_refused() -> None:
    with cases.engine(pages=4) as engine:
        assert engine.context == 64
        for request, said in (
            (Request((), LONG), "the prompt is empty"),
            (Request(cases.prompt(1, 65), LONG), "the context of model is 64"),
            (Request((99_999,), LONG), "not one of the"),
            (Request((1,), LONG, n=0), "n is 0"),
            (Request((1,), LONG, adapter="mine"), "no adapter 'mine'"),
        ):
            with pytest.raises(QuantaError, match=said):
                engine.submit(request)
        with pytest.raises(QuantaError, match="context"):
            engine.score(cases.prompt(1, 60), [cases.prompt(1, 5)])
        assert engine.score(cases.prompt(1, 5), []) == []
    with pytest.raises(QuantaError, match="closed"):
        engine.submit(Request((1,), LONG))


def test_an_error_of_the_model_reaches_who_waits_and_the_engine_goes_on() -> None:
    runner = TorchRunner(cases.model())
    engine = LocalEngine(runner, cases.tokenizer(), pages=16)
    original, runner.run = runner.run, lambda segments: 1 / 0  # type: ignore[assignment,return-value]
    with engine:
        work = engine.submit(Request(cases.prompt(1, 5), LONG))
        with pytest.raises(ZeroDivisionError):
            work.answers()
        runner.run = original  # type: ignore[method-assign]
        assert engine.generate(Request(cases.prompt(1, 5), LONG))[0].tokens == cases.greedy(cases.prompt(1, 5), 12)
        idle(engine)


def test_closing_tells_who_still_waits() -> None:
    engine = cases.engine()
    work = engine.submit(Request(cases.prompt(1, 5), Sampling(max_tokens=200, ignore_end=True)))
    engine.close()
    engine.close()
    with pytest.raises(QuantaError, match="closed"):
        work.answers()
