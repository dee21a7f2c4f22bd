"""The row ``train-resume``: killed twice without warning, once beyond the end of an epoch, a run ends the same."""

from __future__ import annotations

import argparse
import signal
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

_SETTINGS = (
    "steps=44",
    "batch.samples=16",
    "batch.micro=8",
    "data.length=256",
    "checkpoint.every=5",
    "evaluation.every=20",
    "evaluation.tokens=8192",
    "metrics.sinks=[]",
    "model.override.num_hidden_layers=2",
)


@benchmark(
    name="train-resume", bar="bit-identical", describe="kill -9 twice, once across an epoch, against a whole run"
)
def measure(arguments: Sequence[str]) -> Outcome:
    """Compares weights, optimizer state and records, bit for bit. The epoch's length sets the steps of the kills."""
    argparse.ArgumentParser(prog="python -m benchmarks train-resume", description=__doc__).parse_args(arguments)
    from benchmarks.training.runs import curve, finish, library_corpus, steps, tensors, train, wait_for_step

    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        corpus = library_corpus(work / "corpus", files=24)
        whole, killed = work / "whole", work / "killed"
        finish(train(whole, corpus, *_SETTINGS))
        first_of_second_epoch = next(one["step"] for one in steps(whole) if one["epoch"] > 1)
        print(f"the second epoch begins in step {first_of_second_epoch} of 44")
        for at, resume in ((7, False), (first_of_second_epoch + 3, True)):
            process = train(killed, corpus, *_SETTINGS, resume=resume)
            wait_for_step(killed, at, process)
            process.send_signal(signal.SIGKILL)
            process.wait()
            print(f"killed after step {steps(killed)[-1]['step']}")
        finish(train(killed, corpus, *_SETTINGS, resume=True))
        one, other = (tensors(run / "checkpoints/step-00000044") for run in (whole, killed))
        same_records = curve(whole) == curve(killed)
        different = [name for name in one if one[name] != other.get(name)]
        print(f"{len(one)} tensors, {len(different)} different; records {'the same' if same_records else 'different'}")
    identical = one.keys() == other.keys() and not different and same_records
    return Outcome("bit-identical" if identical else "different", identical)
