"""The row ``inference-samples``: many short answers behind one long prompt, which is what a repair search asks for."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

_PREFIX, _SAMPLES, _NEW = 600, 32, 24
_TEMPERATURE = 0.8


@benchmark(
    name="inference-samples",
    bar="2 times transformers, llama.cpp's",
    describe="32 samples of 24 tokens behind 600, against generate and llama.cpp's parallel sequences",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Everybody has the prompt in its cache and samples at temperature 0.8; each peer at its better precision."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks inference-samples", description=__doc__)
    parser.add_argument("--model", default="tissu", help="a folder, or the name of a packaged model")
    given = parser.parse_args(arguments)
    from benchmarks.inference.common import model_folder, prompts, turns

    folder = model_folder(given.model)
    prompt = prompts(folder, 1, _PREFIX)[0]
    runs: dict[str, Callable[[], object]] = {"ours": _ours(folder, prompt)}
    with tempfile.TemporaryDirectory() as name:
        for kind in ("f32", "bf16"):
            runs[f"transformers {kind}"] = _transformers(folder, Path(name) / kind, kind, prompt)
        for kind in ("f16", "q8_0"):
            try:
                runs[f"llama.cpp {kind}"] = _llama(folder, Path(name) / f"{kind}.gguf", kind, prompt)
            except Skip as reason:
                print(f"llama.cpp left out: {reason}")
        seconds = turns(runs)
    for one, took in seconds.items():
        print(f"{one}: {_SAMPLES * _NEW / took:,.0f} tokens/s")
    against = {
        peer: min((took for one, took in seconds.items() if one.startswith(peer)), default=float("nan"))
        / seconds["ours"]
        for peer in ("transformers", "llama.cpp")
    }
    good = against["transformers"] >= 2 and not against["llama.cpp"] < 1
    return Outcome(
        f"{against['transformers']:.2f} times transformers, {against['llama.cpp']:.2f} times llama.cpp", good
    )


def _ours(folder: Path, prompt: list[int]) -> Callable[[], object]:
    from quantatissu.inference import Request, Sampling, open_engine

    engine = open_engine(folder)
    request = Request(tuple(prompt), Sampling(temperature=_TEMPERATURE, max_tokens=_NEW, ignore_end=True), n=_SAMPLES)

    def run() -> None:
        assert all(len(answer.tokens) == _NEW for answer in engine.submit(request).answers())

    run()
    return run


def _transformers(folder: Path, target: Path, kind: str, prompt: list[int]) -> Callable[[], object]:
    import copy

    import torch

    from benchmarks.inference.common import hugging_face, quiet

    transformers = quiet()
    types = {"f32": torch.float32, "bf16": torch.bfloat16}
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(
        hugging_face(folder, target, kind), dtype=types[kind]
    )
    ids = torch.tensor([prompt])
    with torch.inference_mode():
        cached = model(ids[:, :-1], use_cache=True).past_key_values
    cached.batch_repeat_interleave(_SAMPLES)
    many = ids.expand(_SAMPLES, -1)

    def run() -> None:
        with torch.inference_mode():
            model.generate(
                many,
                attention_mask=torch.ones_like(many),
                past_key_values=copy.deepcopy(cached),
                do_sample=True,
                temperature=_TEMPERATURE,
                top_k=0,
                max_new_tokens=_NEW,
                min_new_tokens=_NEW,
                pad_token_id=0,
            )

    return run


def _llama(folder: Path, file: Path, kind: str, prompt: list[int]) -> Callable[[], object]:
    from benchmarks.inference.llama import Llama
    from quantatissu.model.gguf import export_gguf

    export_gguf(folder, file, kind=kind)  # type: ignore[arg-type]
    peer = Llama(file, sequences=_SAMPLES, context=_PREFIX, temperature=_TEMPERATURE)
    peer.prefill(prompt)
    return lambda: peer.sample(_SAMPLES, _NEW)
