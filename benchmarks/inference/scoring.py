"""The row ``inference-scoring``: what given continuations are worth, all in one call against one after another."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from benchmarks.registry import Outcome, benchmark

BAR = 3.0
_PREFIXES, _EACH, _PREFIX = 20, 100, 400


@benchmark(
    name="inference-scoring",
    bar="3 times",
    describe="2,000 continuations of 20 prefixes, against one by one, prefix cached",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Continuations of 4 to 16 tokens; both ways by the same engine, and the scores must agree."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks inference-scoring", description=__doc__)
    parser.add_argument("--model", default="tissu", help="a folder, or the name of a packaged model")
    given = parser.parse_args(arguments)
    from benchmarks.inference.common import model_folder, prompts, turns
    from quantatissu.inference import open_engine

    folder = model_folder(given.model)
    prefixes = prompts(folder, _PREFIXES, _PREFIX)
    others = prompts(folder, _EACH, 16)
    continuations = [ids[: 4 + number % 13] for number, ids in enumerate(others)]
    with open_engine(folder) as engine:
        together = [engine.score(prefix, continuations) for prefix in prefixes]
        single = [[engine.score(prefix, [one])[0] for one in continuations[:10]] for prefix in prefixes]
        off = max(
            abs(a - b) for one, other in zip(together, single, strict=True) for a, b in zip(one, other, strict=False)
        )

        def at_once() -> None:
            for prefix in prefixes:
                engine.score(prefix, continuations)

        def one_by_one() -> None:
            for prefix in prefixes:
                for one in continuations[:25]:  # a quarter, to end in time
                    engine.score(prefix, [one])

        seconds = turns({"at once": at_once, "one by one": one_by_one}, rounds=3)
    ratio = 4 * seconds["one by one"] / seconds["at once"]
    print(
        f"{_PREFIXES * _EACH / seconds['at once']:,.0f} continuations/s; the two ways differ by {off:.3f} nats at most"
    )
    return Outcome(f"{ratio:.1f} times", ratio >= BAR)
