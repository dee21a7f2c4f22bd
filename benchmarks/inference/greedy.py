"""The row ``inference-greedy``: the same tokens as transformers, alone and in mixed batches."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

_PROMPTS, _NEW = 200, 24
_TIE = 1e-4


@benchmark(name="inference-greedy", bar="100%", describe="greedy tokens of 200 prompts, fp32, against transformers")
def measure(arguments: Sequence[str]) -> Outcome:
    """Prompts of 8 to 300 tokens: one at a time, all at once with shared beginnings, and all at once with drafts.

    A token may differ where transformers' two best logits are within 1e-4; what follows it is not compared.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks inference-greedy", description=__doc__)
    parser.add_argument("--model", default="tissu", help="a folder, or the name of a packaged model")
    given = parser.parse_args(arguments)
    try:
        import transformers  # noqa: F401
    except ImportError as error:
        raise Skip("transformers is not installed") from error
    from benchmarks.inference.common import model_folder, prompts
    from quantatissu.inference import Request, Sampling, open_engine
    from quantatissu.inference.speculation import PromptLookup

    folder = model_folder(given.model)
    asked = [ids[: 8 + (number * 37) % 292] for number, ids in enumerate(prompts(folder, _PROMPTS, 300))]
    # A quarter begin like another one, so that prefixes are shared while the batch runs.
    asked = [asked[number - 1] + ids[:9] if number % 4 == 3 else ids for number, ids in enumerate(asked)]
    wanted = _transformers(folder, asked)
    sampling = Sampling(max_tokens=_NEW, ignore_end=True)
    worst = 1.0
    for name, drafter, together in (
        ("one at a time", None, False),
        ("together", None, True),
        ("together, with drafts", PromptLookup(), True),
    ):
        with open_engine(folder, precision="f32", drafter=drafter) as engine:
            requests = [Request(tuple(ids), sampling) for ids in asked]
            if together:
                works = [engine.submit(request) for request in requests]
                found = [work.answers()[0].tokens for work in works]
            else:
                found = [engine.generate(request)[0].tokens for request in requests]
        same = sum(_agree(ours, *theirs) for ours, theirs in zip(found, wanted, strict=True)) / len(asked)
        print(f"{name}: {100 * same:.1f}% of {len(asked)} answers")
        worst = min(worst, same)
    return Outcome(f"{100 * worst:.1f}%", worst == 1.0)


def _agree(ours: tuple[int, ...], theirs: list[int], gaps: list[float]) -> bool:
    different = next((at for at, pair in enumerate(zip(ours, theirs, strict=True)) if pair[0] != pair[1]), None)
    return different is None or gaps[different] < _TIE


def _transformers(folder: Path, asked: list[list[int]]) -> list[tuple[list[int], list[float]]]:
    """Tokens, and by how much the best logit led the second."""
    import torch

    from benchmarks.inference.common import hugging_face, quiet

    transformers = quiet()
    found = []
    with tempfile.TemporaryDirectory() as name:
        model: Any = transformers.AutoModelForCausalLM.from_pretrained(
            hugging_face(folder, Path(name)), dtype=torch.float32
        )
        model.generation_config.eos_token_id = None
        for ids in asked:
            out = model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.int64),
                do_sample=False,
                max_new_tokens=_NEW,
                pad_token_id=0,
                return_dict_in_generate=True,
                output_logits=True,
            )
            best = [logits[0].topk(2).values for logits in out.logits]
            found.append((out.sequences[0, len(ids) :].tolist(), [float(two[0] - two[1]) for two in best]))
    return found
