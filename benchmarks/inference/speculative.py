"""The row ``inference-speculative``: guesses change how fast an answer comes, and nothing about it."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from benchmarks.registry import Outcome, benchmark

if TYPE_CHECKING:
    from quantatissu.inference.scheduler.sample import Sample
    from quantatissu.inference.speculation import Drafter
    from quantatissu.model import ModelConfig

_SAMPLES, _NEW = 20_000, 2
_NOISE = 0.1
_SURE = 1e-3  # a smaller chance of such a deviation, and it is an error
_PROMPTS, _LENGTH, _ANSWER = 12, 400, 96


@benchmark(
    name="inference-speculative",
    bar="same distribution, faster",
    describe="chi-square over 20,000 samples with guesses; prompt lookup against none on code",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """The second token behind a guess (a fixed one, a draft model's), against its exact distribution; the same test
    must catch a scheduler that keeps guesses unchecked. Then greedy answers to beginnings of real files, one at a time,
    with and without guesses.
    """
    argparse.ArgumentParser(prog="python -m benchmarks inference-speculative", description=__doc__).parse_args(
        arguments
    )
    exact, caught, drafted = _chance(), _chance(broken=True), _chance(draft_model=True, samples=_SAMPLES // 4)
    print(f"chance of such a deviation: {exact:.3f}; of one by unchecked guesses: {caught:.2g}")
    print(f"chance of such a deviation behind guesses of a draft model: {drafted:.3f}")
    faster, accepted = _speed()
    print(f"{faster:.2f} times the speed, {100 * accepted:.0f}% of the guesses came true")
    same = min(exact, drafted) > _SURE > caught
    return Outcome(f"{'same' if same else 'other'} distribution, {faster:.2f} times the speed", same and faster > 1)


class _Likely:
    """Guesses the likeliest tokens of each place, whatever was drawn before: often wrong, often right."""

    def __init__(self, tokens: list[int]) -> None:
        self._tokens = tokens

    def propose(self, sample: Sample, most: int) -> list[int]:
        return self._tokens[len(sample.tokens) - sample.prompt_length :][:most]

    def forget(self, sample: Sample) -> None:
        pass

    def close(self) -> None:
        pass


def _chance(*, broken: bool = False, draft_model: bool = False, samples: int = _SAMPLES) -> float:
    """The p-value of the second tokens' counts."""
    from benchmarks.inference.constrained import _untrained
    from quantatissu.inference import Request, Sampling
    from quantatissu.inference.sampling import distribution

    with _untrained() as engine:
        prompt = tuple(engine.tokenizer.encode("def main():\n    return main(main").tolist())
        runner: Any = engine._runner
        sampling = Sampling(temperature=0.3, top_k=6, max_tokens=_NEW + 1, ignore_end=True, seed=1)
        logits = _all_logits(runner, prompt)
        first = distribution(logits, sampling)
        wanted: Counter[int] = Counter()
        for token in first.nonzero()[0]:
            second = distribution(_all_logits(runner, (*prompt, int(token))), sampling)
            for other in second.nonzero()[0]:
                wanted[int(other)] += float(first[token] * second[other])
        guess = [int(first.argmax()), max(wanted, key=wanted.__getitem__)]
        scheduler: Any = engine._scheduler
        scheduler._drafter = _noisy(runner.config) if draft_model else _Likely([guess[0], guess[1], guess[1]])
        scheduler._speculate_below = 1 << 30
        if broken:
            _keep_unchecked(engine)
        counts: Counter[int] = Counter()
        for start in range(0, samples, 500):
            one = Request(
                prompt,
                Sampling(temperature=0.3, top_k=6, max_tokens=_NEW + 1, ignore_end=True, seed=start),
                n=500,
            )
            counts.update(answer.tokens[1] for answer in engine.generate(one))
        counted = scheduler.counts
        assert counted.drafted_tokens > samples / 2
        print(f"{100 * counted.accepted_tokens / counted.drafted_tokens:.0f}% of the guesses came true")
    return _p_value(counts, wanted)


def _noisy(config: ModelConfig) -> Drafter:
    """A draft model like the untrained one, with noise on its weights: it often draws another token."""
    import torch

    from quantatissu.inference.speculation import DraftModel
    from quantatissu.inference.torch_runner import TorchRunner
    from quantatissu.model.decoder import Decoder

    torch.manual_seed(0)
    model = Decoder(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.add_(_NOISE * parameter.std() * torch.randn_like(parameter))
    return DraftModel(TorchRunner(model), vocabulary=config.vocab_size, pages=8000, least=0.0)


def _all_logits(runner: Any, tokens: tuple[int, ...]) -> Any:
    import numpy as np

    from quantatissu.inference.runner import Segment

    return runner.run([Segment(np.array(tokens), 0, tuple(range(8)), 1)])[0]


def _keep_unchecked(engine: Any) -> None:
    """What a wrong verification does: a guess stays whatever the model says of it."""
    scheduler = engine._scheduler
    take_one = scheduler._take_one

    def kept(sample: Any, drawn: Any, number: int, logits: Any) -> bool:
        place = len(sample.tokens) - sample.cached + len(sample.drafted)
        if place < len(sample.drafted):
            drawn.tokens[number] = sample.drafted[place]
        return bool(take_one(sample, drawn, number, logits))

    scheduler._take_one = kept


def _p_value(counts: Counter[int], wanted: Counter[int]) -> float:
    """Of Pearson's chi-square, by the normal approximation of Wilson and Hilferty (1931); rare tokens are one class."""
    total = sum(counts.values())
    common = [token for token, share in wanted.items() if share * total >= 5]
    expected = [wanted[token] * total for token in common]
    observed: list[float] = [counts[token] for token in common]
    rest = total - sum(expected)
    if rest >= 5:
        expected.append(rest)
        observed.append(total - sum(observed))
    square = sum((a - b) ** 2 / b for a, b in zip(observed, expected, strict=True))
    freedom = len(expected) - 1
    z = ((square / freedom) ** (1 / 3) - (1 - 2 / (9 * freedom))) / math.sqrt(2 / (9 * freedom))
    return 0.5 * math.erfc(z / math.sqrt(2))


def _speed() -> tuple[float, float]:
    """Seconds without guesses over seconds with them, and the share of guesses that came true."""
    from benchmarks.inference.common import model_folder, prompts, turns
    from quantatissu.inference import Request, Sampling, open_engine
    from quantatissu.inference.speculation import PromptLookup

    folder = model_folder()
    asked = [
        Request(tuple(ids), Sampling(max_tokens=_ANSWER, ignore_end=True)) for ids in prompts(folder, _PROMPTS, _LENGTH)
    ]
    with open_engine(folder) as plain, open_engine(folder, drafter=PromptLookup()) as guessing:
        seconds = turns(
            {
                "plain": lambda: [plain.generate(request) for request in asked],
                "guessing": lambda: [guessing.generate(request) for request in asked],
            },
            rounds=3,
        )
        stats = guessing.stats()
    return seconds["plain"] / seconds["guessing"], stats.accepted_tokens / max(1, stats.drafted_tokens)
