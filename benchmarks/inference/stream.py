"""The row ``inference-stream``: one answer, token by token, which is what somebody at a keyboard waits for."""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, Skip, benchmark

_PREFIX, _NEW = 600, 128


@benchmark(
    name="inference-stream",
    bar="0.8 of llama.cpp q8_0, 3 times transformers",
    describe="a single greedy answer behind 600 tokens, and the share of memory bandwidth that it uses",
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Everybody has the prompt in its cache; eight bits against eight bits, transformers at its better precision."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks inference-stream", description=__doc__)
    parser.add_argument("--model", default="tissu", help="a folder, or the name of a packaged model")
    parser.add_argument("--shape", help="of a model with random weights instead, such as 60m")
    given = parser.parse_args(arguments)
    from benchmarks.inference.common import model_folder, prompts, random_model, turns

    with tempfile.TemporaryDirectory() as name:
        folder = random_model(given.shape, Path(name) / "random") if given.shape else model_folder(given.model)
        prompt = prompts(folder, 1, _PREFIX)[0]
        runs: dict[str, Callable[[], object]] = {"ours": _ours(folder, prompt)}
        for kind in ("f32", "bf16"):
            runs[f"transformers {kind}"] = _transformers(folder, Path(name) / kind, kind, prompt)
        try:
            runs["llama.cpp q8_0"] = _llama(folder, Path(name) / "model.gguf", prompt)
        except Skip as reason:
            print(f"llama.cpp left out: {reason}")
        seconds = turns(runs)
        moved = _bytes_per_token(folder)
    for one, took in seconds.items():
        print(f"{one}: {_NEW / took:,.0f} tokens/s, {took / _NEW * 1e3:.2f} ms a token")
    bandwidth = measure_bandwidth()
    used = moved * _NEW / seconds["ours"]
    print(
        f"bandwidth: {used / 1e9:.1f} GB/s of {bandwidth / 1e9:.1f} measured by reading a gigabyte on all cores, "
        f"{used / bandwidth:.0%} ({moved / 1e6:.1f} MB a token)"
    )
    peer = min(took for one, took in seconds.items() if one.startswith("transformers")) / seconds["ours"]
    llama = seconds.get("llama.cpp q8_0", float("nan")) / seconds["ours"]
    return Outcome(f"{llama:.2f} of llama.cpp, {peer:.2f} times transformers", peer >= 3 and not llama < 0.8)


def measure_bandwidth(size: int = 1 << 30) -> float:
    """Bytes a second that all cores together read from memory: the best of five passes."""
    import os

    import numpy as np

    data = np.ones(size // 8, dtype=np.int64)
    parts = np.array_split(data, len(os.sched_getaffinity(0)))
    best = float("inf")
    for _ in range(5):
        threads = [threading.Thread(target=part.max) for part in parts]
        began = time.perf_counter()
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        best = min(best, time.perf_counter() - began)
    return size / best


def _bytes_per_token(folder: Path) -> int:
    """Weights in eight bits without the looked-up embedding, and keys and values of the middle of the answer."""
    from quantatissu.model.hf_config import load_config

    config = load_config(folder)
    embedding = config.vocab_size * config.hidden_size
    weights = config.parameters - (0 if config.tie_word_embeddings else embedding)
    per_position = 2 * config.num_hidden_layers * config.num_key_value_heads * config.head_dim * 4
    return weights + per_position * (_PREFIX + _NEW // 2)


def _ours(folder: Path, prompt: list[int]) -> Callable[[], object]:
    from quantatissu.inference import Request, Sampling, open_engine

    engine = open_engine(folder, engine="light")
    request = Request(tuple(prompt), Sampling(temperature=0, max_tokens=_NEW, ignore_end=True))

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

    def run() -> None:
        with torch.inference_mode():
            model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                past_key_values=copy.deepcopy(cached),
                do_sample=False,
                max_new_tokens=_NEW,
                min_new_tokens=_NEW,
                pad_token_id=0,
            )

    return run


def _llama(folder: Path, file: Path, prompt: list[int]) -> Callable[[], object]:
    from benchmarks.inference.llama import Llama
    from quantatissu.model.gguf import export_gguf

    export_gguf(folder, file, kind="q8_0")
    peer = Llama(file, sequences=1, context=_PREFIX + _NEW)
    peer.prefill(prompt)
    return lambda: peer.sample(1, _NEW)
