"""Runs small enough for tests: a model of a few thousand weights on a corpus of real code with a held-out split."""

from __future__ import annotations

import ast
import functools
import hashlib
import inspect
import json
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from quantatissu.corpus.shards import ShardSettings, ShardWriter
from quantatissu.foundation.progress import Silent
from quantatissu.tokenizer import Tokenizer, TrainSettings, save_tokenizer, train_tokenizer
from quantatissu.training.metrics import TIMINGS, read_records
from quantatissu.training.recipe import TrainRecipe
from quantatissu.training.run import Finished, train

SHAPE = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
}


@functools.cache
def documents() -> tuple[str, ...]:
    """Functions and classes of two modules of the standard library."""
    made = []
    for module in (statistics, ast):
        source = inspect.getsource(module)
        made += [ast.get_source_segment(source, node) or "" for node in ast.parse(source).body if hasattr(node, "name")]
    return tuple(text + "\n" for text in made if len(text) > 80)


@functools.cache
def tokenizer() -> Tokenizer:
    return train_tokenizer(documents(), TrainSettings(vocabulary=400))


def build(folder: Path, *, held_out: int = 8) -> Path:
    """A build folder with shards and a tokenizer; every ``held_out``-th document is in the validation split."""
    with ShardWriter(folder / "shards", tokenizer(), ShardSettings(tokens=20_000, block=4096)) as writer:
        for number, text in enumerate(documents()):
            name = hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest()
            split = "validation" if held_out and number % held_out == 0 else "train"
            writer.add(name, text, language="python", split=split)
    save_tokenizer(tokenizer(), folder)
    return folder


def table(corpus: Path, **changes: Any) -> dict[str, Any]:
    """A recipe as TOML would give it."""
    base: dict[str, Any] = {
        "name": "small",
        "steps": 12,
        "device": "cpu",
        "model": {"shape": "nano", "override": SHAPE},
        "data": {"length": 64, "corpus": [{"path": str(corpus)}], "prefetch": 1},
        "batch": {"samples": 8, "micro": 4},
        "precision": {"compute": "fp32"},
        "optimizer": {"lr": 3e-3},
        "checkpoint": {"every": 4, "keep": 2, "minutes": 0},
        "evaluation": {"every": 6, "tokens": 500, "infill": 4, "repair": 0, "samples": 1, "sample_tokens": 8},
        "metrics": {"sinks": []},
    }
    for name, value in changes.items():
        base[name] = {**base[name], **value} if isinstance(value, dict) and isinstance(base.get(name), dict) else value
    return base


def run(given: dict[str, Any], folder: Path, *, resume: bool = False) -> Finished:
    return train(TrainRecipe.model_validate(given), folder, resume=resume, progress=Silent())


def curve(folder: Path) -> list[dict[str, Any]]:
    """The records of a run without what may differ between two runs of one recipe."""
    return [{k: v for k, v in one.items() if k not in TIMINGS} for one in read_records(folder / "metrics.jsonl")]


def recipe_file(path: Path, given: dict[str, Any]) -> Path:
    from quantatissu.foundation.toml import dumps

    path.write_text(dumps(given), encoding="utf-8")
    return path


def quanta(*arguments: str | Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "quantatissu", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def weights(finished_or_folder: Path) -> dict[str, Any]:
    from safetensors.torch import load_file

    return {
        name: tensor
        for file in sorted(finished_or_folder.rglob("*.safetensors"))
        for name, tensor in load_file(file).items()
    }


def training_state(checkpoint: Path) -> dict[str, Any]:
    state: dict[str, Any] = json.loads((checkpoint / "training.json").read_text(encoding="utf-8"))
    return state
