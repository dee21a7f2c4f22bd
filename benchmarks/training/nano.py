"""The row ``train-nano``: a first model of this machine's own code, from one command."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.registry import Outcome, benchmark

BAR_MINUTES = 10


@benchmark(name="train-nano", bar="10 min", describe="`quanta train`: default corpus, nano, curve, card, generation")
def measure(arguments: Sequence[str]) -> Outcome:
    """Run the command in an empty folder, then look at everything it promises with transformers."""
    argparse.ArgumentParser(prog="python -m benchmarks train-nano", description=__doc__).parse_args(arguments)
    from benchmarks.training.runs import steps

    with tempfile.TemporaryDirectory() as name:
        run = Path(name) / "nano"
        began = time.perf_counter()
        subprocess.run([sys.executable, "-m", "quantatissu", "train", "--out", str(run)], check=True)
        minutes = (time.perf_counter() - began) / 60
        losses = [one["loss"] for one in steps(run)]
        early, late = sum(losses[:10]) / 10, sum(losses[-10:]) / 10
        print(f"loss {early:.2f} to {late:.2f} over {len(losses)} steps")
        checkpoint = max((run / "checkpoints").iterdir())
        text = _generated(checkpoint)
        print(f"transformers writes: {text!r}")
        whole = all((checkpoint / file).is_file() for file in ("README.md", "config.json", "tokenizer.json"))
        drawn = (run / "curves.png").stat().st_size > 10_000
    good = late < 0.8 * early and whole and drawn and bool(text)
    return Outcome(f"{minutes:.1f} min", good and minutes < BAR_MINUTES)


def _generated(checkpoint: Path) -> str:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = AutoModelForCausalLM.from_pretrained(checkpoint)
    tokenizer = AutoTokenizer.from_pretrained(checkpoint)
    ids = tokenizer("def main(arguments):\n    ", return_tensors="pt").input_ids
    made = model.generate(ids, max_new_tokens=24, do_sample=False)
    text: str = tokenizer.decode(made[0, ids.shape[1] :])
    return text
