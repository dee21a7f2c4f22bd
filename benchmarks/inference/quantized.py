"""The row ``inference-quantized``: what eight and four bits cost in perplexity."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from typing import Any

from benchmarks.registry import Outcome, benchmark

_PIECES, _LENGTH = 48, 512
BARS = {"int8": 0.005, "light": 0.005, "int4": 0.03}


@benchmark(
    name="inference-quantized", bar="0.5% / 0.5% / 3%", describe="perplexity lost by int8, the light engine and 4 bits"
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Pieces of the standard library, against the same weights unquantised, all in the same precision otherwise."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks inference-quantized", description=__doc__)
    parser.add_argument("--model", default="tissu", help="a folder, or the name of a packaged model")
    given = parser.parse_args(arguments)
    from benchmarks.inference.common import model_folder, prompts
    from quantatissu.inference import open_engine

    folder = model_folder(given.model)
    pieces = prompts(folder, _PIECES, _LENGTH)
    losses = {}
    ways: dict[str | None, dict[str, Any]] = {
        None: {"engine": "torch"},
        "int8": {"quantise": "int8"},
        "light": {"engine": "light"},
        "int4": {"quantise": "int4"},
    }
    for kind, how in ways.items():
        with open_engine(folder, **how) as engine:
            total = sum(engine.score(ids[:1], [ids[1:]])[0] for ids in pieces)
        losses[kind] = -total / (len(pieces) * (_LENGTH - 1))
        print(f"{kind or 'unquantised'}: {losses[kind]:.4f} nats a token")
    lost = {kind: math.expm1(losses[kind] - losses[None]) for kind in BARS}
    value = " / ".join(f"{100 * lost[kind]:.2f}%" for kind in BARS)
    return Outcome(value, all(lost[kind] < bar for kind, bar in BARS.items()))
