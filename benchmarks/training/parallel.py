"""The row ``parallel-equality``: FSDP2, tensor and pipeline parallel, alone and together, against one process.

Fifty steps in float64 on the CPU, started by torchrun: two processes for each kind alone, eight for 2 x 2 x 2. A run of
four processes, sharded and tensor parallel, stops in the middle; one and two processes go on from its checkpoint. And
at 1, 2 and 4 processes the loader must deal out the same samples, step by step.

As a program of its own this module is one of the processes: ``python -m benchmarks.training.parallel JOBS.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.registry import Outcome, benchmark

BAR = 1e-9
STEPS = 50
_SAMPLES, _LENGTH = 8, 32
_TOGETHER = "shard 2 x tensor 2 x pipeline 2"
_TWO = {"shard 2": {"shard": 2}, "tensor 2": {"tensor": 2}, "pipeline 2": {"pipeline": 2, "microbatches": 2}}


@benchmark(
    name="parallel-equality", bar="1e-9", describe="loss of FSDP2 x TP x PP on 8 processes, and each on 2, against one"
)
def measure(arguments: Sequence[str]) -> Outcome:
    """The value is the largest difference of any step's loss in any run, in nats."""
    argparse.ArgumentParser(prog="python -m benchmarks parallel-equality", description=__doc__).parse_args(arguments)
    from benchmarks.training.runs import library_corpus

    os.environ["OMP_NUM_THREADS"] = "1"
    with tempfile.TemporaryDirectory(prefix="bench-parallel-") as name:
        work = Path(name)
        corpus = library_corpus(work / "corpus", files=8, vocabulary=512)
        expected = _losses(work, _jobs(work, corpus, {"one process": {}}), 1)["one process"]
        found: dict[str, list[float]] = {}
        half = {"four": {"shard": 2, "tensor": 2}}
        _losses(work, _jobs(work, corpus, half, steps=STEPS // 2), 4)
        for again in ("4 processes, then 1", "4 processes, then 2"):
            shutil.copytree(work / "four", work / again)
        found |= _losses(work, _jobs(work, corpus, {"4 processes, then 1": {}}, resume=True), 1)
        two = _jobs(work, corpus, _TWO) + _jobs(work, corpus, {"4 processes, then 2": {"pipeline": 2}}, resume=True)
        found |= _losses(work, two, 2)
        found |= _losses(work, _jobs(work, corpus, {_TOGETHER: {"shard": 2, "tensor": 2, "pipeline": 2}}), 8)
        worst = 0.0
        print(f"{'one process':32} loss {expected[0]:.6f} to {expected[-1]:.6f} in {len(expected)} steps")
        for plan, losses in found.items():
            difference = max(abs(one - other) for one, other in zip(losses, expected, strict=True))
            print(f"{plan:32} largest difference {difference:.1e}")
            worst = max(worst, difference)
        same = _same_order(corpus)
        print(f"samples of each step at 1, 2 and 4 processes: {'the same' if same else 'different'}")
    return Outcome(f"{worst:.1e}", worst < BAR and same)


def _jobs(
    work: Path, corpus: Path, plans: Mapping[str, Mapping[str, int]], *, steps: int = STEPS, resume: bool = False
) -> list[dict[str, Any]]:
    recipe = {
        "steps": steps,
        "device": "cpu",
        "model": {
            "shape": "nano",
            "override": {
                "hidden_size": 32,
                "intermediate_size": 64,
                "num_hidden_layers": 2,
                "num_attention_heads": 4,
                "num_key_value_heads": 2,
                "head_dim": 8,
                "tie_word_embeddings": False,
            },
        },
        "data": {"length": _LENGTH, "corpus": [{"path": str(corpus)}], "prefetch": 1},
        "batch": {"samples": _SAMPLES},
        "precision": {"compute": "fp64"},
        "optimizer": {"lr": 1e-2},
        "schedule": {"kind": "constant"},
        "checkpoint": {"every": 0},
        "evaluation": {"tokens": 0, "infill": 0, "repair": 0, "samples": 0},
        "metrics": {"sinks": []},
    }
    return [
        {"recipe": {**recipe, "parallel": dict(plan)}, "folder": str(work / name), "resume": resume}
        for name, plan in plans.items()
    ]


def _losses(work: Path, jobs: list[dict[str, Any]], processes: int) -> dict[str, list[float]]:
    """The curves of `jobs`, run one after another by so many processes. Raises RuntimeError when one fails."""
    from benchmarks.training.runs import steps

    for job in jobs:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            job["port"] = probe.getsockname()[1]
    listed = work / f"jobs-{processes}.json"
    listed.write_text(json.dumps(jobs), encoding="utf-8")
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    done = subprocess.run(
        [*command, "-m", "benchmarks.training.parallel", str(listed)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr[:3000])  # what follows is torchrun's own
    return {Path(job["folder"]).name: [one["loss"] for one in steps(Path(job["folder"]))] for job in jobs}


def _same_order(corpus: Path) -> bool:
    """Whether the rows of all processes, put back in order, are those of one process: ten steps of them."""
    import numpy as np

    from quantatissu.corpus.shards import open_shards
    from quantatissu.tokenizer import load_tokenizer
    from quantatissu.training.data import DataSettings, Loader, Samples

    samples = Samples([open_shards(corpus / "shards")], load_tokenizer(corpus), DataSettings(length=_LENGTH))
    seen = []
    for world in (1, 2, 4):
        rows = _SAMPLES // world
        loaders = [iter(Loader(samples, rows=rows, rank=rank, world=world, prefetch=0)) for rank in range(world)]
        order = [np.stack([next(one).tokens for one in loaders], axis=1).reshape(-1, _LENGTH) for _ in range(10)]
        seen.append(np.concatenate(order))
    return all(np.array_equal(seen[0], other) for other in seen[1:])


def _work(jobs: Path) -> None:
    """One of the processes. Each job is a run of its own, whose processes meet at a port of its own."""
    import importlib

    from quantatissu.foundation.progress import Silent
    from quantatissu.training.metrics import Peak
    from quantatissu.training.recipe import TrainRecipe
    from quantatissu.training.run import train

    # No rate is asked for here: the seconds it takes to measure the peak are saved.
    importlib.import_module("quantatissu.training.run.assembling").measure_peak = lambda device, dtype: Peak(
        1e9, 0, "", ""
    )  # type: ignore[attr-defined]
    os.environ.pop("TORCHELASTIC_USE_AGENT_STORE", None)
    for job in json.loads(jobs.read_text(encoding="utf-8")):
        os.environ["MASTER_PORT"] = str(job["port"])
        recipe = TrainRecipe.model_validate(job["recipe"])
        train(recipe, Path(job["folder"]), resume=job["resume"], progress=Silent())


if __name__ == "__main__":
    _work(Path(sys.argv[1]))
