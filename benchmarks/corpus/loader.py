"""The row ``loader-overhead``: the loader's tokens/s, with packing and fill-in-the-middle, against what training needs.

Everything counts: opening the shards with their checksums, planning, the order of the epoch, and every batch of one
epoch over this Python's standard library. What counts is processor time, so that other work on the machine does not;
since a training step on the CPU keeps every core busy, each second of it is taken from the step, although batches are
made in the background. On a GPU they are made beside the step, on a core that has nothing else to do: what matters
there is that the loader is faster than the step.
"""

from __future__ import annotations

import argparse
import hashlib
import sysconfig
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.registry import Outcome, benchmark

if TYPE_CHECKING:
    from quantatissu.tokenizer import Tokenizer
    from quantatissu.training.data import DataSettings

BAR_SHARE = 0.02
CPU_NEED = 10_000  # tokens/s: above what a 25M-parameter model trains at on two CPU cores
GPU_NEED = 50_000  # tokens/s: about what one H200-class device needs for a 1B-parameter model
ROWS = 8
TRAINING_BYTES = 4_000_000


@dataclass(frozen=True, slots=True)
class Speed:
    """One epoch: tokens/s of processor time, with everything and of batches alone; ``padding`` is a share of the
    positions, ``transformed`` one of the pieces.
    """

    whole: float
    batches: float
    padding: float
    transformed: float


@benchmark(name="loader-overhead", bar="2%", describe="loader's share of a 25M model's training step on the CPU")
def measure(arguments: Sequence[str]) -> Outcome:
    """Build shards, then read an epoch of them in several settings; the value is the share of the CPU setting."""
    from quantatissu.training.data import DataSettings, FimSettings

    parser = argparse.ArgumentParser(prog="python -m benchmarks loader-overhead", description=__doc__)
    parser.add_argument("--megabytes", type=float, default=16.0, help="how much of the standard library to read")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-loader-") as scratch:
        texts = library(options.megabytes * 1e6)
        tokenizer = write_shards(Path(scratch), texts)
        print(f"{len(texts)} documents, {sum(map(len, texts)) / 1e6:.1f} MB")
        cpu = read_epoch(Path(scratch), tokenizer, DataSettings(length=512))
        report("CPU, length 512, FIM 0.5", cpu, CPU_NEED)
        report("GPU, length 2048, FIM 0.5", read_epoch(Path(scratch), tokenizer, DataSettings(length=2048)), GPU_NEED)
        hard = DataSettings(length=2048, packing="concatenate", fim=FimSettings(rate=1.0))
        report("GPU, length 2048, FIM 1.0, concatenated", read_epoch(Path(scratch), tokenizer, hard), GPU_NEED)
    share = CPU_NEED / cpu.whole
    return Outcome(f"{share:.2%}", share < BAR_SHARE)


def library(limit: float) -> list[str]:
    """The standard library's modules, in order, up to `limit` characters."""
    texts: list[str] = []
    total = 0
    for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*.py")):
        if "site-packages" in path.parts:
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        texts.append(text)
        total += len(text)
        if total > limit:
            break
    return texts


def write_shards(folder: Path, texts: Sequence[str]) -> Tokenizer:
    """Train a tokenizer on a part of `texts`, evenly spread, and write them all; prints the writer's speed."""
    from quantatissu.corpus.shards import ShardSettings, ShardWriter
    from quantatissu.tokenizer import train_tokenizer

    every = max(1, sum(map(len, texts)) // TRAINING_BYTES)
    tokenizer = train_tokenizer(texts[::every])
    started = time.process_time()
    with ShardWriter(folder, tokenizer, ShardSettings(tokens=1 << 22)) as writer:
        for text in texts:
            writer.add(hashlib.blake2b(text.encode(), digest_size=16).hexdigest(), text, language="python")
    seconds = time.process_time() - started
    print(f"tokenising and writing: {sum(map(len, texts)) / 1e6 / seconds:.1f} MB/s")
    return tokenizer


def read_epoch(folder: Path, tokenizer: Tokenizer, settings: DataSettings) -> Speed:
    """Open the shards and make every batch of the first epoch."""
    from quantatissu.corpus.shards import open_shards
    from quantatissu.training.data import Samples

    started = time.process_time()
    samples = Samples([open_shards(folder)], tokenizer, settings)
    count = samples.per_epoch[0] // ROWS * ROWS
    planned = time.process_time()
    tokens = padding = 0
    for first in range(0, count, ROWS):
        batch = samples.batch(range(first, first + ROWS))
        tokens += batch.tokens.size
        padding += int((batch.documents < 0).sum())
    ended = time.process_time()
    modes = [part.mode for index in range(0, count, 7) for part in samples.parts(index)]
    changed = 1 - modes.count("plain") / len(modes)
    return Speed(tokens / (ended - started), tokens / (ended - planned), padding / tokens, changed)


def report(name: str, speed: Speed, need: int) -> None:
    """One line for people."""
    print(
        f"{name}: {speed.whole / 1e6:.2f} M tokens/s ({speed.batches / 1e6:.2f} M batches alone), "
        f"{speed.whole / need:.0f} times the {need:,} needed, {need / speed.whole:.2%} of a core; "
        f"padding {speed.padding:.1%}, transformed {speed.transformed:.0%}"
    )
