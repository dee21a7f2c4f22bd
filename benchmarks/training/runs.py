"""Runs of ``quanta train`` for measurements: a corpus of the standard library in seconds, and processes to watch."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import sysconfig
import time
from pathlib import Path
from typing import Any


def library_corpus(folder: Path, *, files: int = 150, vocabulary: int = 2048) -> Path:
    """A build folder: shards of `files` modules of the standard library, one in twelve held out, and a tokenizer."""
    from quantatissu.corpus.shards import ShardWriter
    from quantatissu.tokenizer import TrainSettings, save_tokenizer, train_tokenizer

    root = Path(sysconfig.get_path("stdlib"))
    paths = [path for path in sorted(root.glob("*.py")) if 2_000 < path.stat().st_size < 100_000][:files]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    tokenizer = train_tokenizer(texts, TrainSettings(vocabulary=vocabulary))
    with ShardWriter(folder / "shards", tokenizer) as writer:
        for number, (path, text) in enumerate(zip(paths, texts, strict=True)):
            name = hashlib.blake2b(path.name.encode(), digest_size=16).hexdigest()
            writer.add(name, text, language="python", split="train" if number % 12 else "validation")
    save_tokenizer(tokenizer, folder)
    return folder


def train(folder: Path, corpus: Path, *settings: str, resume: bool = False) -> subprocess.Popen[str]:
    """`quanta train nano` in a process of its own."""
    command = [sys.executable, "-m", "quantatissu", "train", "nano", "--data", str(corpus), "--out", str(folder)]
    return subprocess.Popen(
        [*command, *settings, *(["--resume"] if resume else [])],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> None:
    """Wait for its good end. Raises RuntimeError with what it said otherwise."""
    _, said = process.communicate()
    if process.returncode:
        raise RuntimeError(said[-1500:])


def wait_for_step(folder: Path, step: int, process: subprocess.Popen[str]) -> None:
    """Until the run in `folder` has recorded `step`. Raises RuntimeError when it ends before."""
    while not steps(folder) or steps(folder)[-1]["step"] < step:
        if process.poll() is not None:
            raise RuntimeError(f"the run ended before step {step}: {process.communicate()[1][-1500:]}")
        time.sleep(0.05)


def steps(folder: Path) -> list[dict[str, Any]]:
    """The step records of a run so far."""
    from quantatissu.training.metrics import read_records

    path = folder / "metrics.jsonl"
    return [one for one in read_records(path) if one["kind"] == "step"] if path.exists() else []


def curve(folder: Path) -> list[dict[str, Any]]:
    """All records without what may differ between two runs of one recipe."""
    from quantatissu.training.metrics import TIMINGS, read_records

    return [{k: v for k, v in one.items() if k not in TIMINGS} for one in read_records(folder / "metrics.jsonl")]


def tensors(checkpoint: Path) -> dict[str, bytes]:
    """Every tensor of a checkpoint, weights and training state, as bytes by name."""
    from safetensors.torch import load_file

    found: dict[str, bytes] = {}
    for file in sorted(checkpoint.rglob("*.safetensors")):
        for name, tensor in load_file(file).items():
            found[f"{file.parent.name}/{name}"] = tensor.reshape(-1).contiguous().view(_byte()).numpy().tobytes()
    return found


def _byte() -> Any:
    import torch

    return torch.uint8
